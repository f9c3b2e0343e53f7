// SPDX-License-Identifier: GPL-2.0-only
/*
 * The module dmabuf_probe_drm: a DRM driver without a device, for what none in a
 * guest has: sync objects and their timelines (vgem and vkms have none). Its
 * buffers are those of the GEM shmem helpers, and so is its import: a second
 * driver for PRIME, beside vgem. One call of its own does with these buffers what
 * drivers of devices do (gem_objects.c).
 *
 * Kbuild leaves it out where it does not compile: dmabuf_probe does without it.
 */
#include <linux/dma-mapping.h>
#include <linux/module.h>
#include <linux/platform_device.h>
#include <drm/drm_drv.h>
#include <drm/drm_file.h>
#include <drm/drm_gem.h>
#include <drm/drm_gem_shmem_helper.h>
#include <drm/drm_ioctl.h>
#include <drm/drm_prime.h>

#include "probe_gem.h"

#ifdef PROBE_NODE_HAS_CALLS
static const struct drm_ioctl_desc probe_node_calls[] = {
	{
		.cmd = DMABUF_PROBE_GEM,
		.flags = DRM_RENDER_ALLOW,
		.func = probe_gem,
		.name = "DMABUF_PROBE_GEM",
	},
};
#endif

DEFINE_DRM_GEM_FOPS(probe_node_operations);

static const struct drm_driver probe_node_driver = {
	.driver_features = DRIVER_GEM | DRIVER_RENDER | DRIVER_SYNCOBJ | DRIVER_SYNCOBJ_TIMELINE,
	.fops = &probe_node_operations,
	.name = "dmabuf-probe",
	.desc = "sync objects for tests",
#ifdef PROBE_DRIVER_HAS_DATE
	.date = "20260101",
#endif
	.major = 1,
#ifdef PROBE_NODE_HAS_CALLS
	.ioctls = probe_node_calls,
	.num_ioctls = ARRAY_SIZE(probe_node_calls),
#endif
	DRM_GEM_SHMEM_DRIVER_OPS,
};

static struct platform_device *probe_node_platform;
static struct drm_device *probe_node;

/* Buffers of others are mapped for it: it can reach all memory, in segments of any size. */
static int probe_node_reach(struct device *device)
{
	static struct device_dma_parameters parameters = {
		.max_segment_size = UINT_MAX,
		.segment_boundary_mask = ULONG_MAX,
	};

	device->dma_parms = &parameters;
	return dma_coerce_mask_and_coherent(device, DMA_BIT_MASK(64));
}

static int probe_node_add(struct device *device)
{
	int ret = probe_node_reach(device);

	if (ret)
		return ret;
	/* Older kernels want a driver that they may write to, and do not. */
	probe_node = drm_dev_alloc((struct drm_driver *)&probe_node_driver, device);
	if (IS_ERR(probe_node))
		return PTR_ERR(probe_node);
	ret = drm_dev_register(probe_node, 0);
	if (ret)
		drm_dev_put(probe_node);
	return ret;
}

static int __init probe_node_init(void)
{
	int ret;

	probe_node_platform = platform_device_register_simple("dmabuf-probe-drm",
							      PLATFORM_DEVID_NONE, NULL, 0);
	if (IS_ERR(probe_node_platform))
		return PTR_ERR(probe_node_platform);
	ret = probe_node_add(&probe_node_platform->dev);
	if (ret)
		platform_device_unregister(probe_node_platform);
	return ret;
}

static void __exit probe_node_exit(void)
{
	drm_dev_unregister(probe_node);
	drm_dev_put(probe_node);
	platform_device_unregister(probe_node_platform);
}

module_init(probe_node_init);
module_exit(probe_node_exit);

MODULE_DESCRIPTION("a DRM node with sync objects for tests");
MODULE_LICENSE("GPL");
/* As in main.c. */
MODULE_INFO(import_ns, "DMA_BUF");
