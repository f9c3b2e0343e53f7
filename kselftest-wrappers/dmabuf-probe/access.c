// SPDX-License-Identifier: GPL-2.0-only
/* Contents of mappings and buffers. */

#include <linux/dma-direct.h>
#include <linux/io.h>
#include <linux/ioport.h>
#include <linux/scatterlist.h>
#include <linux/slab.h>
#include <linux/uaccess.h>

#include "probe.h"

/* Copied at once through memory of our own, so that user memory is never touched under a lock. */
#define PROBE_CHUNK (16 * PAGE_SIZE)

/* Access @length bytes at a bus address as a device would. They are in one page. */
static int probe_bus_access(dma_addr_t address, void *data, size_t length, bool write)
{
	phys_addr_t page = dma_to_phys(probe_device, address) & PAGE_MASK;
	void *memory;

	/* Tables of other exporters may hold anything. */
	if (region_intersects(page, PAGE_SIZE, IORESOURCE_SYSTEM_RAM, IORES_DESC_NONE) !=
	    REGION_INTERSECTS)
		return -EFAULT;
	memory = memremap(page, PAGE_SIZE, MEMREMAP_WB);
	if (!memory)
		return -EFAULT;
	if (write)
		memcpy(memory + offset_in_page(address), data, length);
	else
		memcpy(data, memory + offset_in_page(address), length);
	memunmap(memory);
	return 0;
}

static int probe_segment_access(dma_addr_t address, void *data, size_t length, bool write)
{
	size_t part;
	int ret = 0;

	for (; length && !ret; length -= part) {
		part = min_t(size_t, length, PAGE_SIZE - offset_in_page(address));
		ret = probe_bus_access(address, data, part, write);
		address += part;
		data += part;
	}
	return ret;
}

/* By bus addresses alone: DMABUF_DEBUG hides the pages of a table from importers. */
static int probe_table_access(struct sg_table *sgt, u64 offset, void *data, size_t length,
			      bool write)
{
	struct scatterlist *sg;
	unsigned int i;
	size_t part;
	int ret = 0;

	for_each_sg(sgt->sgl, sg, sgt->nents, i) {
		if (offset >= sg_dma_len(sg)) {
			offset -= sg_dma_len(sg);
			continue;
		}
		part = min_t(u64, length, sg_dma_len(sg) - offset);
		ret = probe_segment_access(sg_dma_address(sg) + offset, data, part, write);
		data += part;
		length -= part;
		offset = 0;
		if (ret || !length)
			break;
	}
	return ret;
}

static int probe_mapping_access(struct probe_object *object, u64 offset, void *data, size_t length,
				bool write)
{
	struct probe_mapping *mapping = to_mapping(object);
	int ret = -ENOENT;

	mutex_lock(&mapping->lock);
	if (mapping->sgt)
		ret = probe_table_access(mapping->sgt, offset, data, length, write);
	mutex_unlock(&mapping->lock);
	return ret;
}

/* Under the reservation lock, so that nothing is written to a place that is being left. */
static int probe_buffer_access(struct probe_object *object, u64 offset, void *data, size_t length,
			       bool write)
{
	struct probe_buffer *buffer = to_buffer(object);
	int ret = -ENODEV;

	dma_resv_lock(&buffer->resv, NULL);
	if (buffer->location) {
		probe_location_access(buffer->location, offset, data, length, write);
		ret = 0;
	}
	dma_resv_unlock(&buffer->resv);
	return ret;
}

static int probe_copy(struct probe_object *object, struct dmabuf_probe_access *access, void *chunk,
		      size_t length)
{
	void __user *user = u64_to_user_ptr(access->pointer);
	bool write = access->flags & DMABUF_PROBE_WRITE;
	int ret;

	if (write && copy_from_user(chunk, user, length))
		return -EFAULT;
	if (object->type == PROBE_MAPPING)
		ret = probe_mapping_access(object, access->offset, chunk, length, write);
	else
		ret = probe_buffer_access(object, access->offset, chunk, length, write);
	if (!ret && !write && copy_to_user(user, chunk, length))
		ret = -EFAULT;
	access->pointer += length;
	access->offset += length;
	access->length -= length;
	return ret;
}

static int probe_copy_all(struct probe_object *object, struct dmabuf_probe_access *access)
{
	size_t room = min_t(u64, access->length, PROBE_CHUNK);
	void *chunk;
	int ret = 0;

	if (!room)
		return 0;
	chunk = kvmalloc(room, GFP_KERNEL_ACCOUNT);
	if (!chunk)
		return -ENOMEM;
	while (access->length && !ret)
		ret = probe_copy(object, access, chunk, min_t(u64, access->length, room));
	kvfree(chunk);
	return ret;
}

int probe_access(struct probe_file *file, void *argument, struct probe_made *made)
{
	struct dmabuf_probe_access *access = argument;
	bool mapping = access->object == DMABUF_PROBE_MAPPING;
	struct probe_object *object;
	u64 size;
	int ret;

	if (access->object > DMABUF_PROBE_BUFFER || access->flags & ~DMABUF_PROBE_WRITE ||
	    access->reserved)
		return -EINVAL;
	object = probe_object_get(file, access->handle, mapping ? PROBE_MAPPING : PROBE_BUFFER);
	if (!object)
		return -ENOENT;
	size = mapping ? to_mapping(object)->size : to_buffer(object)->size;
	if (access->offset > size || access->length > size - access->offset)
		ret = -ERANGE;
	else
		ret = probe_copy_all(object, access);
	probe_object_put(object);
	return ret;
}
