/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * All that differs between generations of the dma-buf API. PROBE_HAS_... come
 * from probe-api.sh, which asks the compiler; versions are never compared.
 */
#ifndef DMABUF_PROBE_COMPAT_H
#define DMABUF_PROBE_COMPAT_H

#include <linux/dma-buf.h>
#include <linux/dma-resv.h>
#include <linux/lockdep.h>

#include "dmabuf_probe.h"

#if defined(PROBE_API_UNREADABLE)
#error "dmabuf-probe: nothing can be said about this dma-buf API, see above"
#elif defined(PROBE_HAS_BOOL_ATTACH) && !defined(PROBE_HAS_ATTACH_OPS)
#define PROBE_GENERATION DMABUF_PROBE_PRE
#elif defined(PROBE_HAS_DYNAMIC_MAPPING) && defined(PROBE_HAS_MOVE_NOTIFY)
#define PROBE_GENERATION DMABUF_PROBE_V15
#elif defined(PROBE_HAS_INVALIDATE) && !defined(PROBE_HAS_MOVE_NOTIFY)
#define PROBE_GENERATION DMABUF_PROBE_INVALIDATE
#elif defined(PROBE_HAS_MOVE_NOTIFY) && !defined(PROBE_HAS_INVALIDATE)
#define PROBE_GENERATION DMABUF_PROBE_NOTIFY
#else
#error "dmabuf-probe: this dma-buf API is of no known generation, see api.c"
#endif

/* The option, or what became of it: its code is always there. */
#define PROBE_MOVE_NOTIFY \
	(IS_ENABLED(CONFIG_DMABUF_MOVE_NOTIFY) || PROBE_GENERATION == DMABUF_PROBE_INVALIDATE)

#if PROBE_GENERATION == DMABUF_PROBE_INVALIDATE
#define probe_notify_member invalidate_mappings
#define probe_notify_importers dma_buf_invalidate_mappings
#else
#define probe_notify_member move_notify
#define probe_notify_importers dma_buf_move_notify
#endif

/*
 * Is the lock held in map and unmap for every importer and every exporter? The
 * convention came in 6.2 and brought dma_buf_vmap_unlocked(). The unlocked map
 * functions do not tell: stable trees before it have them without the rest.
 * There static importers map without the lock, and nothing takes it for them.
 */
#ifdef PROBE_HAS_VMAP_UNLOCKED
#define PROBE_LOCKED_MAPS true
#define probe_map_static dma_buf_map_attachment_unlocked
#define probe_unmap_static dma_buf_unmap_attachment_unlocked
#else
#define PROBE_LOCKED_MAPS false
#define probe_map_static dma_buf_map_attachment
#define probe_unmap_static dma_buf_unmap_attachment
#endif

/* Does the exporter's side of the API know a flag for dynamic exporters? */
#ifdef PROBE_HAS_DYNAMIC_MAPPING
static inline void probe_set_dynamic(struct dma_buf_ops *ops)
{
	ops->dynamic_mapping = true;
}
#else
static inline void probe_set_dynamic(struct dma_buf_ops *ops)
{
}
#endif

#ifdef PROBE_HAS_CACHING
#define PROBE_CACHING true
static inline void probe_set_caching(struct dma_buf_ops *ops)
{
	ops->cache_sgt_mapping = true;
}
#else
#define PROBE_CACHING false
static inline void probe_set_caching(struct dma_buf_ops *ops)
{
}
#endif

/* Is @table the one that the dma-buf core keeps for this attachment? */
static inline bool probe_is_cached(struct dma_buf_attachment *attach, struct sg_table *table)
{
#ifdef PROBE_HAS_CACHED_TABLE
	return attach->sgt == table;
#else
	return false;
#endif
}

/* Only lockdep knows whose lock it is; without it, a lock held by anybody has to do. */
static inline bool probe_resv_held(struct dma_resv *resv)
{
#ifdef CONFIG_LOCKDEP
	if (debug_locks)
		return lockdep_is_held(&resv->lock.base);
#endif
	return ww_mutex_is_locked(&resv->lock);
}

#endif /* DMABUF_PROBE_COMPAT_H */
