// SPDX-License-Identifier: GPL-2.0-only
/* The log of an open file: a ring in which new events take the place of the oldest. */

#include <linux/slab.h>
#include <linux/uaccess.h>

#include "probe.h"

#define PROBE_EVENTS_AT_ONCE 64

void probe_log(struct probe_file *file, struct dmabuf_probe_event event)
{
	spin_lock(&file->log_lock);
	event.sequence = ++file->last_event;
	file->log[event.sequence % DMABUF_PROBE_MAX_EVENTS] = event;
	spin_unlock(&file->log_lock);
}

/* Copy up to @room events from sequence number *@next to @last, and step *@next past them. */
static u32 probe_read_log(struct probe_file *file, u64 *next, u64 last,
			  struct dmabuf_probe_event *events, u32 room)
{
	u32 count = 0;

	spin_lock(&file->log_lock);
	if (file->last_event >= DMABUF_PROBE_MAX_EVENTS)
		*next = max(*next, file->last_event - DMABUF_PROBE_MAX_EVENTS + 1);
	while (*next <= last && count < room)
		events[count++] = file->log[(*next)++ % DMABUF_PROBE_MAX_EVENTS];
	spin_unlock(&file->log_lock);
	return count;
}

static int probe_copy_events(struct probe_file *file, struct dmabuf_probe_events *events, u64 last,
			     struct dmabuf_probe_event *chunk)
{
	struct dmabuf_probe_event __user *user = u64_to_user_ptr(events->pointer);
	u64 next = events->after + 1;
	u32 count;

	do {
		count = probe_read_log(file, &next, last, chunk,
				       min_t(u32, events->room - events->count,
					     PROBE_EVENTS_AT_ONCE));
		if (copy_to_user(user + events->count, chunk, count * sizeof(*chunk)))
			return -EFAULT;
		events->count += count;
	} while (count);
	return 0;
}

int probe_events(struct probe_file *file, void *argument, struct probe_made *made)
{
	struct dmabuf_probe_events *events = argument;
	struct dmabuf_probe_event *chunk;
	u64 last;
	int ret;

	spin_lock(&file->log_lock);
	last = file->last_event;
	spin_unlock(&file->log_lock);

	events->count = 0;
	events->dropped = last > DMABUF_PROBE_MAX_EVENTS ? last - DMABUF_PROBE_MAX_EVENTS : 0;
	if (events->after >= last)
		return 0;
	chunk = kmalloc_array(PROBE_EVENTS_AT_ONCE, sizeof(*chunk), GFP_KERNEL_ACCOUNT);
	if (!chunk)
		return -ENOMEM;
	ret = probe_copy_events(file, events, last, chunk);
	kfree(chunk);
	return ret;
}
