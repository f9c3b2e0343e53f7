// SPDX-License-Identifier: GPL-2.0-only
/* Mapping several buffers under one acquire context: lock, back off, lock again. */

#include <linux/ww_mutex.h>

#include "probe.h"

struct probe_many {
	unsigned int count;
	u32 retries;
	struct ww_acquire_ctx context;
	struct probe_attachment *attachments[DMABUF_PROBE_MAX_LOCKS];
	struct probe_mapping *mappings[DMABUF_PROBE_MAX_LOCKS];
	bool locked[DMABUF_PROBE_MAX_LOCKS]; /* by this one: several may be of the same buffer */
};

static struct dma_resv *probe_resv(struct probe_many *many, unsigned int i)
{
	return many->attachments[i]->dmabuf->resv;
}

static void probe_unlock_many(struct probe_many *many)
{
	unsigned int i;

	for (i = 0; i < many->count; i++) {
		if (many->locked[i])
			dma_resv_unlock(probe_resv(many, i));
		many->locked[i] = false;
	}
}

/* The index of the lock to wait for, the number of locks if all are held, or a negative errno. */
static int probe_try_many(struct probe_many *many)
{
	unsigned int i;
	int ret;

	for (i = 0; i < many->count; i++) {
		if (many->locked[i])
			continue;
		ret = dma_resv_lock(probe_resv(many, i), &many->context);
		if (ret == -EDEADLK)
			return i;
		if (ret && ret != -EALREADY)
			return ret;
		many->locked[i] = !ret;
	}
	return many->count;
}

/* Signals do not interrupt it, as they do not interrupt the dma-buf core. */
static int probe_lock_many(struct probe_many *many)
{
	int contended;

	while ((contended = probe_try_many(many)) != many->count) {
		probe_unlock_many(many);
		if (contended < 0)
			return contended;
		many->retries++;
		dma_resv_lock_slow(probe_resv(many, contended), &many->context);
		many->locked[contended] = true;
	}
	ww_acquire_done(&many->context);
	return 0;
}

static int probe_map_many(struct probe_many *many)
{
	int ret = 0;
	unsigned int i;

	for (i = 0; i < many->count && !ret; i++) {
		struct probe_mapping *mapping = many->mappings[i];
		struct dma_buf_attachment *attach = many->attachments[i]->attach;

		ret = probe_mapping_done(mapping,
					 dma_buf_map_attachment(attach, mapping->direction));
	}
	return ret;
}

static int probe_lock_and_map(struct probe_many *many)
{
	int ret;

	ww_acquire_init(&many->context, &reservation_ww_class);
	ret = probe_lock_many(many);
	if (!ret) {
		ret = probe_map_many(many);
		probe_unlock_many(many);
	}
	ww_acquire_fini(&many->context);
	return ret;
}

static int probe_enter_many(struct probe_many *many, struct probe_file *file,
			    struct dmabuf_probe_map_all *map, struct probe_made *made)
{
	struct probe_attachment *attachment;
	struct probe_mapping *mapping;

	while (many->count < map->count) {
		attachment = probe_attachment_enter(file, map->attachments[many->count]);
		if (!attachment)
			return -ENOENT;
		many->attachments[many->count++] = attachment;
		if (!attachment->dynamic)
			return -EINVAL;
		mapping = probe_mapping_create(attachment, map->direction, made);
		if (IS_ERR(mapping))
			return PTR_ERR(mapping);
		many->mappings[many->count - 1] = mapping;
	}
	return 0;
}

/* What was mapped before another one failed is undone with all else that the call made. */
int probe_map_all(struct probe_file *file, void *argument, struct probe_made *made)
{
	struct dmabuf_probe_map_all *map = argument;
	struct probe_many many = { };
	unsigned int i;
	int ret;

	if (!map->count || map->count > DMABUF_PROBE_MAX_LOCKS || map->direction >= DMA_NONE ||
	    map->reserved)
		return -EINVAL;
	ret = probe_enter_many(&many, file, map, made);
	if (!ret)
		ret = probe_lock_and_map(&many);
	for (i = 0; i < many.count; i++) {
		if (!ret)
			map->handles[i] = many.mappings[i]->object.handle;
		probe_attachment_leave(many.attachments[i]);
	}
	map->retries = many.retries;
	return ret;
}
