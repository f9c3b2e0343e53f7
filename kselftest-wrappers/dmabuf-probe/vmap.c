// SPDX-License-Identifier: GPL-2.0-only
/* A buffer as the kernel maps it for itself: that takes a display, and no guest has one. */

#include <linux/slab.h>
#include <linux/uaccess.h>

#include "probe.h"

#ifdef PROBE_HAS_VMAP_UNLOCKED
#define probe_vmap_map dma_buf_vmap_unlocked
#define probe_vunmap_map dma_buf_vunmap_unlocked
#else
#define probe_vmap_map dma_buf_vmap
#define probe_vunmap_map dma_buf_vunmap
#endif

static int probe_vmap_copy(void *address, const struct dmabuf_probe_vmap *call)
{
	void __user *pointer = (void __user *)(uintptr_t)call->pointer;
	unsigned long missed;

	if (call->flags & DMABUF_PROBE_WRITE)
		missed = copy_from_user(address + call->offset, pointer, call->length);
	else
		missed = copy_to_user(pointer, address + call->offset, call->length);
	return missed ? -EFAULT : 0;
}

#ifdef PROBE_HAS_VMAP_ADDRESS
static int probe_vmap_act(struct dma_buf *dmabuf, const struct dmabuf_probe_vmap *call)
{
	void *address = dma_buf_vmap(dmabuf);
	int ret;

	/* That is all it says, also of an exporter without this operation. */
	if (!address)
		return -EINVAL;
	ret = probe_vmap_copy(address, call);
	dma_buf_vunmap(dmabuf, address);
	return ret;
}
#elif defined(PROBE_HAS_VMAP_MAP)
static int probe_vmap_act(struct dma_buf *dmabuf, const struct dmabuf_probe_vmap *call)
{
	struct iosys_map map;
	int ret = probe_vmap_map(dmabuf, &map);

	if (ret)
		return ret;
	ret = map.is_iomem ? -EIO : probe_vmap_copy(map.vaddr, call);
	probe_vunmap_map(dmabuf, &map);
	return ret;
}
#else
static int probe_vmap_act(struct dma_buf *dmabuf, const struct dmabuf_probe_vmap *call)
{
	return -ENOTTY;
}
#endif

int probe_vmap(struct probe_file *file, void *argument, struct probe_made *made)
{
	struct dmabuf_probe_vmap *call = argument;
	struct dma_buf *dmabuf;
	int ret = -ERANGE;

	if (call->flags & ~DMABUF_PROBE_WRITE)
		return -EINVAL;
	dmabuf = dma_buf_get(call->fd);
	if (IS_ERR(dmabuf))
		return PTR_ERR(dmabuf);
	if (call->offset <= dmabuf->size && call->length <= dmabuf->size - call->offset)
		ret = probe_vmap_act(dmabuf, call);
	dma_buf_put(dmabuf);
	return ret;
}
