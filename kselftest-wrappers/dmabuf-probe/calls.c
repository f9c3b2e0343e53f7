// SPDX-License-Identifier: GPL-2.0-only
/* Which function answers which call, and the device that importers need. */

#include <linux/dma-mapping.h>
#include <linux/platform_device.h>

#include "probe.h"

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
	{ DMABUF_PROBE_FENCE_ARRAY, probe_fence_array },
	{ DMABUF_PROBE_FENCE_CHAIN, probe_fence_chain },
	{ DMABUF_PROBE_FENCE_FIND, probe_fence_find },
	{ DMABUF_PROBE_FENCE_MATCH, probe_fence_match },
	{ DMABUF_PROBE_FENCE_WAIT_ANY, probe_fence_wait_any },
	{ DMABUF_PROBE_RESV_ADD, probe_resv_add },
	{ DMABUF_PROBE_RESV_REPLACE, probe_resv_replace },
	{ DMABUF_PROBE_RESV_COPY, probe_resv_copy },
	{ DMABUF_PROBE_RESV_SINGLETON, probe_resv_singleton },
	{ DMABUF_PROBE_RESV_GET, probe_resv_get },
	{ DMABUF_PROBE_RESV_WAIT, probe_resv_wait },
	{ DMABUF_PROBE_RESV_TEST, probe_resv_test },
	{ DMABUF_PROBE_RESV_DEADLINE, probe_resv_deadline },
	{ DMABUF_PROBE_VMAP, probe_vmap },
	{ DMABUF_PROBE_FENCE_DEDUP, probe_fence_dedup },
};

const struct probe_call *probe_find_call(unsigned int cmd)
{
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(probe_calls); i++)
		if (probe_calls[i].cmd == cmd)
			return &probe_calls[i];
	return ERR_PTR(-ENOTTY);
}

static struct platform_device *probe_platform;
struct device *probe_device;

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

void probe_stop(void)
{
	if (!IS_ERR(probe_platform))
		platform_device_unregister(probe_platform);
	probe_unlocked_exit();
}

int probe_start(void)
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
