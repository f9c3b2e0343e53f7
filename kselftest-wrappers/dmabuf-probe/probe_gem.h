/* SPDX-License-Identifier: GPL-2.0-only */
/* Internals of the calls of dmabuf_probe_drm: gem_objects.c, gem_bare.c and gem_memory.c. */
#ifndef DMABUF_PROBE_GEM_H
#define DMABUF_PROBE_GEM_H

#include <drm/drm_device.h>
#include <drm/drm_drv.h>
#include <drm/drm_file.h>
#include <drm/drm_gem.h>
#include <drm/drm_gem_shmem_helper.h>

#include "dmabuf_probe.h"

int probe_gem(struct drm_device *device, void *argument, struct drm_file *file);

/* With an object that the call's handle names. */
int probe_gem_map(struct drm_gem_object *object, struct drm_file *file,
		  struct dmabuf_probe_gem *call);
/* Only with one of the shmem helpers, which is no import. */
int probe_gem_table(struct drm_gem_shmem_object *shmem, struct dmabuf_probe_gem *call);
int probe_gem_pin(struct drm_gem_shmem_object *shmem, struct dmabuf_probe_gem *call);
int probe_gem_advise(struct drm_gem_shmem_object *shmem, struct dmabuf_probe_gem *call);
int probe_gem_purge(struct drm_gem_shmem_object *shmem, struct dmabuf_probe_gem *call);
int probe_gem_segments(struct dmabuf_probe_gem *call);

int probe_gem_bare(struct drm_device *device, struct drm_file *file, struct dmabuf_probe_gem *call);
int probe_gem_opened(struct dmabuf_probe_gem *call);
bool probe_gem_is_bare(struct drm_gem_object *object);

#endif /* DMABUF_PROBE_GEM_H */
