// SPDX-License-Identifier: GPL-2.0-only
/* As functions.c, of the functions that gem_objects.c and gem_memory.c call. */
#include <linux/dma-resv.h>
#include <drm/drm_device.h>
#include <drm/drm_file.h>
#include <drm/drm_gem.h>
#include <drm/drm_gem_shmem_helper.h>
#include <drm/drm_prime.h>

#define PROBE(name, expression) ((void)#name, (void)(expression))

static void __maybe_unused probe_objects(struct drm_file *file, struct drm_gem_object **objects,
					 struct drm_gem_object ***found,
					 struct ww_acquire_ctx *ticket, struct drm_gem_lru *lru,
					 struct mutex *lock, unsigned long *left,
					 bool (*shrink)(struct drm_gem_object *object),
					 bool (*shrink_with)(struct drm_gem_object *object,
							     struct ww_acquire_ctx *ticket))
{
	struct drm_device *device = (*objects)->dev;

	PROBE(PROBE_CONTROL, file->surely_not_there);
	PROBE(PROBE_HAS_LOOKUP, drm_gem_objects_lookup(file, NULL, 1, found));
	PROBE(PROBE_HAS_LOCK, drm_gem_lock_reservations(objects, 1, ticket));
	PROBE(PROBE_HAS_UNLOCK, drm_gem_unlock_reservations(objects, 1, ticket));
	PROBE(PROBE_HAS_GEM_WAIT, drm_gem_dma_resv_wait(file, 1, true, 1UL) + 1L);
	PROBE(PROBE_HAS_EVICT, drm_gem_evict(*objects));
	PROBE(PROBE_HAS_EVICT_LOCKED, drm_gem_evict_locked(*objects));
	PROBE(PROBE_HAS_LRU_INIT, drm_gem_lru_init(lru, lock));
	PROBE(PROBE_HAS_LRU_SCAN, drm_gem_lru_scan(lru, 1, left, shrink));
	PROBE(PROBE_HAS_LRU_INIT_ALONE, drm_gem_lru_init(lru));
	PROBE(PROBE_HAS_LRU_SCAN_WITH, drm_gem_lru_scan(device, lru, 1, left, shrink_with, ticket));
}

static void __maybe_unused probe_memory(struct drm_gem_object *object, struct iosys_map *map,
					struct drm_gem_shmem_object *shmem, struct sg_table *table,
					struct page **pages, dma_addr_t *addresses)
{
	PROBE(PROBE_HAS_GEM_VMAP_UNLOCKED, drm_gem_vmap_unlocked(object, map));
	PROBE(PROBE_HAS_GEM_VMAP, drm_gem_vmap(object, map));
	PROBE(PROBE_HAS_TABLE, drm_gem_shmem_get_pages_sgt(shmem)->sgl);
	PROBE(PROBE_HAS_PAGES, drm_prime_sg_to_page_array(table, pages, 1));
	PROBE(PROBE_HAS_ADDRESSES, drm_prime_sg_to_dma_addr_array(table, addresses, 1));
	PROBE(PROBE_HAS_CONTIGUOUS, drm_prime_get_contiguous_size(table));
	PROBE(PROBE_HAS_PIN, drm_gem_shmem_pin(shmem));
	PROBE(PROBE_HAS_PIN_LOCKED, drm_gem_shmem_pin_locked(shmem));
	PROBE(PROBE_HAS_PURGE, drm_gem_shmem_purge(shmem));
	PROBE(PROBE_HAS_PURGE_LOCKED, drm_gem_shmem_purge_locked(shmem));
}
