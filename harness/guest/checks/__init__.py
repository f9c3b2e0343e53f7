# SPDX-License-Identifier: GPL-2.0-only
"""The checks, one file for each interface. A new file needs its import in ``load``."""

from __future__ import annotations

from harness.guest.registry import registered


def all_checks() -> list[str]:
    """Names of all checks in the order they run. Needs no guest and touches no device: for planning on the host."""
    load()
    return list(registered())


def load() -> None:
    """Import every file of checks, which registers them. Importing touches no device."""
    from harness.guest.checks import (  # noqa: PLC0415
        concurrency,  # noqa: F401
        concurrency_fences,  # noqa: F401
        dmabuf,  # noqa: F401
        dmabuf_fence_order,  # noqa: F401
        dmabuf_fences,  # noqa: F401
        dmabuf_names,  # noqa: F401
        dmabuf_sharing,  # noqa: F401
        exporters,  # noqa: F401
        fence_functions,  # noqa: F401
        gem_memory_of_drivers,  # noqa: F401
        gem_objects_of_drivers,  # noqa: F401
        heap,  # noqa: F401
        interrupts,  # noqa: F401
        kernel_mapping,  # noqa: F401
        limits,  # noqa: F401
        limits_costs,  # noqa: F401
        limits_edges,  # noqa: F401
        limits_memory,  # noqa: F401
        limits_nodes,  # noqa: F401
        prime_all_ways,  # noqa: F401
        probe_arguments,  # noqa: F401
        probe_basics,  # noqa: F401
        resv_functions,  # noqa: F401
        resv_waits,  # noqa: F401
        sw_sync,  # noqa: F401
        sw_sync_merge,  # noqa: F401
        sync_object_events,  # noqa: F401
        sync_object_orders,  # noqa: F401
        sync_object_refusals,  # noqa: F401
        sync_objects,  # noqa: F401
        udmabuf,  # noqa: F401
        udmabuf_memory,  # noqa: F401
        vgem,  # noqa: F401
        vgem_fences,  # noqa: F401
        vgem_handles,  # noqa: F401
        vgem_sharing,  # noqa: F401
        walks,  # noqa: F401
    )

    _load_contract()


def _load_contract() -> None:
    """After the rest, and in it last the checks that make the kernel complain about its locks."""
    from harness.guest.checks import (  # noqa: PLC0415
        contract_failures,  # noqa: F401
        contract_huge_pages,  # noqa: F401
        contract_importing,  # noqa: F401
        contract_mapping,  # noqa: F401
        contract_moving,  # noqa: F401
        contract_pinning,  # noqa: F401
        contract_stress,  # noqa: F401
        contract_unlocked,  # noqa: F401
    )
