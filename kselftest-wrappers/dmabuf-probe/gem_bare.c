// SPDX-License-Identifier: GPL-2.0-only
/*
 * GEM objects whose driver gives them no operations: no memory, no table, no pin.
 * All drivers in a guest have the helpers' for theirs.
 */
#include <linux/mm.h>
#include <linux/slab.h>

#include "probe_gem.h"

struct probe_bare {
	struct drm_gem_object base;
	bool locked_out;
};

static atomic_t probe_bare_handles;

static void probe_bare_free(struct drm_gem_object *object)
{
	drm_gem_object_release(object);
	kfree(container_of(object, struct probe_bare, base));
}

static int probe_bare_open(struct drm_gem_object *object, struct drm_file *file)
{
	if (container_of(object, struct probe_bare, base)->locked_out)
		return -EACCES;
	atomic_inc(&probe_bare_handles);
	return 0;
}

static void probe_bare_close(struct drm_gem_object *object, struct drm_file *file)
{
	atomic_dec(&probe_bare_handles);
}

static vm_fault_t probe_bare_fault(struct vm_fault *fault)
{
	return VM_FAULT_SIGBUS;
}

static const struct vm_operations_struct probe_bare_mapping = {
	.fault = probe_bare_fault,
	.open = drm_gem_vm_open,
	.close = drm_gem_vm_close,
};

static const struct drm_gem_object_funcs probe_bare_operations = {
	.free = probe_bare_free,
	.open = probe_bare_open,
	.close = probe_bare_close,
	.vm_ops = &probe_bare_mapping,
};

static const struct drm_gem_object_funcs probe_bare_unmappable = {
	.free = probe_bare_free,
	.open = probe_bare_open,
	.close = probe_bare_close,
};

bool probe_gem_is_bare(struct drm_gem_object *object)
{
	return object->funcs == &probe_bare_operations || object->funcs == &probe_bare_unmappable;
}

static struct drm_gem_object *probe_bare_create(struct drm_device *device,
						const struct dmabuf_probe_gem *call)
{
	struct probe_bare *bare = kzalloc(sizeof(*bare), GFP_KERNEL);
	int ret;

	if (!bare)
		return ERR_PTR(-ENOMEM);
	bare->locked_out = call->flags & DMABUF_PROBE_LOCKED_OUT;
	bare->base.funcs = call->flags & DMABUF_PROBE_UNMAPPABLE ? &probe_bare_unmappable :
								   &probe_bare_operations;
	drm_gem_private_object_init(device, &bare->base, call->value);
	ret = drm_gem_create_mmap_offset(&bare->base);
	if (!ret)
		return &bare->base;
	drm_gem_object_put(&bare->base);
	return ERR_PTR(ret);
}

int probe_gem_bare(struct drm_device *device, struct drm_file *file, struct dmabuf_probe_gem *call)
{
	struct drm_gem_object *object;
	int ret;

	if (call->flags & ~(DMABUF_PROBE_UNMAPPABLE | DMABUF_PROBE_LOCKED_OUT) || call->handle ||
	    !call->value || call->value > DMABUF_PROBE_MAX_SIZE || !PAGE_ALIGNED(call->value))
		return -EINVAL;
	object = probe_bare_create(device, call);
	if (IS_ERR(object))
		return PTR_ERR(object);
	ret = drm_gem_handle_create(file, object, &call->handle);
	drm_gem_object_put(object);
	return ret;
}

int probe_gem_opened(struct dmabuf_probe_gem *call)
{
	if (call->handle || call->flags || call->value)
		return -EINVAL;
	call->value = atomic_read(&probe_bare_handles);
	return 0;
}
