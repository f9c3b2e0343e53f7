/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What the parts of the module share. main.c says how they fit together.
 *
 * Order of locks: mapping.lock and attachment.map_lock; then the reservation
 * lock; then, none inside another, attachment.lock, buffer.lock, the log's
 * lock and the lock of the handles. Memory of user space is touched under none.
 */
#ifndef DMABUF_PROBE_H
#define DMABUF_PROBE_H

#include <linux/completion.h>
#include <linux/kref.h>
#include <linux/list.h>
#include <linux/mm.h>
#include <linux/mutex.h>
#include <linux/spinlock.h>
#include <linux/wait.h>
#include <linux/workqueue.h>
#include <linux/xarray.h>

#include "compat.h"

/* --- calls: calls.c, or pre.c --- */

struct probe_file;
struct probe_made;

struct probe_call {
	unsigned int cmd;
	int (*run)(struct probe_file *file, void *argument, struct probe_made *made);
};

int probe_info(struct probe_file *file, void *argument, struct probe_made *made);
const struct probe_call *probe_find_call(unsigned int cmd);
int probe_start(void);
void probe_stop(void);

/* --- an open file and its handles: file.c --- */

struct probe_file {
	struct kref ref; /* of the open file, and of all that outlives it */
	struct xarray objects; /* by handle */
	u32 next_handle;
	atomic_long_t bytes; /* of its locations, and of tables mapped through it */
	atomic64_t tables; /* numbers given out */

	spinlock_t log_lock; /* of the next two */
	u64 last_event;
	struct dmabuf_probe_event *log; /* a ring of DMABUF_PROBE_MAX_EVENTS */
};

enum probe_kind { PROBE_BUFFER, PROBE_ATTACHMENT, PROBE_MAPPING };

/* Something that a handle stands for. */
struct probe_object {
	struct kref ref; /* of its handle, and of calls that use it */
	enum probe_kind type;
	struct probe_file *file;
	u32 handle;
	void (*undo)(struct probe_object *object); /* when its handle ends, may sleep */
	void (*free)(struct probe_object *object);
};

/*
 * What a call made. It is published after the answer has reached user space,
 * or else undone: nobody can get hold of what its maker does not know of.
 */
struct probe_made {
	unsigned int count;
	struct probe_object *objects[DMABUF_PROBE_MAX_LOCKS];
	int fd;
	struct file *fd_file; /* to be installed at fd, or NULL */
};

struct probe_file *probe_file_create(void);
void probe_file_close(struct probe_file *file);
void probe_file_put(struct probe_file *file);
int probe_charge(struct probe_file *file, size_t bytes);
void probe_uncharge(struct probe_file *file, size_t bytes);

int probe_object_init(struct probe_object *object, struct probe_file *file, enum probe_kind type,
		      void (*undo)(struct probe_object *object),
		      void (*free)(struct probe_object *object));
void probe_object_put(struct probe_object *object);
struct probe_object *probe_object_get(struct probe_file *file, u32 handle, enum probe_kind type);
struct probe_object *probe_object_take(struct probe_file *file, u32 handle, enum probe_kind type);
void probe_made_add(struct probe_made *made, struct probe_object *object);
void probe_made_publish(struct probe_made *made);
void probe_made_undo(struct probe_made *made);

/* --- memory: location.c --- */

/* Where a buffer is, or was. Mappings keep it. */
struct probe_location {
	struct kref ref;
	struct probe_file *file; /* that pays for it */
	unsigned long count;
	struct page *pages[];
};

struct probe_location *probe_location_create(struct probe_file *file, unsigned long count);
void probe_location_copy(struct probe_location *to, struct probe_location *from);
void probe_location_access(struct probe_location *location, u64 offset, void *data, size_t length,
			   bool write);
void probe_location_put(struct probe_location *location);

/* --- exporting: exporter.c has the callbacks, buffer.c the calls --- */

#define PROBE_PLANS 3 /* DMABUF_PROBE_ON_... */

struct probe_counts {
	u32 calls[DMABUF_PROBE_CALLS];
	u32 unlocked[DMABUF_PROBE_CALLS];
};

struct probe_buffer {
	struct probe_object object; /* its dma-buf refers to it, too */
	struct dma_resv resv; /* ours, so that it outlives the dma-buf */
	u64 size;
	struct task_struct *unlocked; /* acts while another holds resv for it, see unlocked.c */

	/* Changed under resv and lock, so that either is enough for reading. */
	struct dma_buf *dmabuf; /* NULL once it is released */
	struct probe_location *location; /* NULL likewise */
	u64 generation;

	spinlock_t lock; /* of all below */
	struct {
		u32 nth;
		u32 error;
	} plans[PROBE_PLANS];
	struct probe_counts counts;
	s32 pins;
	s32 mappings;
	s32 attachments;
};

/* What the exporter keeps of an attachment: dma_buf_attachment.priv */
struct probe_seen {
	struct probe_counts counts; /* under the buffer's lock, as pins */
	s32 pins;
	u32 attachment; /* handle, if the importer is of the same open file */
};

extern struct dma_buf_ops probe_exporters[];
void probe_exporters_init(void);
struct probe_buffer *probe_buffer_of(struct dma_buf *dmabuf);
bool probe_buffer_held(struct probe_buffer *buffer);
void probe_buffer_count(struct probe_buffer *buffer, struct probe_seen *seen, unsigned int call,
			int result, bool held);

static inline struct probe_buffer *to_buffer(struct probe_object *object)
{
	return container_of(object, struct probe_buffer, object);
}

int probe_export(struct probe_file *file, void *argument, struct probe_made *made);
int probe_fail(struct probe_file *file, void *argument, struct probe_made *made);
int probe_move(struct probe_file *file, void *argument, struct probe_made *made);
int probe_close_buffer(struct probe_file *file, void *argument, struct probe_made *made);
int probe_buffer_state(struct probe_file *file, void *argument, struct probe_made *made);

/* --- acting without the lock, safely: unlocked.c --- */

struct probe_unlocked {
	struct work_struct work;
	struct completion locked, done;
	struct dma_resv *resv;
	struct probe_buffer *buffer;
};

int probe_unlocked_init(void);
void probe_unlocked_exit(void);
void probe_unlocked_begin(struct probe_unlocked *act, struct dma_resv *resv,
			  struct probe_buffer *buffer);
void probe_unlocked_end(struct probe_unlocked *act);

/* --- importing: importer.c, mapping.c and map_all.c --- */

struct probe_attachment {
	struct probe_object object;
	struct dma_buf *dmabuf;
	struct dma_buf_attachment *attach;
	bool dynamic;
	struct mutex map_lock; /* of a static importer: older kernels leave this to it */
	u32 own_pins; /* under the reservation lock */

	spinlock_t lock; /* of all below */
	bool dead; /* detaching: nothing may begin */
	u32 busy; /* calls that use attach */
	wait_queue_head_t idle;
	struct list_head mappings;
	u32 mapped; /* and being mapped or unmapped */
	u64 cached_table; /* number of the table that the dma-buf core keeps */
	u32 notified, notified_unlocked; /* how often */
};

struct probe_mapping {
	struct probe_object object;
	struct probe_attachment *attachment;
	struct list_head node; /* attachment.mappings, like the next two */
	u64 table;
	u32 notified; /* attachment.notified when it was mapped */
	enum dma_data_direction direction;
	u64 size;

	struct mutex lock; /* against unmapping under one who uses it */
	struct sg_table *sgt; /* NULL if it is not mapped */
};

extern struct device *probe_device;

static inline struct probe_attachment *to_attachment(struct probe_object *object)
{
	return container_of(object, struct probe_attachment, object);
}

static inline struct probe_mapping *to_mapping(struct probe_object *object)
{
	return container_of(object, struct probe_mapping, object);
}

struct probe_attachment *probe_attachment_enter(struct probe_file *file, u32 handle);
void probe_attachment_leave(struct probe_attachment *attachment);
void probe_attachment_lock(struct probe_attachment *attachment, struct probe_unlocked *act,
			   bool unlocked);
void probe_attachment_unlock(struct probe_attachment *attachment, struct probe_unlocked *act,
			     bool unlocked);

struct probe_mapping *probe_mapping_create(struct probe_attachment *attachment, u32 direction,
					   struct probe_made *made);
int probe_mapping_done(struct probe_mapping *mapping, struct sg_table *sgt);

int probe_attach(struct probe_file *file, void *argument, struct probe_made *made);
int probe_detach(struct probe_file *file, void *argument, struct probe_made *made);
int probe_pin(struct probe_file *file, void *argument, struct probe_made *made);
int probe_unpin(struct probe_file *file, void *argument, struct probe_made *made);
int probe_attachment_state(struct probe_file *file, void *argument, struct probe_made *made);
int probe_map(struct probe_file *file, void *argument, struct probe_made *made);
int probe_unmap(struct probe_file *file, void *argument, struct probe_made *made);
int probe_map_all(struct probe_file *file, void *argument, struct probe_made *made);

/* --- contents and log: access.c and events.c --- */

int probe_access(struct probe_file *file, void *argument, struct probe_made *made);
int probe_events(struct probe_file *file, void *argument, struct probe_made *made);
void probe_log(struct probe_file *file, struct dmabuf_probe_event event);

/* --- functions that nobody else in a guest calls: fences.c, reservation.c and vmap.c --- */

struct dma_fence *probe_fence_of(int fd);
bool probe_is_container(struct dma_fence *fence);
void probe_fences_put(struct dma_fence **fences, unsigned int count);
int probe_fence_give(struct dma_fence *fence, s32 *fd, struct probe_made *made);
int probe_array_give(struct dma_fence **fences, unsigned int count, bool any, s32 *fd,
		     struct probe_made *made);

int probe_fence_array(struct probe_file *file, void *argument, struct probe_made *made);
int probe_fence_chain(struct probe_file *file, void *argument, struct probe_made *made);
int probe_fence_find(struct probe_file *file, void *argument, struct probe_made *made);
int probe_fence_match(struct probe_file *file, void *argument, struct probe_made *made);
int probe_fence_dedup(struct probe_file *file, void *argument, struct probe_made *made);
int probe_fence_wait_any(struct probe_file *file, void *argument, struct probe_made *made);
int probe_resv_add(struct probe_file *file, void *argument, struct probe_made *made);
int probe_resv_replace(struct probe_file *file, void *argument, struct probe_made *made);
int probe_resv_copy(struct probe_file *file, void *argument, struct probe_made *made);
int probe_resv_singleton(struct probe_file *file, void *argument, struct probe_made *made);
int probe_resv_get(struct probe_file *file, void *argument, struct probe_made *made);
int probe_resv_wait(struct probe_file *file, void *argument, struct probe_made *made);
int probe_resv_test(struct probe_file *file, void *argument, struct probe_made *made);
int probe_resv_deadline(struct probe_file *file, void *argument, struct probe_made *made);
int probe_vmap(struct probe_file *file, void *argument, struct probe_made *made);

#endif /* DMABUF_PROBE_H */
