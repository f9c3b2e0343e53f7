// SPDX-License-Identifier: GPL-2.0-only
/*
 * What drivers do with the handles that a program names, and with what they may
 * take away from it: functions that are exported, and that vgem never calls.
 * gem_functions.c asks which there are; fences.c tells why each is weak.
 */
#include <linux/mm.h>
#include <linux/slab.h>
#include <linux/uaccess.h>

#include "probe_gem.h"

static void probe_objects_put(struct drm_gem_object **objects, unsigned int count)
{
	unsigned int i;

	/* One that was not found is NULL. */
	for (i = 0; objects && i < count; i++)
		if (objects[i])
			drm_gem_object_put(objects[i]);
	kvfree(objects);
}

#ifdef PROBE_HAS_LOOKUP
typeof(drm_gem_objects_lookup) drm_gem_objects_lookup __weak;

/* The objects of a call; to be put also on failure. */
static int probe_objects_get(struct drm_file *file, const struct dmabuf_probe_gem *call,
			     struct drm_gem_object ***objects)
{
	*objects = NULL;
	if (call->handle || call->flags || call->count > DMABUF_PROBE_MAX_OBJECTS)
		return -EINVAL;
	if (!drm_gem_objects_lookup)
		return -ENOTTY;
	return drm_gem_objects_lookup(file, u64_to_user_ptr(call->pointer), call->count, objects);
}
#else
static int probe_objects_get(struct drm_file *file, const struct dmabuf_probe_gem *call,
			     struct drm_gem_object ***objects)
{
	*objects = NULL;
	return -ENOTTY;
}
#endif

#if defined(PROBE_HAS_LOCK) && defined(PROBE_HAS_UNLOCK)
typeof(drm_gem_lock_reservations) drm_gem_lock_reservations __weak;
typeof(drm_gem_unlock_reservations) drm_gem_unlock_reservations __weak;

static int probe_objects_lock(struct drm_gem_object **objects, const struct dmabuf_probe_gem *call)
{
	struct ww_acquire_ctx ticket;
	u64 round;
	int ret = 0;

	if (!drm_gem_lock_reservations || !drm_gem_unlock_reservations)
		return -ENOTTY;
	for (round = 0; !ret && round < call->value; round++) {
		ret = drm_gem_lock_reservations(objects, call->count, &ticket);
		if (!ret)
			drm_gem_unlock_reservations(objects, call->count, &ticket);
	}
	return ret;
}
#else
static int probe_objects_lock(struct drm_gem_object **objects, const struct dmabuf_probe_gem *call)
{
	return -ENOTTY;
}
#endif

static int probe_gem_lock(struct drm_file *file, struct dmabuf_probe_gem *call)
{
	struct drm_gem_object **objects;
	int ret = -EINVAL;

	if (call->value > DMABUF_PROBE_MAX_HANDLES)
		return ret;
	ret = probe_objects_get(file, call, &objects);
	if (!ret)
		ret = probe_objects_lock(objects, call);
	probe_objects_put(objects, call->count);
	return ret;
}

#ifdef PROBE_HAS_GEM_WAIT
typeof(drm_gem_dma_resv_wait) drm_gem_dma_resv_wait __weak;
#endif

static int probe_gem_wait(struct drm_file *file, struct dmabuf_probe_gem *call)
{
#ifdef PROBE_HAS_GEM_WAIT
	if (call->flags & ~DMABUF_PROBE_WAIT_ALL || call->value > DMABUF_PROBE_MAX_WAIT)
		return -EINVAL;
	if (drm_gem_dma_resv_wait)
		return drm_gem_dma_resv_wait(file, call->handle,
					     call->flags & DMABUF_PROBE_WAIT_ALL,
					     msecs_to_jiffies(call->value));
#endif
	return -ENOTTY;
}

#ifdef PROBE_HAS_EVICT_LOCKED
#define drm_gem_evict drm_gem_evict_locked
#define PROBE_HAS_EVICT
#endif

#ifdef PROBE_HAS_EVICT
typeof(drm_gem_evict) drm_gem_evict __weak;

static int probe_evict(struct drm_gem_object *object)
{
	return drm_gem_evict ? drm_gem_evict(object) : -ENOTTY;
}
#else
static int probe_evict(struct drm_gem_object *object)
{
	return -ENOTTY;
}
#endif

static int probe_gem_evict(struct drm_gem_object *object)
{
	int ret = dma_resv_lock_interruptible(object->resv, NULL);

	if (ret)
		return ret;
	ret = probe_evict(object);
	dma_resv_unlock(object->resv);
	return ret;
}

#if defined(PROBE_HAS_EVICT) && defined(PROBE_HAS_LRU_INIT) && defined(PROBE_HAS_LRU_SCAN)
#define PROBE_SHRINKS 1
#elif defined(PROBE_HAS_EVICT) && defined(PROBE_HAS_LRU_INIT_ALONE) && \
	defined(PROBE_HAS_LRU_SCAN_WITH)
#define PROBE_SHRINKS 2
#endif

#ifdef PROBE_SHRINKS
typeof(drm_gem_lru_init) drm_gem_lru_init __weak;
typeof(drm_gem_lru_scan) drm_gem_lru_scan __weak;
typeof(drm_gem_lru_move_tail) drm_gem_lru_move_tail __weak;
typeof(drm_gem_lru_remove) drm_gem_lru_remove __weak;

/* An object is on one list at most: one call at a time. */
static DEFINE_MUTEX(probe_shrink_lock);

static bool probe_shrink_object(struct drm_gem_object *object)
{
	if (probe_evict(object))
		return false;
	drm_gem_lru_remove(object);
	return true;
}

#if PROBE_SHRINKS == 1
static DEFINE_MUTEX(probe_lru_lock);

static void probe_lru_init(struct drm_gem_lru *lru)
{
	drm_gem_lru_init(lru, &probe_lru_lock);
}

static unsigned long probe_lru_scan(struct drm_device *device, struct drm_gem_lru *lru,
				    unsigned int pages, unsigned long *left)
{
	return drm_gem_lru_scan(lru, pages, left, probe_shrink_object);
}
#else
/* Since 7.x the lock is the device's, and the callback may lock others. */
static bool probe_shrink_one(struct drm_gem_object *object, struct ww_acquire_ctx *ticket)
{
	return probe_shrink_object(object);
}

static void probe_lru_init(struct drm_gem_lru *lru)
{
	drm_gem_lru_init(lru);
}

static unsigned long probe_lru_scan(struct drm_device *device, struct drm_gem_lru *lru,
				    unsigned int pages, unsigned long *left)
{
	return drm_gem_lru_scan(device, lru, pages, left, probe_shrink_one, NULL);
}
#endif

static int probe_shrink(struct drm_device *device, struct drm_gem_object **objects,
			struct dmabuf_probe_gem *call)
{
	unsigned long left = 0;
	struct drm_gem_lru lru;
	u64 told[2];
	unsigned int i;

	if (!drm_gem_lru_init || !drm_gem_lru_scan || !drm_gem_lru_move_tail || !drm_gem_lru_remove)
		return -ENOTTY;
	mutex_lock(&probe_shrink_lock);
	probe_lru_init(&lru);
	for (i = 0; i < call->count; i++)
		drm_gem_lru_move_tail(&lru, objects[i]);
	call->value = probe_lru_scan(device, &lru, call->value, &left);
	told[0] = left;
	told[1] = lru.count;
	for (i = 0; i < call->count; i++)
		drm_gem_lru_remove(objects[i]);
	mutex_unlock(&probe_shrink_lock);
	return copy_to_user(u64_to_user_ptr(call->pointer), told, sizeof(told)) ? -EFAULT : 0;
}
#else
static int probe_shrink(struct drm_device *device, struct drm_gem_object **objects,
			struct dmabuf_probe_gem *call)
{
	return -ENOTTY;
}
#endif

static int probe_gem_shrink(struct drm_device *device, struct drm_file *file,
			    struct dmabuf_probe_gem *call)
{
	struct drm_gem_object **objects;
	int ret = probe_objects_get(file, call, &objects);

	if (!ret)
		ret = probe_shrink(device, objects, call);
	probe_objects_put(objects, call->count);
	return ret;
}

static int probe_gem_with_memory(struct drm_gem_object *object, struct dmabuf_probe_gem *call)
{
	struct drm_gem_shmem_object *shmem = to_drm_gem_shmem_obj(object);

	if (probe_gem_is_bare(object) || object->import_attach || call->flags)
		return -EINVAL;
	switch (call->act) {
	case DMABUF_PROBE_GEM_TABLE:
		return probe_gem_table(shmem, call);
	case DMABUF_PROBE_GEM_PIN:
		return probe_gem_pin(shmem, call);
	case DMABUF_PROBE_GEM_ADVISE:
		return probe_gem_advise(shmem, call);
	case DMABUF_PROBE_GEM_PURGE:
		return probe_gem_purge(shmem, call);
	default:
		return -EINVAL;
	}
}

static int probe_gem_with_object(struct drm_file *file, struct dmabuf_probe_gem *call)
{
	struct drm_gem_object *object = drm_gem_object_lookup(file, call->handle);
	int ret;

	if (!object)
		return -ENOENT;
	if (call->act == DMABUF_PROBE_GEM_READ || call->act == DMABUF_PROBE_GEM_WRITE)
		ret = probe_gem_map(object, file, call);
	else if (call->act == DMABUF_PROBE_GEM_EVICT)
		ret = call->flags ? -EINVAL : probe_gem_evict(object);
	else
		ret = probe_gem_with_memory(object, call);
	drm_gem_object_put(object);
	return ret;
}

int probe_gem(struct drm_device *device, void *argument, struct drm_file *file)
{
	struct dmabuf_probe_gem *call = argument;

	switch (call->act) {
	case DMABUF_PROBE_GEM_LOCK:
		return probe_gem_lock(file, call);
	case DMABUF_PROBE_GEM_WAIT:
		return probe_gem_wait(file, call);
	case DMABUF_PROBE_GEM_SHRINK:
		return probe_gem_shrink(device, file, call);
	case DMABUF_PROBE_GEM_SEGMENTS:
		return probe_gem_segments(call);
	case DMABUF_PROBE_GEM_BARE:
		return probe_gem_bare(device, file, call);
	case DMABUF_PROBE_GEM_OPENED:
		return probe_gem_opened(call);
	default:
		return probe_gem_with_object(file, call);
	}
}
