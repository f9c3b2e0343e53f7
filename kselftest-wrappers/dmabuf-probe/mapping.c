// SPDX-License-Identifier: GPL-2.0-only
/* Mapping and unmapping, as the API asks of static and of dynamic importers. */

#include <linux/scatterlist.h>
#include <linux/slab.h>

#include "probe.h"

/* Must the caller of the core's plain functions hold the lock? */
static bool probe_takes_lock(struct probe_attachment *attachment, bool unlocked)
{
	return attachment->dynamic || (unlocked && PROBE_LOCKED_MAPS);
}

static void probe_do_unmap(struct probe_mapping *mapping, struct sg_table *sgt, bool unlocked)
{
	struct probe_attachment *attachment = mapping->attachment;
	struct probe_unlocked act;

	if (probe_takes_lock(attachment, unlocked)) {
		probe_attachment_lock(attachment, &act, unlocked);
		dma_buf_unmap_attachment(attachment->attach, sgt, mapping->direction);
		probe_attachment_unlock(attachment, &act, unlocked);
	} else {
		mutex_lock(&attachment->map_lock);
		probe_unmap_static(attachment->attach, sgt, mapping->direction);
		mutex_unlock(&attachment->map_lock);
	}
}

/* A table may have an entry for each page. */
static size_t probe_table_bytes(struct probe_attachment *attachment)
{
	return (attachment->dmabuf->size >> PAGE_SHIFT) * sizeof(struct scatterlist);
}

/* Keeps @attachment from being detached. */
static int probe_mapping_begin(struct probe_attachment *attachment)
{
	int ret = probe_charge(attachment->object.file, probe_table_bytes(attachment));

	if (ret)
		return ret;
	spin_lock(&attachment->lock);
	if (attachment->dead)
		ret = -ENOENT;
	else
		attachment->mapped++;
	spin_unlock(&attachment->lock);
	if (ret)
		probe_uncharge(attachment->object.file, probe_table_bytes(attachment));
	return ret;
}

static void probe_mapping_end(struct probe_attachment *attachment)
{
	spin_lock(&attachment->lock);
	attachment->mapped--;
	spin_unlock(&attachment->lock);
	probe_uncharge(attachment->object.file, probe_table_bytes(attachment));
}

/* Once for each mapping, also for one that was never mapped. */
static void probe_unmap_mapping(struct probe_mapping *mapping, bool unlocked)
{
	struct probe_attachment *attachment = mapping->attachment;
	struct sg_table *sgt;

	mutex_lock(&mapping->lock);
	sgt = mapping->sgt;
	mapping->sgt = NULL;
	mutex_unlock(&mapping->lock);
	if (sgt)
		probe_do_unmap(mapping, sgt, unlocked);

	spin_lock(&attachment->lock);
	list_del(&mapping->node);
	spin_unlock(&attachment->lock);
	probe_mapping_end(attachment);
}

static void probe_mapping_undo(struct probe_object *object)
{
	probe_unmap_mapping(to_mapping(object), false);
}

static void probe_mapping_free(struct probe_object *object)
{
	struct probe_mapping *mapping = to_mapping(object);

	probe_object_put(&mapping->attachment->object);
	kfree(mapping);
}

/* One that is not mapped yet. The caller has entered @attachment. */
struct probe_mapping *probe_mapping_create(struct probe_attachment *attachment, u32 direction,
					   struct probe_made *made)
{
	struct probe_mapping *mapping = kzalloc(sizeof(*mapping), GFP_KERNEL_ACCOUNT);
	int ret;

	if (!mapping)
		return ERR_PTR(-ENOMEM);
	ret = probe_mapping_begin(attachment);
	if (ret)
		goto err_free;
	ret = probe_object_init(&mapping->object, attachment->object.file, PROBE_MAPPING,
				probe_mapping_undo, probe_mapping_free);
	if (ret)
		goto err_end;
	kref_get(&attachment->object.ref);
	mapping->attachment = attachment;
	mapping->direction = direction;
	mutex_init(&mapping->lock);
	INIT_LIST_HEAD(&mapping->node);
	probe_made_add(made, &mapping->object);
	return mapping;

err_end:
	probe_mapping_end(attachment);
err_free:
	kfree(mapping);
	return ERR_PTR(ret);
}

/*
 * A number that two mappings share if the core gave them the same table: they
 * have it at once, or it is the one that the core keeps.
 */
static u64 probe_table_number(struct probe_attachment *attachment, struct sg_table *sgt)
{
	u64 fresh = atomic64_inc_return(&attachment->object.file->tables);
	struct probe_mapping *other;

	if (probe_is_cached(attachment->attach, sgt)) {
		if (!attachment->cached_table)
			attachment->cached_table = fresh;
		return attachment->cached_table;
	}
	list_for_each_entry(other, &attachment->mappings, node)
		if (READ_ONCE(other->sgt) == sgt)
			return other->table;
	return fresh;
}

/* For dynamic importers under the lock, so that no notification comes in between. */
int probe_mapping_done(struct probe_mapping *mapping, struct sg_table *sgt)
{
	struct probe_attachment *attachment = mapping->attachment;
	struct scatterlist *sg;
	unsigned int i;

	if (IS_ERR_OR_NULL(sgt))
		return sgt ? PTR_ERR(sgt) : -ENOMEM;
	for_each_sg(sgt->sgl, sg, sgt->nents, i)
		mapping->size += sg_dma_len(sg);
	spin_lock(&attachment->lock);
	mapping->notified = attachment->notified;
	mapping->table = probe_table_number(attachment, sgt);
	mapping->sgt = sgt;
	list_add(&mapping->node, &attachment->mappings);
	spin_unlock(&attachment->lock);
	return 0;
}

static int probe_do_map(struct probe_mapping *mapping, bool unlocked)
{
	struct probe_attachment *attachment = mapping->attachment;
	struct probe_unlocked act;
	struct sg_table *sgt;
	int ret;

	if (probe_takes_lock(attachment, unlocked)) {
		probe_attachment_lock(attachment, &act, unlocked);
		sgt = dma_buf_map_attachment(attachment->attach, mapping->direction);
		ret = probe_mapping_done(mapping, sgt);
		probe_attachment_unlock(attachment, &act, unlocked);
	} else {
		mutex_lock(&attachment->map_lock);
		sgt = probe_map_static(attachment->attach, mapping->direction);
		ret = probe_mapping_done(mapping, sgt);
		mutex_unlock(&attachment->map_lock);
	}
	return ret;
}

int probe_map(struct probe_file *file, void *argument, struct probe_made *made)
{
	struct dmabuf_probe_map *map = argument;
	struct probe_attachment *attachment;
	struct probe_mapping *mapping;
	int ret;

	if (map->direction >= DMA_NONE || map->flags & ~DMABUF_PROBE_UNLOCKED || map->reserved)
		return -EINVAL;
	attachment = probe_attachment_enter(file, map->attachment);
	if (!attachment)
		return -ENOENT;
	mapping = probe_mapping_create(attachment, map->direction, made);
	ret = PTR_ERR_OR_ZERO(mapping);
	if (!ret)
		ret = probe_do_map(mapping, map->flags & DMABUF_PROBE_UNLOCKED);
	if (!ret) {
		map->handle = mapping->object.handle;
		map->size = mapping->size;
		map->table = mapping->table;
		map->segments = mapping->sgt->nents;
	}
	probe_attachment_leave(attachment);
	return ret;
}

int probe_unmap(struct probe_file *file, void *argument, struct probe_made *made)
{
	struct dmabuf_probe_unmap *unmap = argument;
	struct probe_object *object;

	if (unmap->flags & ~DMABUF_PROBE_UNLOCKED)
		return -EINVAL;
	object = probe_object_take(file, unmap->mapping, PROBE_MAPPING);
	if (!object)
		return -ENOENT;
	probe_unmap_mapping(to_mapping(object), unmap->flags & DMABUF_PROBE_UNLOCKED);
	probe_object_put(object);
	return 0;
}
