// SPDX-License-Identifier: GPL-2.0-only
/* Calls about buffers that are exported here. */

#include <linux/fcntl.h>
#include <linux/file.h>
#include <linux/fs.h>
#include <linux/slab.h>

#include "probe.h"

static struct probe_buffer *probe_buffer_get(struct probe_file *file, u32 handle)
{
	struct probe_object *object = probe_object_get(file, handle, PROBE_BUFFER);

	return object ? to_buffer(object) : NULL;
}

/* Its dma-buf lives on while somebody holds it. */
static void probe_buffer_undo(struct probe_object *object)
{
	WRITE_ONCE(object->handle, 0);
}

static void probe_buffer_free(struct probe_object *object)
{
	struct probe_buffer *buffer = to_buffer(object);

	if (buffer->location)
		probe_location_put(buffer->location);
	dma_resv_fini(&buffer->resv);
	kfree(buffer);
}

static struct probe_buffer *probe_buffer_create(struct probe_file *file, u64 size,
						struct probe_made *made)
{
	struct probe_buffer *buffer = kzalloc(sizeof(*buffer), GFP_KERNEL_ACCOUNT);
	struct probe_location *location;
	int ret;

	if (!buffer)
		return ERR_PTR(-ENOMEM);
	ret = probe_object_init(&buffer->object, file, PROBE_BUFFER, probe_buffer_undo,
				probe_buffer_free);
	if (ret) {
		kfree(buffer);
		return ERR_PTR(ret);
	}
	dma_resv_init(&buffer->resv);
	spin_lock_init(&buffer->lock);
	buffer->size = size;
	buffer->generation = 1;
	probe_made_add(made, &buffer->object);
	location = probe_location_create(file, size >> PAGE_SHIFT);
	if (IS_ERR(location))
		return ERR_CAST(location);
	buffer->location = location;
	return buffer;
}

/* The new dma-buf gets a reference to @buffer, which its release gives back. */
static struct dma_buf *probe_buffer_export(struct probe_buffer *buffer, u32 kind, int flags)
{
	DEFINE_DMA_BUF_EXPORT_INFO(info);
	struct dma_buf *dmabuf;

	info.ops = &probe_exporters[kind];
	info.size = buffer->size;
	info.flags = flags;
	info.resv = &buffer->resv;
	info.priv = buffer;
	dmabuf = dma_buf_export(&info);
	if (IS_ERR(dmabuf))
		return dmabuf;
	kref_get(&buffer->object.ref);
	buffer->dmabuf = dmabuf;
	return dmabuf;
}

static bool probe_export_is_sane(const struct dmabuf_probe_export *wanted)
{
	return wanted->size && wanted->size <= DMABUF_PROBE_MAX_SIZE &&
	       PAGE_ALIGNED(wanted->size) && wanted->kind <= DMABUF_PROBE_CACHING_DYNAMIC &&
	       !(wanted->fd_flags & ~(O_CLOEXEC | O_ACCMODE)) &&
	       (wanted->fd_flags & O_ACCMODE) != O_ACCMODE;
}

int probe_export(struct probe_file *file, void *argument, struct probe_made *made)
{
	struct dmabuf_probe_export *export = argument;
	struct probe_buffer *buffer;
	struct dma_buf *dmabuf;
	int fd;

	if (!probe_export_is_sane(export))
		return -EINVAL;
	if (!probe_exporters[export->kind].map_dma_buf)
		return -EOPNOTSUPP;
	buffer = probe_buffer_create(file, export->size, made);
	if (IS_ERR(buffer))
		return PTR_ERR(buffer);
	dmabuf = probe_buffer_export(buffer, export->kind, export->fd_flags);
	if (IS_ERR(dmabuf))
		return PTR_ERR(dmabuf);
	fd = get_unused_fd_flags(export->fd_flags);
	if (fd < 0) {
		dma_buf_put(dmabuf);
		return fd;
	}
	made->fd = fd;
	made->fd_file = dmabuf->file;
	export->fd = fd;
	export->handle = buffer->object.handle;
	return 0;
}

int probe_fail(struct probe_file *file, void *argument, struct probe_made *made)
{
	struct dmabuf_probe_fail *fail = argument;
	struct probe_buffer *buffer;

	/* Larger numbers mean something else inside the kernel. */
	if (fail->callback >= PROBE_PLANS || fail->error > EHWPOISON || !fail->nth != !fail->error)
		return -EINVAL;
	buffer = probe_buffer_get(file, fail->buffer);
	if (!buffer)
		return -ENOENT;
	spin_lock(&buffer->lock);
	buffer->plans[fail->callback].nth = fail->nth;
	buffer->plans[fail->callback].error = fail->error;
	spin_unlock(&buffer->lock);
	probe_object_put(&buffer->object);
	return 0;
}

static int probe_may_move(struct probe_buffer *buffer)
{
	int ret = 0;

	spin_lock(&buffer->lock);
	if (!buffer->dmabuf)
		ret = -ENODEV;
	else if (buffer->pins > 0)
		ret = -EBUSY;
	spin_unlock(&buffer->lock);
	return ret;
}

/*
 * Under the reservation lock. Importers map again after the callback has
 * returned (kernel-doc of move_notify), when the lock is free: it is the same
 * for them whether the buffer moves before or after. It moves before, so that
 * what is logged of the callback has the new generation.
 */
static int probe_move_locked(struct probe_buffer *buffer)
{
	struct probe_location *to, *from = buffer->location;
	int ret = probe_may_move(buffer);

	if (ret)
		return ret;
	to = probe_location_create(buffer->object.file, from->count);
	if (IS_ERR(to))
		return PTR_ERR(to);
	probe_location_copy(to, from);
	spin_lock(&buffer->lock);
	buffer->location = to;
	buffer->generation++;
	spin_unlock(&buffer->lock);
	probe_notify_importers(buffer->dmabuf);
	probe_location_put(from);
	return 0;
}

static int probe_move_unlocked(struct probe_buffer *buffer)
{
	struct probe_unlocked act;
	int ret;

	probe_unlocked_begin(&act, &buffer->resv, buffer);
	ret = probe_move_locked(buffer);
	probe_unlocked_end(&act);
	return ret;
}

int probe_move(struct probe_file *file, void *argument, struct probe_made *made)
{
	struct dmabuf_probe_move *move = argument;
	struct probe_buffer *buffer;
	int ret;

	if (move->flags & ~DMABUF_PROBE_UNLOCKED)
		return -EINVAL;
	buffer = probe_buffer_get(file, move->buffer);
	if (!buffer)
		return -ENOENT;
	if (move->flags & DMABUF_PROBE_UNLOCKED) {
		ret = probe_move_unlocked(buffer);
	} else {
		dma_resv_lock(&buffer->resv, NULL);
		ret = probe_move_locked(buffer);
		dma_resv_unlock(&buffer->resv);
	}
	probe_object_put(&buffer->object);
	return ret;
}

int probe_close_buffer(struct probe_file *file, void *argument, struct probe_made *made)
{
	struct dmabuf_probe_handle *handle = argument;
	struct probe_object *object;

	if (handle->flags)
		return -EINVAL;
	object = probe_object_take(file, handle->handle, PROBE_BUFFER);
	if (!object)
		return -ENOENT;
	object->undo(object);
	probe_object_put(object);
	return 0;
}

int probe_buffer_state(struct probe_file *file, void *argument, struct probe_made *made)
{
	struct dmabuf_probe_buffer_state *state = argument;
	struct probe_buffer *buffer;

	if (state->reserved)
		return -EINVAL;
	buffer = probe_buffer_get(file, state->buffer);
	if (!buffer)
		return -ENOENT;
	state->size = buffer->size;
	spin_lock(&buffer->lock);
	state->released = !buffer->dmabuf;
	state->generation = buffer->generation;
	memcpy(state->calls, buffer->counts.calls, sizeof(state->calls));
	memcpy(state->unlocked, buffer->counts.unlocked, sizeof(state->unlocked));
	state->pins = buffer->pins;
	state->mappings = buffer->mappings;
	state->attachments = buffer->attachments;
	state->pinned_bytes = buffer->pins > 0 ? buffer->size : 0;
	spin_unlock(&buffer->lock);
	probe_object_put(&buffer->object);
	return 0;
}
