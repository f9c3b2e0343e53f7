// SPDX-License-Identifier: GPL-2.0-only
/*
 * The memory of GEM objects as drivers have it: mapped for the kernel, as a table
 * for a device, pinned, and given up. gem_functions.c asks which functions there
 * are; fences.c tells why each is weak.
 */
#include <linux/dma-resv.h>
#include <linux/mm.h>
#include <linux/scatterlist.h>
#include <linux/slab.h>
#include <linux/uaccess.h>
#include <drm/drm_prime.h>

#include "probe_gem.h"

/* The lock is theirs; since 7.x the names without a suffix say so. */
#if defined(PROBE_HAS_GEM_VMAP_UNLOCKED)
#define probe_vmap drm_gem_vmap_unlocked
#define probe_vunmap drm_gem_vunmap_unlocked
#elif defined(PROBE_HAS_GEM_VMAP)
#define probe_vmap drm_gem_vmap
#define probe_vunmap drm_gem_vunmap
#endif

#ifdef probe_vmap
typeof(probe_vmap) probe_vmap __weak;
typeof(probe_vunmap) probe_vunmap __weak;

static int probe_map_copy(struct iosys_map *map, const struct dmabuf_probe_gem *call)
{
	unsigned long missed;

	if (map->is_iomem)
		return -EIO;
	if (call->act == DMABUF_PROBE_GEM_WRITE)
		missed = copy_from_user(map->vaddr, u64_to_user_ptr(call->pointer), call->count);
	else
		missed = copy_to_user(u64_to_user_ptr(call->pointer), map->vaddr, call->count);
	return missed ? -EFAULT : 0;
}

/* Mapped twice, as by two who do not know of each other: the first to go takes nothing away. */
static int probe_map_twice(struct drm_gem_object *object, const struct dmabuf_probe_gem *call)
{
	struct iosys_map map, other;
	int ret = probe_vmap(object, &map);

	if (ret)
		return ret;
	ret = probe_vmap(object, &other);
	if (!ret) {
		if (!iosys_map_is_equal(&map, &other))
			ret = -EIO;
		probe_vunmap(object, &other);
	}
	if (!ret)
		ret = probe_map_copy(&map, call);
	probe_vunmap(object, &map);
	return ret;
}
#endif

int probe_gem_map(struct drm_gem_object *object, struct drm_file *file,
		  struct dmabuf_probe_gem *call)
{
#ifdef probe_vmap
	if (call->flags & ~DMABUF_PROBE_FORGOTTEN || call->value)
		return -EINVAL;
	if (call->count > object->size)
		return -ERANGE;
	if (!probe_vmap || !probe_vunmap)
		return -ENOTTY;
	if (call->flags & DMABUF_PROBE_FORGOTTEN)
		drm_gem_handle_delete(file, call->handle);
	return probe_map_twice(object, call);
#else
	return -ENOTTY;
#endif
}

#if defined(PROBE_HAS_ADDRESSES) && defined(PROBE_HAS_CONTIGUOUS) && defined(PROBE_HAS_PAGES)
typeof(drm_prime_sg_to_dma_addr_array) drm_prime_sg_to_dma_addr_array __weak;
typeof(drm_prime_sg_to_page_array) drm_prime_sg_to_page_array __weak;
typeof(drm_prime_get_contiguous_size) drm_prime_get_contiguous_size __weak;

/*
 * The addresses of @count pages of @table, and where it has others than @pages,
 * which may be NULL, EIO.
 */
static int probe_addresses(struct sg_table *table, struct page **pages, unsigned int count,
			   struct dmabuf_probe_gem *call)
{
	dma_addr_t addresses[DMABUF_PROBE_MAX_OBJECTS] = {};
	struct page *found[DMABUF_PROBE_MAX_OBJECTS] = {};

	if (!drm_prime_sg_to_dma_addr_array || !drm_prime_sg_to_page_array ||
	    !drm_prime_get_contiguous_size)
		return -ENOTTY;
	call->value = drm_prime_get_contiguous_size(table);
	if (drm_prime_sg_to_dma_addr_array(table, addresses, count))
		return -EIO;
	if (pages && (drm_prime_sg_to_page_array(table, found, count) ||
		      memcmp(found, pages, count * sizeof(*pages))))
		return -EIO;
	return copy_to_user(u64_to_user_ptr(call->pointer), addresses, count * sizeof(u64)) ?
		       -EFAULT :
		       0;
}
#else
static int probe_addresses(struct sg_table *table, struct page **pages, unsigned int count,
			   struct dmabuf_probe_gem *call)
{
	return -ENOTTY;
}
#endif

#ifdef PROBE_HAS_TABLE
typeof(drm_gem_shmem_get_pages_sgt) drm_gem_shmem_get_pages_sgt __weak;
#endif

int probe_gem_table(struct drm_gem_shmem_object *shmem, struct dmabuf_probe_gem *call)
{
#ifdef PROBE_HAS_TABLE
	struct sg_table *table;

	if (call->count > DMABUF_PROBE_MAX_OBJECTS ||
	    call->count != shmem->base.size >> PAGE_SHIFT || call->value)
		return -EINVAL;
	if (!drm_gem_shmem_get_pages_sgt)
		return -ENOTTY;
	table = drm_gem_shmem_get_pages_sgt(shmem);
	if (IS_ERR(table))
		return PTR_ERR(table);
	return probe_addresses(table, shmem->pages, call->count, call);
#else
	return -ENOTTY;
#endif
}

/* As an IOMMU does it: what is apart for the CPU may be in one piece for the device. */
int probe_gem_segments(struct dmabuf_probe_gem *call)
{
	struct scatterlist entries[DMABUF_PROBE_MAX_OBJECTS], *entry;
	u64 segments[DMABUF_PROBE_MAX_OBJECTS][2];
	struct sg_table table = { .sgl = entries, .nents = call->count, .orig_nents = call->value };
	unsigned int i;

	if (call->handle || call->flags || !call->count || call->count > call->value ||
	    call->value > DMABUF_PROBE_MAX_OBJECTS)
		return -EINVAL;
	if (copy_from_user(segments, u64_to_user_ptr(call->pointer),
			   call->count * sizeof(*segments)))
		return -EFAULT;
	sg_init_table(entries, call->value);
	for_each_sgtable_sg((&table), entry, i)
		sg_set_page(entry, ZERO_PAGE(0), PAGE_SIZE, 0);
	for_each_sgtable_dma_sg((&table), entry, i) {
		sg_dma_address(entry) = segments[i][0];
		sg_dma_len(entry) = segments[i][1];
	}
	return probe_addresses(&table, NULL, call->value, call);
}

#ifdef PROBE_HAS_PIN
typeof(drm_gem_shmem_pin) drm_gem_shmem_pin __weak;
typeof(drm_gem_shmem_unpin) drm_gem_shmem_unpin __weak;
#endif

int probe_gem_pin(struct drm_gem_shmem_object *shmem, struct dmabuf_probe_gem *call)
{
#ifdef PROBE_HAS_PIN
	int ret;

	if (call->count || call->value)
		return -EINVAL;
	if (!drm_gem_shmem_pin || !drm_gem_shmem_unpin)
		return -ENOTTY;
	ret = drm_gem_shmem_pin(shmem);
	if (!ret)
		drm_gem_shmem_unpin(shmem);
	return ret;
#else
	return -ENOTTY;
#endif
}

/* Before 6.10 or so they have a lock of their own, and other results. */
#if defined(PROBE_HAS_PIN_LOCKED) && defined(PROBE_HAS_PURGE_LOCKED)
#define probe_advise drm_gem_shmem_madvise_locked
#define probe_purge drm_gem_shmem_purge_locked
#elif defined(PROBE_HAS_PIN_LOCKED) && defined(PROBE_HAS_PURGE)
#define probe_advise drm_gem_shmem_madvise
#define probe_purge drm_gem_shmem_purge
#endif

#ifdef probe_purge
typeof(probe_advise) probe_advise __weak;
typeof(probe_purge) probe_purge __weak;
#endif

int probe_gem_advise(struct drm_gem_shmem_object *shmem, struct dmabuf_probe_gem *call)
{
#ifdef probe_purge
	if (call->count || call->value > 1)
		return -EINVAL;
	if (!probe_advise)
		return -ENOTTY;
	dma_resv_lock(shmem->base.resv, NULL);
	call->value = probe_advise(shmem, call->value);
	dma_resv_unlock(shmem->base.resv);
	return 0;
#else
	return -ENOTTY;
#endif
}

int probe_gem_purge(struct drm_gem_shmem_object *shmem, struct dmabuf_probe_gem *call)
{
#ifdef probe_purge
	int ret = -EBUSY;

	if (call->count || call->value)
		return -EINVAL;
	if (!probe_purge)
		return -ENOTTY;
	dma_resv_lock(shmem->base.resv, NULL);
	if (drm_gem_shmem_is_purgeable(shmem)) {
		probe_purge(shmem);
		ret = 0;
	}
	dma_resv_unlock(shmem->base.resv);
	return ret;
#else
	return -ENOTTY;
#endif
}
