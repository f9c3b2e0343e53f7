// SPDX-License-Identifier: GPL-2.0-only
/* The pages that a buffer is in, or was in. */

#include <linux/gfp.h>
#include <linux/highmem.h>
#include <linux/slab.h>

#include "probe.h"

static void probe_location_free(struct kref *ref)
{
	struct probe_location *location = container_of(ref, struct probe_location, ref);
	unsigned long i;

	for (i = 0; i < location->count && location->pages[i]; i++)
		__free_page(location->pages[i]);
	probe_uncharge(location->file, location->count << PAGE_SHIFT);
	probe_file_put(location->file);
	kvfree(location);
}

void probe_location_put(struct probe_location *location)
{
	kref_put(&location->ref, probe_location_free);
}

/* @count zeroed pages, or an ERR_PTR: ENOSPC beyond what the open file may have. */
struct probe_location *probe_location_create(struct probe_file *file, unsigned long count)
{
	struct probe_location *location;
	unsigned long i;
	int ret = probe_charge(file, count << PAGE_SHIFT);

	if (ret)
		return ERR_PTR(ret);
	location = kvzalloc(struct_size(location, pages, count), GFP_KERNEL_ACCOUNT);
	if (!location) {
		probe_uncharge(file, count << PAGE_SHIFT);
		return ERR_PTR(-ENOMEM);
	}
	kref_init(&location->ref);
	kref_get(&file->ref);
	location->file = file;
	location->count = count;
	for (i = 0; i < count; i++) {
		location->pages[i] = alloc_page(GFP_KERNEL_ACCOUNT | __GFP_ZERO);
		if (!location->pages[i]) {
			probe_location_put(location);
			return ERR_PTR(-ENOMEM);
		}
	}
	return location;
}

void probe_location_copy(struct probe_location *to, struct probe_location *from)
{
	unsigned long i;

	for (i = 0; i < to->count; i++)
		copy_page(page_address(to->pages[i]), page_address(from->pages[i]));
}

/* The caller has checked the range. */
void probe_location_access(struct probe_location *location, u64 offset, void *data, size_t length,
			   bool write)
{
	while (length) {
		void *page = page_address(location->pages[offset >> PAGE_SHIFT]);
		size_t part = min_t(size_t, length, PAGE_SIZE - offset_in_page(offset));

		if (write)
			memcpy(page + offset_in_page(offset), data, part);
		else
			memcpy(data, page + offset_in_page(offset), part);
		data += part;
		offset += part;
		length -= part;
	}
}
