// SPDX-License-Identifier: GPL-2.0-only
/*
 * dmabuf-probe: dma-buf exporters and importers that do what user space says.
 *
 * It is a module for testing the dma-buf core in a guest, and for nothing else:
 * no driver of the test kernels exports or imports dynamically, so that without
 * it pin, unpin and the notification of importers are never called. All logic
 * of the tests is in user space; dmabuf_probe.h says what each call means.
 *
 *	here		the character device, and the way of a call
 *	calls.c		which function answers which call; pre.c on kernels without pin
 *	file.c		handles; what an open file leaves behind is undone
 *	exporter.c	callbacks of the exporter: count, log, fail as planned
 *	buffer.c	calls about exported buffers: export, move, state, ...
 *	location.c	the pages that a buffer is in, or was in
 *	importer.c	attach, detach, pin, unpin, and the importer's callback
 *	mapping.c	map and unmap
 *	map_all.c	map many under one ww_acquire_ctx
 *	unlocked.c	breaking the locking rules without breaking the kernel
 *	access.c	contents: by bus address, or of a buffer's location
 *	events.c	the log
 *	fences.c	functions of fences that nobody else in a guest calls
 *	reservation.c	the same of reservation objects
 *	vmap.c		the same of a buffer's mapping for the kernel
 *	compat.h	differences between generations of the API; api.c finds them
 *
 * Whoever holds the file may be hostile: no call crashes the kernel or makes
 * it warn, except where the dma-buf core itself warns of what the caller asked
 * for (refused exports, importers without callback, DMABUF_PROBE_UNLOCKED, and
 * an EBUSY planned for pin on kernels where a static importer pins as it maps).
 */
#include <linux/fs.h>
#include <linux/miscdevice.h>
#include <linux/module.h>
#include <linux/uaccess.h>

#include "probe.h"

int probe_info(struct probe_file *file, void *argument, struct probe_made *made)
{
	struct dmabuf_probe_info *info = argument;

	info->abi = DMABUF_PROBE_ABI;
	info->generation = PROBE_GENERATION;
	info->features = (PROBE_MOVE_NOTIFY ? DMABUF_PROBE_HAS_MOVE_NOTIFY : 0) |
			 (IS_ENABLED(CONFIG_PROVE_LOCKING) && debug_locks ?
			  DMABUF_PROBE_HAS_LOCKDEP : 0) |
			 (IS_ENABLED(CONFIG_DMABUF_DEBUG) ? DMABUF_PROBE_HAS_DEBUG : 0) |
			 (PROBE_LOCKED_MAPS ? DMABUF_PROBE_HAS_LOCKED_MAPS : 0);
	return 0;
}

static int probe_open(struct inode *inode, struct file *file)
{
	file->private_data = probe_file_create();
	return PTR_ERR_OR_ZERO(file->private_data);
}

static int probe_release(struct inode *inode, struct file *file)
{
	probe_file_close(file->private_data);
	return 0;
}

static long probe_ioctl(struct file *file, unsigned int cmd, unsigned long user)
{
	union {
		struct dmabuf_probe_map_all map_all;
		struct dmabuf_probe_buffer_state buffer_state;
		struct dmabuf_probe_attachment_state attachment_state;
		u64 words[16];
	} argument = { };
	const struct probe_call *call = probe_find_call(cmd);
	void __user *pointer = (void __user *)user;
	struct probe_made made = { };
	int ret;

	if (IS_ERR(call))
		return PTR_ERR(call);
	if (_IOC_DIR(cmd) & _IOC_WRITE && copy_from_user(&argument, pointer, _IOC_SIZE(cmd)))
		return -EFAULT;
	ret = call->run(file->private_data, &argument, &made);
	if (!ret && _IOC_DIR(cmd) & _IOC_READ &&
	    copy_to_user(pointer, &argument, _IOC_SIZE(cmd)))
		ret = -EFAULT;
	if (ret)
		probe_made_undo(&made);
	else
		probe_made_publish(&made);
	return ret;
}

static const struct file_operations probe_operations = {
	.owner = THIS_MODULE,
	.open = probe_open,
	.release = probe_release,
	.unlocked_ioctl = probe_ioctl,
	.compat_ioctl = compat_ptr_ioctl,
};

static struct miscdevice probe_misc = {
	.minor = MISC_DYNAMIC_MINOR,
	.name = "dmabuf-probe",
	.fops = &probe_operations,
	.mode = 0600,
};

static int __init probe_init(void)
{
	int ret;

	BUILD_BUG_ON(sizeof(struct dmabuf_probe_buffer_state) > 16 * sizeof(u64));
	BUILD_BUG_ON(sizeof(struct dmabuf_probe_attachment_state) > 16 * sizeof(u64));
	BUILD_BUG_ON(sizeof(struct dmabuf_probe_map_all) > 16 * sizeof(u64));
	ret = probe_start();
	if (ret)
		return ret;
	ret = misc_register(&probe_misc);
	if (ret)
		probe_stop();
	return ret;
}

static void __exit probe_exit(void)
{
	misc_deregister(&probe_misc);
	probe_stop();
}

module_init(probe_init);
module_exit(probe_exit);

MODULE_DESCRIPTION("dma-buf exporters and importers for tests");
MODULE_LICENSE("GPL");
/* MODULE_IMPORT_NS() wants a string here, a bare name there, and is absent in older trees. */
MODULE_INFO(import_ns, "DMA_BUF");
