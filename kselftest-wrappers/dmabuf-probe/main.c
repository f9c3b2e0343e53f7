// SPDX-License-Identifier: GPL-2.0-only
/*
 * dmabuf-probe: dma-buf exporters and importers that do what user space says.
 *
 * It is a module for testing the dma-buf core in a guest, and for nothing else:
 * no driver that QEMU offers exports or imports dynamically, so that without
 * it pin, unpin and the notification of importers are never called. All logic
 * of the tests is in user space; dmabuf_probe.h says what each call means.
 *
 *	here		the device, and which function answers which call
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
 *	compat.h	differences between generations of the API; api.c finds them
 *
 * Whoever holds the file may be hostile: no call crashes the kernel or makes
 * it warn, except where the dma-buf core itself warns of what the caller asked
 * for (refused exports, importers without callback, DMABUF_PROBE_UNLOCKED, and
 * an EBUSY planned for pin on kernels where a static importer pins as it maps).
 */
#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include <linux/dma-mapping.h>
#include <linux/fs.h>
#include <linux/miscdevice.h>
#include <linux/module.h>
#include <linux/platform_device.h>
#include <linux/uaccess.h>

#include "probe.h"

static int probe_info(struct probe_file *file, void *argument, struct probe_made *made)
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

struct probe_call {
	unsigned int cmd;
	int (*run)(struct probe_file *file, void *argument, struct probe_made *made);
};

#if PROBE_GENERATION == DMABUF_PROBE_PRE

static const struct probe_call probe_calls[] = {
	{ DMABUF_PROBE_INFO, probe_info },
};

static const int probe_unknown = -EOPNOTSUPP;

static int probe_open(struct inode *inode, struct file *file)
{
	file->private_data = NULL; /* where misc_open() leaves the device */
	return 0;
}

static int probe_release(struct inode *inode, struct file *file)
{
	return 0;
}

static void probe_made_publish(struct probe_made *made)
{
}

static void probe_made_undo(struct probe_made *made)
{
}

static int probe_start(void)
{
	pr_info("the dma-buf API of this kernel has no pin and no notification: nothing to probe\n");
	return 0;
}

static void probe_stop(void)
{
}

#else

static const struct probe_call probe_calls[] = {
	{ DMABUF_PROBE_INFO, probe_info },
	{ DMABUF_PROBE_EXPORT, probe_export },
	{ DMABUF_PROBE_FAIL, probe_fail },
	{ DMABUF_PROBE_MOVE, probe_move },
	{ DMABUF_PROBE_CLOSE_BUFFER, probe_close_buffer },
	{ DMABUF_PROBE_ATTACH, probe_attach },
	{ DMABUF_PROBE_DETACH, probe_detach },
	{ DMABUF_PROBE_PIN, probe_pin },
	{ DMABUF_PROBE_UNPIN, probe_unpin },
	{ DMABUF_PROBE_MAP, probe_map },
	{ DMABUF_PROBE_UNMAP, probe_unmap },
	{ DMABUF_PROBE_MAP_ALL, probe_map_all },
	{ DMABUF_PROBE_ACCESS, probe_access },
	{ DMABUF_PROBE_BUFFER_STATE, probe_buffer_state },
	{ DMABUF_PROBE_ATTACHMENT_STATE, probe_attachment_state },
	{ DMABUF_PROBE_EVENTS, probe_events },
};

static const int probe_unknown = -ENOTTY;

static struct platform_device *probe_platform;
struct device *probe_device;

static int probe_open(struct inode *inode, struct file *file)
{
	struct probe_file *opened = probe_file_create();

	if (!opened)
		return -ENOMEM;
	file->private_data = opened;
	return 0;
}

static int probe_release(struct inode *inode, struct file *file)
{
	probe_file_close(file->private_data);
	return 0;
}

/* Importers need a device. It can reach all memory, in segments of any size. */
static int probe_device_init(void)
{
	static struct device_dma_parameters parameters = {
		.max_segment_size = UINT_MAX,
		.segment_boundary_mask = ULONG_MAX,
	};

	probe_platform = platform_device_register_simple("dmabuf-probe", PLATFORM_DEVID_NONE,
							 NULL, 0);
	if (IS_ERR(probe_platform))
		return PTR_ERR(probe_platform);
	probe_device = &probe_platform->dev;
	probe_device->dma_parms = &parameters;
	return dma_coerce_mask_and_coherent(probe_device, DMA_BIT_MASK(64));
}

static void probe_stop(void)
{
	if (!IS_ERR(probe_platform))
		platform_device_unregister(probe_platform);
	probe_unlocked_exit();
}

static int probe_start(void)
{
	int ret = probe_unlocked_init();

	if (ret)
		return ret;
	probe_exporters_init();
	ret = probe_device_init();
	if (ret)
		probe_stop();
	return ret;
}

#endif

static const struct probe_call *probe_find_call(unsigned int cmd)
{
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(probe_calls); i++)
		if (probe_calls[i].cmd == cmd)
			return &probe_calls[i];
	return NULL;
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

	if (!call)
		return probe_unknown;
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
