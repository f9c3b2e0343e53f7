// SPDX-License-Identifier: GPL-2.0-only
/*
 * Functions of reservation objects that are exported, and that nobody else in a
 * guest calls, or only with usages that user space cannot name. fences.c tells
 * why each is weak.
 */
#include <linux/slab.h>

#include "probe.h"

typedef int (*probe_resv_act)(struct dma_resv *resv, struct dmabuf_probe_resv *call,
			      struct probe_made *made);

/* Let @act loose on the call's dma-buf, under its lock if @locked. */
static int probe_resv(struct dmabuf_probe_resv *call, struct probe_made *made, bool locked,
		      probe_resv_act act)
{
	struct dma_buf *dmabuf = dma_buf_get(call->buffer);
	int ret = 0;

	if (IS_ERR(dmabuf))
		return PTR_ERR(dmabuf);
	call->fd = -1;
	if (locked)
		ret = dma_resv_lock_interruptible(dmabuf->resv, NULL);
	if (!ret) {
		ret = act(dmabuf->resv, call, made);
		if (locked)
			dma_resv_unlock(dmabuf->resv);
	}
	dma_buf_put(dmabuf);
	return ret;
}

/* With a reference; EINVAL for a container, of which the kernel takes only the parts. */
static __maybe_unused struct dma_fence *probe_plain_fence_of(int fd)
{
	struct dma_fence *fence = probe_fence_of(fd);

	if (IS_ERR(fence) || !probe_is_container(fence))
		return fence;
	dma_fence_put(fence);
	return ERR_PTR(-EINVAL);
}

#ifdef PROBE_HAS_COPY
typeof(dma_resv_copy_fences) dma_resv_copy_fences __weak;

static int probe_copy(struct dma_resv *to, struct dmabuf_probe_resv *call, struct probe_made *made)
{
	struct dma_buf *from = dma_buf_get(call->other);

	if (IS_ERR(from))
		return PTR_ERR(from);
	call->result = dma_resv_copy_fences(to, from->resv);
	dma_buf_put(from);
	return 0;
}
#endif

int probe_resv_copy(struct probe_file *file, void *argument, struct probe_made *made)
{
#ifdef PROBE_HAS_COPY
	struct dmabuf_probe_resv *call = argument;
	int ret;

	if (call->by || call->usage || call->value)
		return -EINVAL;
	if (!dma_resv_copy_fences)
		return -ENOTTY;
	/* The lock is that of the destination. */
	swap(call->buffer, call->other);
	ret = probe_resv(call, made, true, probe_copy);
	swap(call->buffer, call->other);
	return ret;
#else
	return -ENOTTY;
#endif
}

#ifdef PROBE_HAS_GET
/* What the functions below may be asked for; the kernel does not look. */
static bool probe_is_usage(u32 usage)
{
	return usage <= DMA_RESV_USAGE_BOOKKEEP;
}
#endif

#if defined(PROBE_HAS_ADD) && defined(PROBE_HAS_RESERVE) && defined(PROBE_HAS_GET)
typeof(dma_resv_add_fence) dma_resv_add_fence __weak;
typeof(dma_resv_reserve_fences) dma_resv_reserve_fences __weak;

static int probe_add(struct dma_resv *resv, struct dmabuf_probe_resv *call, struct probe_made *made)
{
	struct dma_fence *fence = probe_plain_fence_of(call->other);

	if (IS_ERR(fence))
		return PTR_ERR(fence);
	call->result = dma_resv_reserve_fences(resv, 1);
	if (!call->result)
		dma_resv_add_fence(resv, fence, call->usage);
	dma_fence_put(fence);
	return 0;
}
#endif

int probe_resv_add(struct probe_file *file, void *argument, struct probe_made *made)
{
#if defined(PROBE_HAS_ADD) && defined(PROBE_HAS_RESERVE) && defined(PROBE_HAS_GET)
	struct dmabuf_probe_resv *call = argument;

	if (call->by || call->value || !probe_is_usage(call->usage))
		return -EINVAL;
	if (!dma_resv_add_fence || !dma_resv_reserve_fences)
		return -ENOTTY;
	return probe_resv(call, made, true, probe_add);
#else
	return -ENOTTY;
#endif
}

#if defined(PROBE_HAS_REPLACE) && defined(PROBE_HAS_GET)
typeof(dma_resv_replace_fences) dma_resv_replace_fences __weak;

static int probe_replace(struct dma_resv *resv, struct dmabuf_probe_resv *call,
			 struct probe_made *made)
{
	struct dma_fence *old = probe_fence_of(call->other);
	struct dma_fence *by;

	if (IS_ERR(old))
		return PTR_ERR(old);
	by = probe_plain_fence_of(call->by);
	if (!IS_ERR(by)) {
		dma_resv_replace_fences(resv, old->context, by, call->usage);
		dma_fence_put(by);
	}
	dma_fence_put(old);
	return PTR_ERR_OR_ZERO(by);
}
#endif

int probe_resv_replace(struct probe_file *file, void *argument, struct probe_made *made)
{
#if defined(PROBE_HAS_REPLACE) && defined(PROBE_HAS_GET)
	struct dmabuf_probe_resv *call = argument;

	if (call->value || !probe_is_usage(call->usage))
		return -EINVAL;
	if (!dma_resv_replace_fences)
		return -ENOTTY;
	return probe_resv(call, made, true, probe_replace);
#else
	return -ENOTTY;
#endif
}

#ifdef PROBE_HAS_SINGLETON
typeof(dma_resv_get_singleton) dma_resv_get_singleton __weak;

static int probe_singleton(struct dma_resv *resv, struct dmabuf_probe_resv *call,
			   struct probe_made *made)
{
	struct dma_fence *fence = NULL;
	int ret;

	call->result = dma_resv_get_singleton(resv, call->usage, &fence);
	if (call->result)
		return 0;
	ret = probe_fence_give(fence, &call->fd, made);
	dma_fence_put(fence);
	return ret;
}
#endif

int probe_resv_singleton(struct probe_file *file, void *argument, struct probe_made *made)
{
#if defined(PROBE_HAS_SINGLETON) && defined(PROBE_HAS_GET)
	struct dmabuf_probe_resv *call = argument;

	if (call->other || call->by || call->value || !probe_is_usage(call->usage))
		return -EINVAL;
	if (!dma_resv_get_singleton)
		return -ENOTTY;
	return probe_resv(call, made, false, probe_singleton);
#else
	return -ENOTTY;
#endif
}

#ifdef PROBE_HAS_GET
typeof(dma_resv_get_fences) dma_resv_get_fences __weak;

static int probe_get(struct dma_resv *resv, struct dmabuf_probe_resv *call, struct probe_made *made)
{
	struct dma_fence **fences = NULL;
	unsigned int count = 0;

	call->result = dma_resv_get_fences(resv, call->usage, &count, &fences);
	call->value = count;
	if (call->result)
		return 0;
	if (count)
		return probe_array_give(fences, count, false, &call->fd, made);
	kfree(fences);
	return 0;
}
#endif

int probe_resv_get(struct probe_file *file, void *argument, struct probe_made *made)
{
#ifdef PROBE_HAS_GET
	struct dmabuf_probe_resv *call = argument;

	if (call->other || call->by || call->value || !probe_is_usage(call->usage))
		return -EINVAL;
	if (!dma_resv_get_fences)
		return -ENOTTY;
	return probe_resv(call, made, false, probe_get);
#else
	return -ENOTTY;
#endif
}

#ifdef PROBE_HAS_WAIT
typeof(dma_resv_wait_timeout) dma_resv_wait_timeout __weak;

static int probe_wait(struct dma_resv *resv, struct dmabuf_probe_resv *call,
		      struct probe_made *made)
{
	long left = dma_resv_wait_timeout(resv, call->usage, true, msecs_to_jiffies(call->value));

	call->result = left > 0 ? 1 : left;
	call->value = left > 0 ? jiffies_to_msecs(left) : 0;
	return 0;
}
#endif

int probe_resv_wait(struct probe_file *file, void *argument, struct probe_made *made)
{
#if defined(PROBE_HAS_WAIT) && defined(PROBE_HAS_GET)
	struct dmabuf_probe_resv *call = argument;

	if (call->other || call->by || call->value > DMABUF_PROBE_MAX_WAIT ||
	    !probe_is_usage(call->usage))
		return -EINVAL;
	if (!dma_resv_wait_timeout)
		return -ENOTTY;
	return probe_resv(call, made, false, probe_wait);
#else
	return -ENOTTY;
#endif
}

#ifdef PROBE_HAS_TEST
typeof(dma_resv_test_signaled) dma_resv_test_signaled __weak;

static int probe_test(struct dma_resv *resv, struct dmabuf_probe_resv *call,
		      struct probe_made *made)
{
	call->result = dma_resv_test_signaled(resv, call->usage);
	return 0;
}
#endif

int probe_resv_test(struct probe_file *file, void *argument, struct probe_made *made)
{
#if defined(PROBE_HAS_TEST) && defined(PROBE_HAS_GET)
	struct dmabuf_probe_resv *call = argument;

	if (call->other || call->by || call->value || !probe_is_usage(call->usage))
		return -EINVAL;
	if (!dma_resv_test_signaled)
		return -ENOTTY;
	return probe_resv(call, made, false, probe_test);
#else
	return -ENOTTY;
#endif
}

#ifdef PROBE_HAS_DEADLINE
typeof(dma_resv_set_deadline) dma_resv_set_deadline __weak;

static int probe_deadline(struct dma_resv *resv, struct dmabuf_probe_resv *call,
			  struct probe_made *made)
{
	dma_resv_set_deadline(resv, call->usage, ns_to_ktime(call->value));
	return 0;
}
#endif

int probe_resv_deadline(struct probe_file *file, void *argument, struct probe_made *made)
{
#if defined(PROBE_HAS_DEADLINE) && defined(PROBE_HAS_GET)
	struct dmabuf_probe_resv *call = argument;

	if (call->other || call->by || !probe_is_usage(call->usage))
		return -EINVAL;
	if (!dma_resv_set_deadline)
		return -ENOTTY;
	return probe_resv(call, made, false, probe_deadline);
#else
	return -ENOTTY;
#endif
}
