// SPDX-License-Identifier: GPL-2.0-only
/*
 * DMABUF_PROBE_UNLOCKED: calling the dma-buf core without its reservation lock.
 *
 * Really unlocked, such a call would race with everything else that is done to
 * the buffer, and crash the kernel sooner or later. So a worker holds the lock
 * meanwhile. The caller does not, which is what lockdep checks.
 */

#include <linux/errno.h>
#include <linux/sched.h>

#include "probe.h"

static struct workqueue_struct *probe_workers;

int probe_unlocked_init(void)
{
	probe_workers = alloc_workqueue("dmabuf-probe", WQ_UNBOUND, 0);
	return probe_workers ? 0 : -ENOMEM;
}

void probe_unlocked_exit(void)
{
	destroy_workqueue(probe_workers);
}

static void probe_hold(struct work_struct *work)
{
	struct probe_unlocked *act = container_of(work, struct probe_unlocked, work);

	dma_resv_lock(act->resv, NULL);
	complete(&act->locked);
	wait_for_completion(&act->done);
	dma_resv_unlock(act->resv);
}

/* @buffer: whose lock @resv is, or NULL if it is not one of ours. */
void probe_unlocked_begin(struct probe_unlocked *act, struct dma_resv *resv,
			  struct probe_buffer *buffer)
{
	act->resv = resv;
	act->buffer = buffer;
	init_completion(&act->locked);
	init_completion(&act->done);
	INIT_WORK_ONSTACK(&act->work, probe_hold);
	queue_work(probe_workers, &act->work);
	wait_for_completion(&act->locked);
	if (buffer)
		WRITE_ONCE(buffer->unlocked, current);
}

void probe_unlocked_end(struct probe_unlocked *act)
{
	if (act->buffer)
		WRITE_ONCE(act->buffer->unlocked, NULL);
	complete(&act->done);
	flush_work(&act->work);
	destroy_work_on_stack(&act->work);
}
