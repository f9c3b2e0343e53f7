// SPDX-License-Identifier: GPL-2.0-only
/* The exporter's callbacks: they do their work, count, log, and fail as planned. */

#include <linux/dma-direct.h>
#include <linux/scatterlist.h>
#include <linux/slab.h>

#include "probe.h"

struct dma_buf_ops probe_exporters[DMABUF_PROBE_CACHING_DYNAMIC + 1];

/* NULL if @dmabuf is not one of ours. */
struct probe_buffer *probe_buffer_of(struct dma_buf *dmabuf)
{
	const struct dma_buf_ops *ops = dmabuf->ops;

	if (ops < probe_exporters || ops >= probe_exporters + ARRAY_SIZE(probe_exporters))
		return NULL;
	return dmabuf->priv;
}

/* Does the current task hold the reservation lock? */
bool probe_buffer_held(struct probe_buffer *buffer)
{
	return READ_ONCE(buffer->unlocked) != current && probe_resv_held(&buffer->resv);
}

static void probe_balance(s32 *pins, s32 *mappings, s32 *attachments, unsigned int call)
{
	*pins += (call == DMABUF_PROBE_CALL_PIN) - (call == DMABUF_PROBE_CALL_UNPIN);
	*mappings += (call == DMABUF_PROBE_CALL_MAP) - (call == DMABUF_PROBE_CALL_UNMAP);
	*attachments += (call == DMABUF_PROBE_CALL_ATTACH) - (call == DMABUF_PROBE_CALL_DETACH);
}

/* What is held is counted as the kernel asks and gives back, also below 0: nothing is put right. */
void probe_buffer_count(struct probe_buffer *buffer, struct probe_seen *seen, unsigned int call,
			int result, bool held)
{
	s32 unused;

	spin_lock(&buffer->lock);
	buffer->counts.calls[call]++;
	buffer->counts.unlocked[call] += !held;
	if (!result)
		probe_balance(&buffer->pins, &buffer->mappings, &buffer->attachments, call);
	if (seen) {
		seen->counts.calls[call]++;
		seen->counts.unlocked[call] += !held;
		if (!result)
			probe_balance(&seen->pins, &unused, &unused, call);
	}
	spin_unlock(&buffer->lock);
}

static void probe_note(struct probe_buffer *buffer, struct dma_buf_attachment *attach,
		       unsigned int call, int result, bool held)
{
	struct probe_seen *seen = attach ? attach->priv : NULL;
	struct dmabuf_probe_event event = {
		.call = call,
		.buffer = READ_ONCE(buffer->object.handle),
		.attachment = seen ? READ_ONCE(seen->attachment) : 0,
		.generation = READ_ONCE(buffer->generation),
		.result = result,
		.locked = held,
	};

	probe_buffer_count(buffer, seen, call, result, held);
	probe_log(buffer->object.file, event);
}

/* The negative errno that this call of @callback is to return, or 0. */
static int probe_planned(struct probe_buffer *buffer, unsigned int callback)
{
	int ret = 0;

	spin_lock(&buffer->lock);
	if (buffer->plans[callback].nth && !--buffer->plans[callback].nth)
		ret = -(int)buffer->plans[callback].error;
	spin_unlock(&buffer->lock);
	return ret;
}

static int probe_exporter_attach(struct dma_buf *dmabuf, struct dma_buf_attachment *attach)
{
	struct probe_seen *seen = kzalloc(sizeof(*seen), GFP_KERNEL_ACCOUNT);
	struct probe_buffer *buffer = dmabuf->priv;
	int ret = probe_planned(buffer, DMABUF_PROBE_ON_ATTACH);

	if (!ret && !seen)
		ret = -ENOMEM;
	/* A device that would not find our pages at their physical addresses. */
	if (!ret && device_iommu_mapped(attach->dev))
		ret = -EOPNOTSUPP;
	if (ret)
		kfree(seen);
	else
		attach->priv = seen;
	probe_note(buffer, attach, DMABUF_PROBE_CALL_ATTACH, ret, probe_buffer_held(buffer));
	return ret;
}

static void probe_exporter_detach(struct dma_buf *dmabuf, struct dma_buf_attachment *attach)
{
	struct probe_buffer *buffer = dmabuf->priv;

	probe_note(buffer, attach, DMABUF_PROBE_CALL_DETACH, 0, probe_buffer_held(buffer));
	kfree(attach->priv);
	attach->priv = NULL;
}

static int probe_exporter_pin(struct dma_buf_attachment *attach)
{
	struct probe_buffer *buffer = attach->dmabuf->priv;
	int ret = probe_planned(buffer, DMABUF_PROBE_ON_PIN);

	probe_note(buffer, attach, DMABUF_PROBE_CALL_PIN, ret, probe_buffer_held(buffer));
	return ret;
}

static void probe_exporter_unpin(struct dma_buf_attachment *attach)
{
	struct probe_buffer *buffer = attach->dmabuf->priv;

	probe_note(buffer, attach, DMABUF_PROBE_CALL_UNPIN, 0, probe_buffer_held(buffer));
}

/* A table that was given out, and the pages in it. */
struct probe_table {
	struct sg_table sgt;
	struct probe_location *location;
};

/*
 * The pages do not go through dma_map_sg(): DMA_API_DEBUG warns if a page is
 * mapped more than eight times at once (active_cacheline_inc_overlap() in
 * kernel/dma/debug.c), but many importers of one buffer are what we are for.
 * Nothing here does DMA, and there is no IOMMU (see attach).
 */
static int probe_table_fill(struct probe_table *table, struct device *dev)
{
	struct probe_location *location = table->location;
	struct scatterlist *sg;
	dma_addr_t address;
	int ret, i;

	ret = sg_alloc_table(&table->sgt, location->count, GFP_KERNEL);
	if (ret)
		return ret;
	for_each_sg(table->sgt.sgl, sg, table->sgt.nents, i) {
		address = phys_to_dma(dev, page_to_phys(location->pages[i]));
		if (address + PAGE_SIZE - 1 > dma_get_mask(dev)) {
			sg_free_table(&table->sgt);
			return -EIO;
		}
		sg_set_page(sg, location->pages[i], PAGE_SIZE, 0);
		sg_dma_address(sg) = address;
		sg_dma_len(sg) = PAGE_SIZE;
	}
	return 0;
}

static struct probe_table *probe_table_create(struct probe_buffer *buffer, struct device *dev)
{
	struct probe_table *table = kzalloc(sizeof(*table), GFP_KERNEL_ACCOUNT);
	int ret;

	if (!table)
		return ERR_PTR(-ENOMEM);
	/* Not all kernels hold the reservation lock for a static exporter. */
	spin_lock(&buffer->lock);
	table->location = buffer->location;
	kref_get(&table->location->ref);
	spin_unlock(&buffer->lock);

	ret = probe_table_fill(table, dev);
	if (ret) {
		probe_location_put(table->location);
		kfree(table);
		return ERR_PTR(ret);
	}
	return table;
}

static struct sg_table *probe_exporter_map(struct dma_buf_attachment *attach,
					   enum dma_data_direction direction)
{
	struct probe_buffer *buffer = attach->dmabuf->priv;
	bool held = probe_buffer_held(buffer);
	struct probe_table *table;
	int ret = probe_planned(buffer, DMABUF_PROBE_ON_MAP);

	table = ret ? ERR_PTR(ret) : probe_table_create(buffer, attach->dev);
	probe_note(buffer, attach, DMABUF_PROBE_CALL_MAP, PTR_ERR_OR_ZERO(table), held);
	return IS_ERR(table) ? ERR_CAST(table) : &table->sgt;
}

static void probe_exporter_unmap(struct dma_buf_attachment *attach, struct sg_table *sgt,
				 enum dma_data_direction direction)
{
	struct probe_buffer *buffer = attach->dmabuf->priv;
	struct probe_table *table = container_of(sgt, struct probe_table, sgt);

	probe_note(buffer, attach, DMABUF_PROBE_CALL_UNMAP, 0, probe_buffer_held(buffer));
	sg_free_table(&table->sgt);
	probe_location_put(table->location);
	kfree(table);
}

/* The lock makes a move that is under way end first: it uses the dma-buf. */
static void probe_exporter_release(struct dma_buf *dmabuf)
{
	struct probe_buffer *buffer = dmabuf->priv;
	struct probe_location *location;

	probe_note(buffer, NULL, DMABUF_PROBE_CALL_RELEASE, 0, probe_buffer_held(buffer));

	dma_resv_lock(&buffer->resv, NULL);
	spin_lock(&buffer->lock);
	location = buffer->location;
	buffer->location = NULL;
	buffer->dmabuf = NULL;
	spin_unlock(&buffer->lock);
	dma_resv_unlock(&buffer->resv);

	probe_location_put(location);
	probe_object_put(&buffer->object);
}

/* Those without map_dma_buf are not to be had on this kernel. */
void probe_exporters_init(void)
{
	static const struct dma_buf_ops common = {
		.attach = probe_exporter_attach,
		.detach = probe_exporter_detach,
		.map_dma_buf = probe_exporter_map,
		.unmap_dma_buf = probe_exporter_unmap,
		.release = probe_exporter_release,
	};
	struct dma_buf_ops dynamic = common;

	dynamic.pin = probe_exporter_pin;
	dynamic.unpin = probe_exporter_unpin;
	if (PROBE_GENERATION == DMABUF_PROBE_V15)
		probe_exporters[DMABUF_PROBE_NOT_DYNAMIC] = dynamic;
	probe_set_dynamic(&dynamic);

	probe_exporters[DMABUF_PROBE_STATIC] = common;
	probe_exporters[DMABUF_PROBE_DYNAMIC] = dynamic;
	probe_exporters[DMABUF_PROBE_PIN_ALONE] = common;
	probe_exporters[DMABUF_PROBE_PIN_ALONE].pin = probe_exporter_pin;
	probe_exporters[DMABUF_PROBE_UNPIN_ALONE] = common;
	probe_exporters[DMABUF_PROBE_UNPIN_ALONE].unpin = probe_exporter_unpin;
	if (PROBE_CACHING) {
		probe_exporters[DMABUF_PROBE_CACHING] = common;
		probe_set_caching(&probe_exporters[DMABUF_PROBE_CACHING]);
		probe_exporters[DMABUF_PROBE_CACHING_DYNAMIC] = dynamic;
		probe_set_caching(&probe_exporters[DMABUF_PROBE_CACHING_DYNAMIC]);
	}
}
