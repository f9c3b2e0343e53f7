// SPDX-License-Identifier: GPL-2.0-only
/*
 * Functions of fences that are exported, and that nobody else in a guest calls.
 *
 * A patch may take one of them away, or its export: it is then missing, and the
 * rest of the module is as good as ever. So each is asked for by functions.c, and
 * weak: what the kernel does not export is NULL in a module that is loaded.
 */
#include <linux/dma-fence-array.h>
#include <linux/dma-fence-chain.h>
#if __has_include("linux/dma-fence-unwrap.h")
#include <linux/dma-fence-unwrap.h>
#endif
#include <linux/file.h>
#include <linux/slab.h>
#include <linux/sync_file.h>

#include "probe.h"

typeof(sync_file_create) sync_file_create __weak;
typeof(sync_file_get_fence) sync_file_get_fence __weak;

/* With a reference; EINVAL for what is no sync file. */
struct dma_fence *probe_fence_of(int fd)
{
	struct dma_fence *fence;

	if (!sync_file_get_fence)
		return ERR_PTR(-ENOTTY);
	fence = sync_file_get_fence(fd);
	return fence ? fence : ERR_PTR(-EINVAL);
}

bool probe_is_container(struct dma_fence *fence)
{
	return dma_fence_is_array(fence) || to_dma_fence_chain(fence);
}

void probe_fences_put(struct dma_fence **fences, unsigned int count)
{
	while (count)
		dma_fence_put(fences[--count]);
}

/* A new sync file of @fence, which the caller still has to put; none, and no failure, for NULL. */
int probe_fence_give(struct dma_fence *fence, s32 *fd, struct probe_made *made)
{
	struct sync_file *sync_file;
	int number;

	*fd = -1;
	if (!fence)
		return 0;
	if (!sync_file_create)
		return -ENOTTY;
	number = get_unused_fd_flags(O_CLOEXEC);
	if (number < 0)
		return number;
	sync_file = sync_file_create(fence);
	if (!sync_file) {
		put_unused_fd(number);
		return -ENOMEM;
	}
	made->fd = number;
	made->fd_file = sync_file->file;
	*fd = number;
	return 0;
}

/* The sync files of a call; on failure there is nothing to put. */
static int probe_fences_get(struct dmabuf_probe_fences *call, struct dma_fence **fences)
{
	unsigned int i;

	if (!call->count || call->count > DMABUF_PROBE_MAX_FENCES)
		return -EINVAL;
	for (i = 0; i < call->count; i++) {
		fences[i] = probe_fence_of(call->fences[i]);
		if (IS_ERR(fences[i])) {
			probe_fences_put(fences, i);
			return PTR_ERR(fences[i]);
		}
	}
	return 0;
}

#if defined(PROBE_HAS_ARRAY) || defined(PROBE_HAS_ARRAY_ANY)
typeof(dma_fence_array_create) dma_fence_array_create __weak;

static struct dma_fence_array *probe_array_create(struct dma_fence **fences, unsigned int count,
						  bool any)
{
	u64 context = dma_fence_context_alloc(1);

#ifdef PROBE_HAS_ARRAY_ANY
	return dma_fence_array_create(count, fences, context, 1, any);
#else
	return dma_fence_array_create(count, fences, context, 1);
#endif
}

/* Can an array signal with the first of its fences? */
#ifdef PROBE_HAS_ARRAY_ANY
static const bool probe_knows_any = true;
#else
static const bool probe_knows_any;
#endif

/*
 * An array of @fences as a sync file; it takes @fences, which were allocated,
 * and their references.
 */
int probe_array_give(struct dma_fence **fences, unsigned int count, bool any, s32 *fd,
		     struct probe_made *made)
{
	struct dma_fence_array *array = NULL;
	bool known = dma_fence_array_create && (!any || probe_knows_any);
	int ret = known ? -ENOMEM : -ENOTTY;
	unsigned int i;

	for (i = 0; i < count; i++)
		if (probe_is_container(fences[i]))
			ret = -EINVAL;
	if (ret == -ENOMEM)
		array = probe_array_create(fences, count, any);
	if (!array) {
		probe_fences_put(fences, count);
		kfree(fences);
		return ret;
	}
	ret = probe_fence_give(&array->base, fd, made);
	dma_fence_put(&array->base);
	return ret;
}
#else
int probe_array_give(struct dma_fence **fences, unsigned int count, bool any, s32 *fd,
		     struct probe_made *made)
{
	probe_fences_put(fences, count);
	kfree(fences);
	return -ENOTTY;
}
#endif

int probe_fence_array(struct probe_file *file, void *argument, struct probe_made *made)
{
	struct dmabuf_probe_fences *call = argument;
	struct dma_fence **fences;
	int ret;

	if (call->flags & ~DMABUF_PROBE_ANY)
		return -EINVAL;
	fences = kcalloc(DMABUF_PROBE_MAX_FENCES, sizeof(*fences), GFP_KERNEL_ACCOUNT);
	if (!fences)
		return -ENOMEM;
	ret = probe_fences_get(call, fences);
	if (ret) {
		kfree(fences);
		return ret;
	}
	return probe_array_give(fences, call->count, call->flags & DMABUF_PROBE_ANY, &call->fd,
				made);
}

#ifdef PROBE_HAS_CHAIN
typeof(dma_fence_chain_init) dma_fence_chain_init __weak;

/* Takes the references to both. */
static int probe_chain_give(struct dma_fence *previous, struct dma_fence *fence,
			    struct dmabuf_probe_fences *call, struct probe_made *made)
{
	struct dma_fence_chain *chain = NULL;
	int ret;

	/* A link is freed by the kernel, with kfree_rcu(). */
	if (dma_fence_chain_init)
		chain = kmalloc(sizeof(*chain), GFP_KERNEL_ACCOUNT);
	if (!chain) {
		dma_fence_put(previous);
		dma_fence_put(fence);
		return dma_fence_chain_init ? -ENOMEM : -ENOTTY;
	}
	dma_fence_chain_init(chain, previous, fence, call->value);
	call->value = chain->base.seqno;
	ret = probe_fence_give(&chain->base, &call->fd, made);
	dma_fence_put(&chain->base);
	return ret;
}
#else
static int probe_chain_give(struct dma_fence *previous, struct dma_fence *fence,
			    struct dmabuf_probe_fences *call, struct probe_made *made)
{
	dma_fence_put(previous);
	dma_fence_put(fence);
	return -ENOTTY;
}
#endif

int probe_fence_chain(struct probe_file *file, void *argument, struct probe_made *made)
{
	struct dmabuf_probe_fences *call = argument;
	struct dma_fence *previous = NULL, *fence;

	if (call->count != 2 || call->flags)
		return -EINVAL;
	fence = probe_fence_of(call->fences[1]);
	if (IS_ERR(fence))
		return PTR_ERR(fence);
	if (call->fences[0] != -1)
		previous = probe_fence_of(call->fences[0]);
	if (IS_ERR(previous) || to_dma_fence_chain(fence)) {
		if (!IS_ERR(previous))
			dma_fence_put(previous);
		dma_fence_put(fence);
		return IS_ERR(previous) ? PTR_ERR(previous) : -EINVAL;
	}
	return probe_chain_give(previous, fence, call, made);
}

int probe_fence_find(struct probe_file *file, void *argument, struct probe_made *made)
{
#ifdef PROBE_HAS_FIND
	extern typeof(dma_fence_chain_find_seqno) dma_fence_chain_find_seqno __weak;
	struct dmabuf_probe_fences *call = argument;
	struct dma_fence *fence;
	int ret;

	if (!dma_fence_chain_find_seqno)
		return -ENOTTY;
	if (call->count != 1 || call->flags)
		return -EINVAL;
	fence = probe_fence_of(call->fences[0]);
	if (IS_ERR(fence))
		return PTR_ERR(fence);
	call->result = dma_fence_chain_find_seqno(&fence, call->value);
	call->value = fence ? fence->seqno : 0;
	ret = probe_fence_give(fence, &call->fd, made);
	dma_fence_put(fence);
	return ret;
#else
	return -ENOTTY;
#endif
}

int probe_fence_match(struct probe_file *file, void *argument, struct probe_made *made)
{
#ifdef PROBE_HAS_MATCH
	extern typeof(dma_fence_match_context) dma_fence_match_context __weak;
	struct dmabuf_probe_fences *call = argument;
	struct dma_fence *fences[DMABUF_PROBE_MAX_FENCES];
	int ret;

	if (!dma_fence_match_context)
		return -ENOTTY;
	if (call->count != 2 || call->flags || call->value)
		return -EINVAL;
	ret = probe_fences_get(call, fences);
	if (ret)
		return ret;
	call->result = dma_fence_match_context(fences[0], fences[1]->context);
	call->fd = -1;
	probe_fences_put(fences, call->count);
	return 0;
#else
	return -ENOTTY;
#endif
}

int probe_fence_wait_any(struct probe_file *file, void *argument, struct probe_made *made)
{
#ifdef PROBE_HAS_WAIT_ANY
	extern typeof(dma_fence_wait_any_timeout) dma_fence_wait_any_timeout __weak;
	struct dmabuf_probe_fences *call = argument;
	struct dma_fence *fences[DMABUF_PROBE_MAX_FENCES];
	u32 first = U32_MAX;
	long left;
	int ret;

	if (!dma_fence_wait_any_timeout)
		return -ENOTTY;
	if (call->flags || call->value > DMABUF_PROBE_MAX_WAIT)
		return -EINVAL;
	ret = probe_fences_get(call, fences);
	if (ret)
		return ret;
	left = dma_fence_wait_any_timeout(fences, call->count, true,
					  msecs_to_jiffies(call->value), &first);
	probe_fences_put(fences, call->count);
	call->result = left > 0 ? 1 : left;
	call->value = first == U32_MAX ? U64_MAX : first;
	call->fd = -1;
	return 0;
#else
	return -ENOTTY;
#endif
}

#ifdef PROBE_HAS_DEDUP
typeof(dma_fence_dedup_array) dma_fence_dedup_array __weak;

static int probe_dedup(struct dma_fence **fences, struct dmabuf_probe_fences *call,
		       struct probe_made *made)
{
	int ret = 0;

	/* It puts those that it drops. */
	call->value = dma_fence_dedup_array(fences, call->count);
	if (call->count && call->value)
		ret = probe_fence_give(fences[0], &call->fd, made);
	probe_fences_put(fences, min_t(u64, call->value, call->count));
	return ret;
}
#endif

int probe_fence_dedup(struct probe_file *file, void *argument, struct probe_made *made)
{
#ifdef PROBE_HAS_DEDUP
	struct dmabuf_probe_fences *call = argument;
	struct dma_fence *fences[DMABUF_PROBE_MAX_FENCES] = {};
	int ret;

	if (call->flags || call->value)
		return -EINVAL;
	if (!dma_fence_dedup_array)
		return -ENOTTY;
	call->fd = -1;
	ret = call->count ? probe_fences_get(call, fences) : 0;
	return ret ? ret : probe_dedup(fences, call, made);
#else
	return -ENOTTY;
#endif
}
