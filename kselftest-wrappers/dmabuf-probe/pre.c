// SPDX-License-Identifier: GPL-2.0-only
/* In place of all the rest on kernels without pin and notification: they have nothing to probe. */
#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include <linux/printk.h>

#include "probe.h"

const struct probe_call *probe_find_call(unsigned int cmd)
{
	static const struct probe_call info = { DMABUF_PROBE_INFO, probe_info };

	return cmd == info.cmd ? &info : ERR_PTR(-EOPNOTSUPP);
}

struct probe_file *probe_file_create(void)
{
	return NULL;
}

void probe_file_close(struct probe_file *file)
{
}

void probe_made_publish(struct probe_made *made)
{
}

void probe_made_undo(struct probe_made *made)
{
}

int probe_start(void)
{
	pr_info("the dma-buf API of this kernel has neither pin nor notification: INFO is all there is\n");
	return 0;
}

void probe_stop(void)
{
}
