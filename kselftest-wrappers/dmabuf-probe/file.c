// SPDX-License-Identifier: GPL-2.0-only
/* Open files and the handles in them. */

#include <linux/file.h>
#include <linux/fs.h>
#include <linux/slab.h>

#include "probe.h"

struct probe_file *probe_file_create(void)
{
	struct probe_file *file = kzalloc(sizeof(*file), GFP_KERNEL_ACCOUNT);

	if (!file)
		return ERR_PTR(-ENOMEM);
	file->log = kvcalloc(DMABUF_PROBE_MAX_EVENTS, sizeof(*file->log), GFP_KERNEL_ACCOUNT);
	if (!file->log) {
		kfree(file);
		return ERR_PTR(-ENOMEM);
	}
	kref_init(&file->ref);
	xa_init_flags(&file->objects, XA_FLAGS_ALLOC1);
	spin_lock_init(&file->log_lock);
	return file;
}

static void probe_file_free(struct kref *ref)
{
	struct probe_file *file = container_of(ref, struct probe_file, ref);

	xa_destroy(&file->objects);
	kvfree(file->log);
	kfree(file);
}

void probe_file_put(struct probe_file *file)
{
	kref_put(&file->ref, probe_file_free);
}

/* Memory that @file makes the kernel use: ENOSPC, and nothing is charged, beyond the limit. */
int probe_charge(struct probe_file *file, size_t bytes)
{
	if (atomic_long_add_return(bytes, &file->bytes) <= DMABUF_PROBE_MAX_BYTES)
		return 0;
	probe_uncharge(file, bytes);
	return -ENOSPC;
}

void probe_uncharge(struct probe_file *file, size_t bytes)
{
	atomic_long_sub(bytes, &file->bytes);
}

static void probe_undo_all(struct probe_file *file, enum probe_kind type)
{
	struct probe_object *object;
	unsigned long handle;

	xa_for_each(&file->objects, handle, object) {
		if (object->type == type && probe_object_take(file, handle, type)) {
			object->undo(object);
			probe_object_put(object);
		}
	}
}

/* No call is under way any more. */
void probe_file_close(struct probe_file *file)
{
	probe_undo_all(file, PROBE_MAPPING);
	probe_undo_all(file, PROBE_ATTACHMENT);
	probe_undo_all(file, PROBE_BUFFER);
	probe_file_put(file);
}

/*
 * Reserve a handle for @object, which stays unknown until it is published.
 * Handles are used again as late as possible, so that an old one is noticed.
 * On failure the object is not initialised.
 */
int probe_object_init(struct probe_object *object, struct probe_file *file, enum probe_kind type,
		      void (*undo)(struct probe_object *object),
		      void (*free)(struct probe_object *object))
{
	int ret = xa_alloc_cyclic(&file->objects, &object->handle, NULL,
				  XA_LIMIT(1, DMABUF_PROBE_MAX_HANDLES), &file->next_handle,
				  GFP_KERNEL_ACCOUNT);

	if (ret < 0)
		return ret == -EBUSY ? -ENOSPC : ret;
	kref_init(&object->ref);
	kref_get(&file->ref);
	object->type = type;
	object->file = file;
	object->undo = undo;
	object->free = free;
	return 0;
}

static void probe_object_free(struct kref *ref)
{
	struct probe_object *object = container_of(ref, struct probe_object, ref);
	struct probe_file *file = object->file;

	object->free(object);
	probe_file_put(file);
}

void probe_object_put(struct probe_object *object)
{
	kref_put(&object->ref, probe_object_free);
}

/* With a reference for the caller; NULL if @handle is not that of a @type. */
struct probe_object *probe_object_get(struct probe_file *file, u32 handle, enum probe_kind type)
{
	struct probe_object *object;

	xa_lock(&file->objects);
	object = xa_load(&file->objects, handle);
	if (object && object->type == type)
		kref_get(&object->ref);
	else
		object = NULL;
	xa_unlock(&file->objects);
	return object;
}

/* Likewise, and the handle ends: one caller alone gets the object, with the handle's reference. */
struct probe_object *probe_object_take(struct probe_file *file, u32 handle, enum probe_kind type)
{
	struct probe_object *object;

	xa_lock(&file->objects);
	object = xa_load(&file->objects, handle);
	if (object && object->type == type)
		__xa_erase(&file->objects, handle);
	else
		object = NULL;
	xa_unlock(&file->objects);
	return object;
}

void probe_made_add(struct probe_made *made, struct probe_object *object)
{
	made->objects[made->count++] = object;
}

void probe_made_publish(struct probe_made *made)
{
	struct probe_object *object;
	unsigned int i;

	for (i = 0; i < made->count; i++) {
		object = made->objects[i];
		/* Its slot is reserved: nothing is allocated, nothing can fail. */
		xa_store(&object->file->objects, object->handle, object, GFP_KERNEL);
	}
	if (made->fd_file)
		fd_install(made->fd, made->fd_file);
}

void probe_made_undo(struct probe_made *made)
{
	while (made->count) {
		struct probe_object *object = made->objects[--made->count];

		xa_erase(&object->file->objects, object->handle);
		object->undo(object);
		probe_object_put(object);
	}
	if (made->fd_file) {
		fput(made->fd_file);
		put_unused_fd(made->fd);
	}
}
