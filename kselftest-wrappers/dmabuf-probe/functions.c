// SPDX-License-Identifier: GPL-2.0-only
/*
 * As api.c, of the functions that fences.c and reservation.c call: is there one
 * of this name and this form? This file is never linked into the module.
 */
#include <linux/dma-fence-array.h>
#include <linux/dma-fence-chain.h>
#if __has_include("linux/dma-fence-unwrap.h")
#include <linux/dma-fence-unwrap.h>
#endif
#include <linux/dma-resv.h>

#define PROBE(name, expression) ((void)#name, (void)(expression))

static void __maybe_unused probe_fences(struct dma_fence *fence, struct dma_fence **fences,
					struct dma_fence_chain *chain, unsigned int number)
{
	PROBE(PROBE_CONTROL, fence->surely_not_there);
	PROBE(PROBE_HAS_ARRAY, &dma_fence_array_create(1, fences, 1ull, 1)->base);
	PROBE(PROBE_HAS_ARRAY_ANY, &dma_fence_array_create(1, fences, 1ull, 1, true)->base);
	PROBE(PROBE_HAS_CHAIN, dma_fence_chain_init(chain, fence, fence, 1ull));
	PROBE(PROBE_HAS_FIND, dma_fence_chain_find_seqno(fences, 1ull));
	PROBE(PROBE_HAS_MATCH, dma_fence_match_context(fence, 1ull));
	PROBE(PROBE_HAS_DEDUP, dma_fence_dedup_array(fences, 1ul));
	PROBE(PROBE_HAS_WAIT_ANY, dma_fence_wait_any_timeout(fences, 1, true, 1L, &number));
}

static void __maybe_unused probe_reservations(struct dma_resv *resv, struct dma_fence *fence,
					      struct dma_fence ***fences, unsigned int *number)
{
	PROBE(PROBE_HAS_COPY, dma_resv_copy_fences(resv, resv));
	PROBE(PROBE_HAS_ADD, dma_resv_add_fence(resv, fence, DMA_RESV_USAGE_KERNEL));
	PROBE(PROBE_HAS_RESERVE, dma_resv_reserve_fences(resv, 1));
	PROBE(PROBE_HAS_REPLACE, dma_resv_replace_fences(resv, 1ull, fence, DMA_RESV_USAGE_READ));
	PROBE(PROBE_HAS_SINGLETON, dma_resv_get_singleton(resv, DMA_RESV_USAGE_READ, *fences));
	PROBE(PROBE_HAS_GET, dma_resv_get_fences(resv, DMA_RESV_USAGE_BOOKKEEP, number, fences));
	PROBE(PROBE_HAS_WAIT, dma_resv_wait_timeout(resv, DMA_RESV_USAGE_READ, true, 1UL));
	PROBE(PROBE_HAS_TEST, dma_resv_test_signaled(resv, DMA_RESV_USAGE_READ));
	PROBE(PROBE_HAS_DEADLINE, dma_resv_set_deadline(resv, DMA_RESV_USAGE_READ, ktime_get()));
}
