/* SPDX-License-Identifier: GPL-2.0-only WITH Linux-syscall-note */
/*
 * Interface of the dmabuf-probe module: dma-buf exporters and importers that
 * do what user space says, and tell what the kernel did to them.
 *
 * Every object (a buffer exported here, an attachment, a mapping) is known by
 * a handle of the open file that made it. Handles are never 0. When the file
 * is closed, everything made through it is undone: mappings unmapped, pins
 * given back, attachments detached. An exported dma-buf lives on while
 * somebody holds it.
 *
 * Reserved fields and unknown flags must be zero (EINVAL). An unknown handle,
 * or one of another kind, is ENOENT; what goes beyond a limit of an open file
 * is ENOSPC. Sizes and offsets are in bytes. Calls return 0, or -1 with errno;
 * the errors of the dma-buf functions are passed on as they are.
 */
#ifndef _UAPI_DMABUF_PROBE_H
#define _UAPI_DMABUF_PROBE_H

#include <linux/ioctl.h>
#include <linux/types.h>

/* Changes whenever an existing structure or number does. */
#define DMABUF_PROBE_ABI 1

#define DMABUF_PROBE_MAX_SIZE (1 << 24) /* of one buffer */
#define DMABUF_PROBE_MAX_BYTES (1 << 27) /* of all locations and tables of an open file */
#define DMABUF_PROBE_MAX_HANDLES 8192 /* of an open file */
#define DMABUF_PROBE_MAX_LOCKS 8 /* attachments of one MAP_ALL */
#define DMABUF_PROBE_MAX_EVENTS 4096 /* kept; older ones are dropped */

/* Which dma-buf API this kernel has, read off its headers. */
#define DMABUF_PROBE_PRE 0 /* dynamic_attach() takes a bool: before the patch */
#define DMABUF_PROBE_V15 1 /* attach_ops, and dma_buf_ops.dynamic_mapping */
#define DMABUF_PROBE_NOTIFY 2 /* attach_ops.move_notify */
#define DMABUF_PROBE_INVALIDATE 3 /* attach_ops.invalidate_mappings */

#define DMABUF_PROBE_HAS_MOVE_NOTIFY (1 << 0) /* option on, or its code is always there */
#define DMABUF_PROBE_HAS_LOCKDEP (1 << 1) /* PROVE_LOCKING, and it has not given up */
#define DMABUF_PROBE_HAS_DEBUG (1 << 2) /* CONFIG_DMABUF_DEBUG */
#define DMABUF_PROBE_HAS_LOCKED_MAPS (1 << 3) /* map and unmap: always under the reservation lock */

struct dmabuf_probe_info {
	__u32 abi;
	__u32 generation;
	__u32 features;
	__u32 reserved;
};

/* --- exporting --- */

#define DMABUF_PROBE_STATIC 0 /* no pin, no unpin */
#define DMABUF_PROBE_DYNAMIC 1 /* pin, unpin and, on V15, dynamic_mapping */
/* Static, with cache_sgt_mapping; EOPNOTSUPP where that does not exist: */
#define DMABUF_PROBE_CACHING 2
/* To be refused by dma_buf_export(): */
#define DMABUF_PROBE_PIN_ALONE 3 /* pin without unpin */
#define DMABUF_PROBE_UNPIN_ALONE 4 /* unpin without pin */
#define DMABUF_PROBE_NOT_DYNAMIC 5 /* both, no dynamic_mapping; EOPNOTSUPP except on V15 */
#define DMABUF_PROBE_CACHING_DYNAMIC 6 /* both, and cache_sgt_mapping; EOPNOTSUPP like CACHING */

struct dmabuf_probe_export {
	__u64 size; /* whole pages */
	__u32 kind;
	__u32 fd_flags; /* O_CLOEXEC and an access mode */
	__u32 handle; /* out: of the buffer */
	__s32 fd; /* out: the dma-buf */
};

/* What the exporter's callbacks are told to do. */
#define DMABUF_PROBE_ON_ATTACH 0
#define DMABUF_PROBE_ON_PIN 1
#define DMABUF_PROBE_ON_MAP 2

struct dmabuf_probe_fail {
	__u32 buffer;
	__u32 callback;
	__u32 nth; /* the next call is 1; 0 cancels the plan */
	__u32 error; /* positive errno that this one call returns */
};

/*
 * Move the buffer to new pages with the same contents, and notify. EBUSY, and
 * nothing happens, while it is pinned. The old pages live on while a mapping
 * refers to them. ENODEV once its dma-buf is gone.
 */
#define DMABUF_PROBE_UNLOCKED (1 << 0) /* wrongly: without the reservation lock */

struct dmabuf_probe_move {
	__u32 buffer;
	__u32 flags;
};

/* --- importing --- */

#define DMABUF_PROBE_IMPORT_STATIC 0 /* dma_buf_attach() */
#define DMABUF_PROBE_IMPORT_DYNAMIC 1 /* dma_buf_dynamic_attach() with the callback */
#define DMABUF_PROBE_IMPORT_NO_CALLBACK 2 /* the same with operations, but without it */

struct dmabuf_probe_attach {
	__s32 fd; /* any dma-buf */
	__u32 kind;
	__u32 handle; /* out: of the attachment */
	__u32 reserved;
};

/* DETACH (which gives back pins made by PIN), PIN, UNPIN; CLOSE_BUFFER forgets a buffer. */
struct dmabuf_probe_handle {
	__u32 handle;
	__u32 flags; /* PIN, UNPIN: DMABUF_PROBE_UNLOCKED */
};

/*
 * The lock is taken as the kernel's API asks of this importer, unless
 * DMABUF_PROBE_UNLOCKED. DETACH is EBUSY while mappings of the attachment are
 * there. UNPIN without a pin made by PIN is EINVAL.
 */
struct dmabuf_probe_map {
	__u32 attachment;
	__u32 direction; /* enum dma_data_direction: 0 both, 1 to, 2 from the device */
	__u32 flags;
	__u32 handle; /* out: of the mapping */
	__u64 size; /* out: bytes that its scatter list covers */
	__u64 table; /* out: equal for two mappings if they have the same cached table */
	__u32 segments; /* out */
	__u32 reserved;
};

struct dmabuf_probe_unmap {
	__u32 mapping;
	__u32 flags;
};

/*
 * Lock the buffers of all attachments with one ww_acquire_ctx, in the order
 * given and backing off where the kernel asks to, then map them all, or none.
 * Dynamic importers only.
 */
struct dmabuf_probe_map_all {
	__u32 count;
	__u32 direction;
	__u32 attachments[DMABUF_PROBE_MAX_LOCKS];
	__u32 handles[DMABUF_PROBE_MAX_LOCKS]; /* out: of the mappings */
	__u32 retries; /* out: how often it backed off */
	__u32 reserved;
};

/* --- contents --- */

/*
 * Copy between user memory and either the memory at the bus addresses of a
 * mapping, as a device would, or the present location of a buffer exported
 * here. ERANGE beyond the end.
 */
#define DMABUF_PROBE_MAPPING 0
#define DMABUF_PROBE_BUFFER 1
#define DMABUF_PROBE_WRITE (1 << 0)

struct dmabuf_probe_access {
	__u32 handle;
	__u32 object;
	__u32 flags;
	__u32 reserved;
	__u64 offset;
	__u64 length;
	__u64 pointer;
};

/* --- what happened --- */

/* Callbacks of exporter and importer; also the kinds of events. */
#define DMABUF_PROBE_CALL_ATTACH 0
#define DMABUF_PROBE_CALL_DETACH 1
#define DMABUF_PROBE_CALL_PIN 2
#define DMABUF_PROBE_CALL_UNPIN 3
#define DMABUF_PROBE_CALL_MAP 4
#define DMABUF_PROBE_CALL_UNMAP 5
#define DMABUF_PROBE_CALL_RELEASE 6
#define DMABUF_PROBE_CALL_NOTIFY 7
#define DMABUF_PROBE_CALLS 8

/* Of a buffer exported here. Failed calls count as calls. */
struct dmabuf_probe_buffer_state {
	__u32 buffer;
	__u32 released; /* out: 1 once its dma-buf is gone */
	__u64 size; /* out */
	__u64 generation; /* out: 1 at first, one more for each move */
	__u32 calls[DMABUF_PROBE_CALLS]; /* out: by callback */
	__u32 unlocked[DMABUF_PROBE_CALLS]; /* out: those without the reservation lock held */
	__s32 pins; /* out: held; below 0 if the kernel gave back what it had not got */
	__s32 mappings; /* out: tables that the exporter has given out and not got back */
	__s32 attachments; /* out */
	__u32 reserved;
	__u64 pinned_bytes; /* out: size while pins are held, else 0 */
};

/* Of an attachment. What the exporter saw is 0 if the buffer is not one of ours. */
struct dmabuf_probe_attachment_state {
	__u32 attachment;
	__u32 mappings; /* out: of this importer, not unmapped */
	__u32 calls[DMABUF_PROBE_CALLS]; /* out: by callback, NOTIFY is the importer's */
	__u32 unlocked[DMABUF_PROBE_CALLS]; /* out */
	__s32 pins; /* out: that the exporter holds for it */
	__u32 own_pins; /* out: made by PIN */
	__u32 stale_mappings; /* out: mapped before the latest notify */
	__u32 reserved;
};

struct dmabuf_probe_event {
	__u64 sequence; /* counts from 1 in each open file, without gaps */
	__u64 generation; /* of the buffer, 0 if it is not one of ours */
	__u32 call;
	__u32 buffer; /* handle, 0 if it is not one of ours */
	__u32 attachment; /* handle, 0 if it has none (yet) here */
	__s32 result; /* of the callback: 0 or a negative errno */
	__u32 locked; /* 1 if the reservation lock was held */
	__u32 reserved;
};

struct dmabuf_probe_events {
	__u64 after; /* give only events with a higher sequence */
	__u64 pointer; /* to struct dmabuf_probe_event[room] */
	__u32 room;
	__u32 count; /* out: events written there */
	__u64 dropped; /* out: events that were lost since the file was opened */
};

/* --- functions that are exported, and that no driver in a guest calls --- */

/*
 * Each call is the one function of the kernel that it names, and passes on what
 * that returns. Fences come and go as sync files, reservation objects as
 * dma-bufs. ENOTTY where the kernel does not have the function, or has it in
 * another form. EINVAL for what the kernel would warn of: no fences, or
 * containers of fences (arrays and chains) where it takes none.
 */
#define DMABUF_PROBE_MAX_FENCES 8
#define DMABUF_PROBE_MAX_WAIT 60000 /* milliseconds */

#define DMABUF_PROBE_ANY (1 << 0) /* FENCE_ARRAY: it signals with the first of its fences */

struct dmabuf_probe_fences {
	__u32 count; /* of fences: as said below */
	__u32 flags; /* FENCE_ARRAY alone */
	__s32 fences[DMABUF_PROBE_MAX_FENCES]; /* sync files */
	__u64 value; /* in, out: as said below */
	__s32 fd; /* out: a sync file, -1 if the function gave no fence */
	__s32 result; /* out: what the function returned, 1 for a time that was left */
};

/*
 * FENCE_ARRAY: dma_fence_array_create() of them; fd is the array.
 * FENCE_CHAIN: dma_fence_chain_init() of two, the previous link, or -1, and the
 *	fence of the new one, for the point value; fd is the link, value its point.
 * FENCE_FIND: dma_fence_chain_find_seqno() in the one for the point value; fd
 *	is what it found, value its point.
 * FENCE_MATCH: dma_fence_match_context() of two: is the first, or all of its
 *	parts, of the second one's context?
 * FENCE_WAIT_ANY: dma_fence_wait_any_timeout() of them, value milliseconds;
 *	value is the place of the one that has signalled, or -1.
 * FENCE_DEDUP: dma_fence_dedup_array() of them, which may be none; value is how
 *	many are left, fd the first of them.
 */

struct dmabuf_probe_resv {
	__s32 buffer; /* dma-buf */
	__s32 other; /* dma-buf or sync file, as said below; else 0 */
	__s32 by; /* RESV_REPLACE: sync file; else 0 */
	__u32 usage; /* enum dma_resv_usage; RESV_COPY: 0 */
	__u64 value; /* in, out: as said below, else 0 */
	__s32 fd; /* out: a sync file, -1 if there is no fence */
	__s32 result; /* out: as in struct dmabuf_probe_fences */
};

/*
 * RESV_ADD: dma_resv_add_fence() of the sync file other.
 * RESV_REPLACE: dma_resv_replace_fences(): those of other's context, with by.
 * RESV_COPY: dma_resv_copy_fences() from buffer to the dma-buf other.
 * RESV_SINGLETON: dma_resv_get_singleton(); fd is the fence.
 * RESV_GET: dma_resv_get_fences(); fd is an array of them, value their number.
 * RESV_WAIT: dma_resv_wait_timeout(), value milliseconds, and out: those left.
 * RESV_TEST: dma_resv_test_signaled().
 * RESV_DEADLINE: dma_resv_set_deadline(), value in ns.
 */

/*
 * VMAP: dma_buf_vmap() of fd, copy, dma_buf_vunmap(). ERANGE beyond the end, EIO
 * for what is no memory of the machine.
 */
struct dmabuf_probe_vmap {
	__s32 fd;
	__u32 flags; /* DMABUF_PROBE_WRITE */
	__u64 offset;
	__u64 length;
	__u64 pointer;
};

/*
 * On the node of dmabuf_probe_drm: what drivers do with their GEM objects. Each
 * act is what it names; ENOTTY and EINVAL as above, ENOENT for handles that are
 * none. What the functions return is the result of the call.
 */
#define DMABUF_PROBE_GEM_LOCK 0
#define DMABUF_PROBE_GEM_WAIT 1
#define DMABUF_PROBE_GEM_READ 2
#define DMABUF_PROBE_GEM_WRITE 3
#define DMABUF_PROBE_GEM_TABLE 4
#define DMABUF_PROBE_GEM_SEGMENTS 5
#define DMABUF_PROBE_GEM_PIN 6
#define DMABUF_PROBE_GEM_ADVISE 7
#define DMABUF_PROBE_GEM_PURGE 8
#define DMABUF_PROBE_GEM_EVICT 9
#define DMABUF_PROBE_GEM_SHRINK 10
#define DMABUF_PROBE_GEM_BARE 11
#define DMABUF_PROBE_GEM_OPENED 12

#define DMABUF_PROBE_MAX_OBJECTS 16 /* handles, segments and pages of one call */

#define DMABUF_PROBE_FORGOTTEN (1 << 0) /* READ, WRITE: its handle is closed first */
#define DMABUF_PROBE_WAIT_ALL (1 << 0) /* WAIT: for readers, too */
#define DMABUF_PROBE_UNMAPPABLE (1 << 0) /* BARE: without operations for mappings */
#define DMABUF_PROBE_LOCKED_OUT (1 << 1) /* BARE: its driver refuses handles: EACCES */

struct dmabuf_probe_gem {
	__u32 act;
	__u32 handle; /* BARE: out; LOCK, SEGMENTS, SHRINK, OPENED: 0 */
	__u32 count; /* of what is at pointer: as said below; else 0 */
	__u32 flags;
	__u64 pointer;
	__u64 value; /* in, out: as said below, else 0 */
};

/*
 * LOCK: drm_gem_objects_lookup() of count handles, drm_gem_lock_reservations()
 *	and drm_gem_unlock_reservations(), value times.
 * WAIT: drm_gem_dma_resv_wait(), value milliseconds.
 * READ, WRITE: drm_gem_vmap(), and once more, copy count bytes, drm_gem_vunmap().
 * TABLE: drm_gem_shmem_get_pages_sgt(); the addresses (__u64) of count pages by
 *	drm_prime_sg_to_dma_addr_array(); value is drm_prime_get_contiguous_size().
 *	EIO if drm_prime_sg_to_page_array() gives other pages than the object has.
 * SEGMENTS: the same of a table made by hand, of value pages that are one by one
 *	for the CPU and in count segments for the device; two __u64 each, address
 *	and length in bytes, which the addresses of the pages replace.
 * PIN: drm_gem_shmem_pin(), drm_gem_shmem_unpin().
 * ADVISE: drm_gem_shmem_madvise(), value 1: not needed; out: 1 if it is still there.
 * PURGE: drm_gem_shmem_purge(); EBUSY if it may not be.
 * EVICT: drm_gem_evict().
 * SHRINK: count handles on a drm_gem_lru, drm_gem_lru_scan() for value pages that
 *	drm_gem_evict() lets go; value is what it freed, the first __u64 at pointer
 *	what remained, the second what is left on the list. Room for two is needed.
 * BARE: an object of value bytes whose driver gives it no operations.
 * OPENED: value is how many handles of such objects are open.
 */

#define DMABUF_PROBE_IOC_MAGIC 0xDB
#define DMABUF_PROBE_INFO _IOR(DMABUF_PROBE_IOC_MAGIC, 0, struct dmabuf_probe_info)
#define DMABUF_PROBE_EXPORT _IOWR(DMABUF_PROBE_IOC_MAGIC, 1, struct dmabuf_probe_export)
#define DMABUF_PROBE_FAIL _IOW(DMABUF_PROBE_IOC_MAGIC, 2, struct dmabuf_probe_fail)
#define DMABUF_PROBE_MOVE _IOW(DMABUF_PROBE_IOC_MAGIC, 3, struct dmabuf_probe_move)
#define DMABUF_PROBE_CLOSE_BUFFER _IOW(DMABUF_PROBE_IOC_MAGIC, 4, struct dmabuf_probe_handle)
#define DMABUF_PROBE_ATTACH _IOWR(DMABUF_PROBE_IOC_MAGIC, 5, struct dmabuf_probe_attach)
#define DMABUF_PROBE_DETACH _IOW(DMABUF_PROBE_IOC_MAGIC, 6, struct dmabuf_probe_handle)
#define DMABUF_PROBE_PIN _IOW(DMABUF_PROBE_IOC_MAGIC, 7, struct dmabuf_probe_handle)
#define DMABUF_PROBE_UNPIN _IOW(DMABUF_PROBE_IOC_MAGIC, 8, struct dmabuf_probe_handle)
#define DMABUF_PROBE_MAP _IOWR(DMABUF_PROBE_IOC_MAGIC, 9, struct dmabuf_probe_map)
#define DMABUF_PROBE_UNMAP _IOW(DMABUF_PROBE_IOC_MAGIC, 10, struct dmabuf_probe_unmap)
#define DMABUF_PROBE_MAP_ALL _IOWR(DMABUF_PROBE_IOC_MAGIC, 11, struct dmabuf_probe_map_all)
#define DMABUF_PROBE_ACCESS _IOW(DMABUF_PROBE_IOC_MAGIC, 12, struct dmabuf_probe_access)
#define DMABUF_PROBE_BUFFER_STATE \
	_IOWR(DMABUF_PROBE_IOC_MAGIC, 13, struct dmabuf_probe_buffer_state)
#define DMABUF_PROBE_ATTACHMENT_STATE \
	_IOWR(DMABUF_PROBE_IOC_MAGIC, 14, struct dmabuf_probe_attachment_state)
#define DMABUF_PROBE_EVENTS _IOWR(DMABUF_PROBE_IOC_MAGIC, 15, struct dmabuf_probe_events)
#define DMABUF_PROBE_FENCE_ARRAY _IOWR(DMABUF_PROBE_IOC_MAGIC, 16, struct dmabuf_probe_fences)
#define DMABUF_PROBE_FENCE_CHAIN _IOWR(DMABUF_PROBE_IOC_MAGIC, 17, struct dmabuf_probe_fences)
#define DMABUF_PROBE_FENCE_FIND _IOWR(DMABUF_PROBE_IOC_MAGIC, 18, struct dmabuf_probe_fences)
#define DMABUF_PROBE_FENCE_MATCH _IOWR(DMABUF_PROBE_IOC_MAGIC, 19, struct dmabuf_probe_fences)
#define DMABUF_PROBE_FENCE_WAIT_ANY _IOWR(DMABUF_PROBE_IOC_MAGIC, 20, struct dmabuf_probe_fences)
#define DMABUF_PROBE_RESV_ADD _IOWR(DMABUF_PROBE_IOC_MAGIC, 21, struct dmabuf_probe_resv)
#define DMABUF_PROBE_RESV_REPLACE _IOWR(DMABUF_PROBE_IOC_MAGIC, 22, struct dmabuf_probe_resv)
#define DMABUF_PROBE_RESV_COPY _IOWR(DMABUF_PROBE_IOC_MAGIC, 23, struct dmabuf_probe_resv)
#define DMABUF_PROBE_RESV_SINGLETON _IOWR(DMABUF_PROBE_IOC_MAGIC, 24, struct dmabuf_probe_resv)
#define DMABUF_PROBE_RESV_GET _IOWR(DMABUF_PROBE_IOC_MAGIC, 25, struct dmabuf_probe_resv)
#define DMABUF_PROBE_RESV_WAIT _IOWR(DMABUF_PROBE_IOC_MAGIC, 26, struct dmabuf_probe_resv)
#define DMABUF_PROBE_RESV_TEST _IOWR(DMABUF_PROBE_IOC_MAGIC, 27, struct dmabuf_probe_resv)
#define DMABUF_PROBE_RESV_DEADLINE _IOWR(DMABUF_PROBE_IOC_MAGIC, 28, struct dmabuf_probe_resv)
#define DMABUF_PROBE_VMAP _IOW(DMABUF_PROBE_IOC_MAGIC, 29, struct dmabuf_probe_vmap)
#define DMABUF_PROBE_FENCE_DEDUP _IOWR(DMABUF_PROBE_IOC_MAGIC, 30, struct dmabuf_probe_fences)
/* A driver's first, in the numbers of DRM. */
#define DMABUF_PROBE_GEM _IOWR('d', 0x40, struct dmabuf_probe_gem)

#endif /* _UAPI_DMABUF_PROBE_H */
