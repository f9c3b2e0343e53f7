// SPDX-License-Identifier: GPL-2.0-only
/*
 * What probe-api.sh asks the compiler about the dma-buf API of a kernel tree:
 * a line that does not compile says that the tree lacks the thing. This file
 * is never linked into the module.
 */
#include <linux/dma-buf.h>

#define PROBE(name, expression) ((void)#name, (void)(expression))

struct dma_buf_attach_ops;

static void __maybe_unused probe(struct dma_buf_ops *exporter, struct dma_buf_attach_ops *importer,
				 struct dma_buf_attachment *attach)
{
	PROBE(PROBE_CONTROL, exporter->surely_not_there);
	PROBE(PROBE_HAS_BOOL_ATTACH, dma_buf_dynamic_attach(attach->dmabuf, attach->dev, true));
	PROBE(PROBE_HAS_ATTACH_OPS, sizeof(struct dma_buf_attach_ops));
	PROBE(PROBE_HAS_DYNAMIC_MAPPING, exporter->dynamic_mapping);
	PROBE(PROBE_HAS_CACHING, exporter->cache_sgt_mapping);
	PROBE(PROBE_HAS_MOVE_NOTIFY, importer->move_notify);
	PROBE(PROBE_HAS_INVALIDATE, importer->invalidate_mappings);
	PROBE(PROBE_HAS_CACHED_TABLE, attach->sgt);
	PROBE(PROBE_HAS_VMAP_UNLOCKED, dma_buf_vmap_unlocked);
	PROBE(PROBE_HAS_VMAP_ADDRESS, *dma_buf_vmap(attach->dmabuf));
	PROBE(PROBE_HAS_VMAP_MAP, dma_buf_vmap(attach->dmabuf, &(struct iosys_map){ }));
}
