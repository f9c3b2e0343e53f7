// SPDX-License-Identifier: GPL-2.0-only
/* Importers of any dma-buf: attach, detach, pin, unpin; and what happens to them. */

#include <linux/slab.h>

#include "probe.h"

/* --- using an attachment, of which another thread may want to be rid --- */

/* NULL if there is no such attachment, or it is going. */
struct probe_attachment *probe_attachment_enter(struct probe_file *file, u32 handle)
{
	struct probe_object *object = probe_object_get(file, handle, PROBE_ATTACHMENT);
	struct probe_attachment *attachment;
	bool dead;

	if (!object)
		return NULL;
	attachment = to_attachment(object);
	spin_lock(&attachment->lock);
	dead = attachment->dead;
	attachment->busy += !dead;
	spin_unlock(&attachment->lock);
	if (!dead)
		return attachment;
	probe_object_put(object);
	return NULL;
}

void probe_attachment_leave(struct probe_attachment *attachment)
{
	bool idle;

	spin_lock(&attachment->lock);
	idle = !--attachment->busy;
	spin_unlock(&attachment->lock);
	if (idle)
		wake_up(&attachment->idle);
	probe_object_put(&attachment->object);
}

/* From here on nobody can enter it, and those who had have left. */
static int probe_attachment_kill(struct probe_attachment *attachment)
{
	int ret = 0;

	spin_lock(&attachment->lock);
	if (attachment->dead)
		ret = -ENOENT;
	else if (attachment->mapped)
		ret = -EBUSY;
	else
		attachment->dead = true;
	spin_unlock(&attachment->lock);
	if (!ret)
		wait_event(attachment->idle, !READ_ONCE(attachment->busy));
	return ret;
}

/* Take the reservation lock, or have it held by somebody else. */
void probe_attachment_lock(struct probe_attachment *attachment, struct probe_unlocked *act,
			   bool unlocked)
{
	struct dma_resv *resv = attachment->dmabuf->resv;

	if (unlocked)
		probe_unlocked_begin(act, resv, probe_buffer_of(attachment->dmabuf));
	else
		dma_resv_lock(resv, NULL);
}

void probe_attachment_unlock(struct probe_attachment *attachment, struct probe_unlocked *act,
			     bool unlocked)
{
	if (unlocked)
		probe_unlocked_end(act);
	else
		dma_resv_unlock(attachment->dmabuf->resv);
}

/* --- the importer's callback --- */

static void probe_notified(struct dma_buf_attachment *attach)
{
	struct probe_attachment *attachment = attach->importer_priv;
	struct probe_buffer *buffer = probe_buffer_of(attach->dmabuf);
	struct probe_file *file = attachment->object.file;
	struct dmabuf_probe_event event = {
		.call = DMABUF_PROBE_CALL_NOTIFY,
		.attachment = attachment->object.handle,
	};
	bool held = buffer ? probe_buffer_held(buffer) : probe_resv_held(attach->dmabuf->resv);

	spin_lock(&attachment->lock);
	attachment->notified++;
	attachment->notified_unlocked += !held;
	spin_unlock(&attachment->lock);

	if (buffer) {
		probe_buffer_count(buffer, NULL, event.call, 0, held);
		event.generation = READ_ONCE(buffer->generation);
		if (buffer->object.file == file)
			event.buffer = READ_ONCE(buffer->object.handle);
	}
	event.locked = held;
	probe_log(file, event);
}

static const struct dma_buf_attach_ops probe_with_callback = {
	.probe_notify_member = probe_notified,
};

static const struct dma_buf_attach_ops probe_without_callback = { };

/* --- attach and detach --- */

static void probe_attachment_undo(struct probe_object *object)
{
	struct probe_attachment *attachment = to_attachment(object);

	if (!attachment->attach)
		return;
	dma_resv_lock(attachment->dmabuf->resv, NULL);
	while (attachment->own_pins) {
		dma_buf_unpin(attachment->attach);
		attachment->own_pins--;
	}
	dma_resv_unlock(attachment->dmabuf->resv);
	dma_buf_detach(attachment->dmabuf, attachment->attach);
	attachment->attach = NULL;
}

static void probe_attachment_free(struct probe_object *object)
{
	struct probe_attachment *attachment = to_attachment(object);

	dma_buf_put(attachment->dmabuf);
	kfree(attachment);
}

/* With a reference to @dmabuf, also on failure. */
static struct probe_attachment *probe_attachment_create(struct probe_file *file,
							struct dma_buf *dmabuf, u32 kind)
{
	struct probe_attachment *attachment = kzalloc(sizeof(*attachment), GFP_KERNEL_ACCOUNT);
	int ret = -ENOMEM;

	if (attachment)
		ret = probe_object_init(&attachment->object, file, PROBE_ATTACHMENT,
					probe_attachment_undo, probe_attachment_free);
	if (ret) {
		kfree(attachment);
		dma_buf_put(dmabuf);
		return ERR_PTR(ret);
	}
	attachment->dmabuf = dmabuf;
	attachment->dynamic = kind != DMABUF_PROBE_IMPORT_STATIC;
	mutex_init(&attachment->map_lock);
	spin_lock_init(&attachment->lock);
	init_waitqueue_head(&attachment->idle);
	INIT_LIST_HEAD(&attachment->mappings);
	return attachment;
}

/* Lets the exporter's events name the attachment. */
static void probe_introduce(struct probe_attachment *attachment)
{
	struct probe_buffer *buffer = probe_buffer_of(attachment->dmabuf);
	struct probe_seen *seen = attachment->attach->priv;

	if (buffer && buffer->object.file == attachment->object.file)
		WRITE_ONCE(seen->attachment, attachment->object.handle);
}

int probe_attach(struct probe_file *file, void *argument, struct probe_made *made)
{
	static const struct dma_buf_attach_ops *const operations[] = {
		[DMABUF_PROBE_IMPORT_STATIC] = NULL,
		[DMABUF_PROBE_IMPORT_DYNAMIC] = &probe_with_callback,
		[DMABUF_PROBE_IMPORT_NO_CALLBACK] = &probe_without_callback,
	};
	struct dmabuf_probe_attach *request = argument;
	struct probe_attachment *attachment;
	struct dma_buf_attachment *attach;
	struct dma_buf *dmabuf;

	if (request->kind >= ARRAY_SIZE(operations) || request->reserved)
		return -EINVAL;
	dmabuf = dma_buf_get(request->fd);
	if (IS_ERR(dmabuf))
		return PTR_ERR(dmabuf);
	attachment = probe_attachment_create(file, dmabuf, request->kind);
	if (IS_ERR(attachment))
		return PTR_ERR(attachment);
	probe_made_add(made, &attachment->object);

	if (attachment->dynamic)
		attach = dma_buf_dynamic_attach(dmabuf, probe_device, operations[request->kind],
						attachment);
	else
		attach = dma_buf_attach(dmabuf, probe_device);
	if (IS_ERR(attach))
		return PTR_ERR(attach);
	attachment->attach = attach;
	probe_introduce(attachment);
	request->handle = attachment->object.handle;
	return 0;
}

int probe_detach(struct probe_file *file, void *argument, struct probe_made *made)
{
	struct dmabuf_probe_handle *handle = argument;
	struct probe_object *object;
	int ret;

	if (handle->flags)
		return -EINVAL;
	object = probe_object_get(file, handle->handle, PROBE_ATTACHMENT);
	if (!object)
		return -ENOENT;
	ret = probe_attachment_kill(to_attachment(object));
	if (!ret) {
		object->undo(object);
		/* Its handle can be given away again only now that no event names it. */
		probe_object_take(file, handle->handle, PROBE_ATTACHMENT);
		probe_object_put(object);
	}
	probe_object_put(object);
	return ret;
}

/* --- pin and unpin --- */

static int probe_do_pin(struct probe_attachment *attachment)
{
	int ret;

	if (attachment->own_pins >= DMABUF_PROBE_MAX_HANDLES)
		return -ENOSPC;
	ret = dma_buf_pin(attachment->attach);
	if (!ret)
		attachment->own_pins++;
	return ret;
}

static int probe_do_unpin(struct probe_attachment *attachment)
{
	if (!attachment->own_pins)
		return -EINVAL;
	attachment->own_pins--;
	dma_buf_unpin(attachment->attach);
	return 0;
}

static int probe_pinning(struct probe_file *file, struct dmabuf_probe_handle *handle,
			 int (*act)(struct probe_attachment *attachment))
{
	bool unlocked = handle->flags & DMABUF_PROBE_UNLOCKED;
	struct probe_attachment *attachment;
	struct probe_unlocked holder;
	int ret = -EINVAL;

	if (handle->flags & ~DMABUF_PROBE_UNLOCKED)
		return -EINVAL;
	attachment = probe_attachment_enter(file, handle->handle);
	if (!attachment)
		return -ENOENT;
	if (attachment->dynamic) {
		probe_attachment_lock(attachment, &holder, unlocked);
		ret = act(attachment);
		probe_attachment_unlock(attachment, &holder, unlocked);
	}
	probe_attachment_leave(attachment);
	return ret;
}

int probe_pin(struct probe_file *file, void *argument, struct probe_made *made)
{
	return probe_pinning(file, argument, probe_do_pin);
}

int probe_unpin(struct probe_file *file, void *argument, struct probe_made *made)
{
	return probe_pinning(file, argument, probe_do_unpin);
}

/* --- state --- */

static void probe_exporter_saw(struct dmabuf_probe_attachment_state *state,
			       struct probe_buffer *buffer, struct probe_seen *seen)
{
	spin_lock(&buffer->lock);
	memcpy(state->calls, seen->counts.calls, sizeof(state->calls));
	memcpy(state->unlocked, seen->counts.unlocked, sizeof(state->unlocked));
	state->pins = seen->pins;
	spin_unlock(&buffer->lock);
}

static void probe_importer_saw(struct dmabuf_probe_attachment_state *state,
			       struct probe_attachment *attachment)
{
	struct probe_mapping *mapping;

	spin_lock(&attachment->lock);
	state->mappings = 0;
	state->stale_mappings = 0;
	list_for_each_entry(mapping, &attachment->mappings, node) {
		state->mappings++;
		state->stale_mappings += mapping->notified != attachment->notified;
	}
	state->own_pins = READ_ONCE(attachment->own_pins);
	state->calls[DMABUF_PROBE_CALL_NOTIFY] = attachment->notified;
	state->unlocked[DMABUF_PROBE_CALL_NOTIFY] = attachment->notified_unlocked;
	spin_unlock(&attachment->lock);
}

int probe_attachment_state(struct probe_file *file, void *argument, struct probe_made *made)
{
	struct dmabuf_probe_attachment_state *state = argument;
	struct probe_attachment *attachment;
	struct probe_buffer *buffer;
	u32 handle = state->attachment;

	if (state->reserved)
		return -EINVAL;
	attachment = probe_attachment_enter(file, handle);
	if (!attachment)
		return -ENOENT;
	memset(state, 0, sizeof(*state));
	state->attachment = handle;
	buffer = probe_buffer_of(attachment->dmabuf);
	if (buffer)
		probe_exporter_saw(state, buffer, attachment->attach->priv);
	probe_importer_saw(state, attachment);
	probe_attachment_leave(attachment);
	return 0;
}
