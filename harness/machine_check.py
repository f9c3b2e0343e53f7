# SPDX-License-Identifier: GPL-2.0-only
"""Is this machine fit to run the harness? What is missing, and how to mend it.

The programs and files come from ``ci/packages.txt``, the list that ``ci/setup`` installs from.
"""

from __future__ import annotations

import importlib.metadata
import os
import re
import shutil
import sys
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from harness import paths, process
from harness.architecture import ARCHITECTURE
from harness.errors import InfrastructureError
from harness.version_numbers import dotted, first_version

DISK_NEEDED = 8_000_000_000  # bytes: one source tree, two object trees, their kernels
DISK_FOR_MORE = DISK_NEEDED // 4  # bytes: what builds add where a source and object trees are
MORE_ROOM = "see what dmabuf-harness clean can remove, or point XDG_CACHE_HOME at a larger disk"
MEMORY_NEEDED = 3_000_000_000  # bytes: a two-core build beside two guests
KVM = Path("/dev/kvm")
VIRTIOFSD = ("/usr/libexec/virtiofsd", "/usr/lib/virtiofsd", "/usr/lib/qemu/virtiofsd")

# Program -> what prints its version, and the oldest that will do: virtme-ng's microvm (QEMU), kernels of today
# (Documentation/process/changes.rst: gcc 8.1, make 4.0), `git init --initial-branch`.
VERSIONS: dict[str, tuple[tuple[str, ...], tuple[int, ...]]] = {
    ARCHITECTURE.emulator: (("--version",), (7, 0)),
    ARCHITECTURE.tool("gcc"): (("-dumpfullversion",), (8, 1)),
    "make": (("--version",), (4, 0)),
    "git": (("--version",), (2, 28)),
}
LIBRARIES = {"virtme-ng": (1, 42), "pytest": (8,), "paramiko": (5, 1), "junit-xml": (1, 9), "jinja2": (3, 1)}


@dataclass(frozen=True)
class Need:
    """A line of ``ci/packages.txt``. ``brings``: a program, or a pattern of absolute paths."""

    package: str
    brings: str
    use: str  # "needed" | "setup" | "archive" | "optional" | "develop" | "browser": see there
    why: str

    @property
    def is_file(self) -> bool:
        return self.brings.startswith("/")


@dataclass(frozen=True)
class MachineFinding:
    """One thing that was looked at. ``needed``: without it nothing runs. ``hint``: what to do if not ``ok``.

    ``warning``: it will do now, but not for long; ``hint`` says what to do then."""

    name: str
    ok: bool
    needed: bool
    detail: str
    hint: str = ""
    warning: bool = False


def check_all(boot_kvm: Callable[[], tuple[bool, str]] | None = None) -> list[MachineFinding]:
    """Look at everything; takes a fraction of a second without ``boot_kvm``.

    ``boot_kvm`` boots a guest under KVM and tells (whether it came up, why or how fast).
    """
    with ThreadPoolExecutor() as pool:
        programs = pool.map(check_need, needs())
        return [
            check_data(),
            *programs,
            *check_libraries(),
            check_disk(),
            check_memory(),
            check_kvm(boot_kvm),
            check_virtiofsd(),
            check_sandbox(),
        ]


def require(findings: Sequence[MachineFinding]) -> None:
    """Raise ``InfrastructureError`` that names each needed thing that is missing, and how to mend it."""
    bad = [finding for finding in findings if finding.needed and not finding.ok]
    if bad:
        what = ", ".join(f"{finding.name}: {finding.detail}" for finding in bad)
        hints = "; ".join(dict.fromkeys(finding.hint for finding in bad))
        raise InfrastructureError(what, where="this machine is not ready", hint=hints)


def check_data() -> MachineFinding:
    """The project's own configs, wrappers, patches and guest code: an installation that is not whole lacks some."""
    missing = paths.missing_data()
    detail = f"missing or empty: {', '.join(missing)}" if missing else str(paths.DATA)
    return MachineFinding("data", not missing, True, detail, paths.REINSTALL if missing else "")


def needs(listing: Path = paths.PACKAGES) -> list[Need]:
    """What ``ci/packages.txt`` lists; nothing if that is missing, which ``check_data`` tells."""
    if not listing.is_file():
        return []
    lines = (line.split(None, 3) for line in listing.read_text().splitlines() if line and not line.startswith("#"))
    return [Need(package, brings, use, why) for package, brings, use, why in lines]


def check_need(need: Need) -> MachineFinding:
    """Is the program or file there, and the program new enough?"""
    name = need.package if need.is_file else need.brings
    how = "run ci/setup" if _has_setup() else "install it"
    hint = f"{how} (Debian package {need.package})"
    found = _find(need)
    if found is None:
        return MachineFinding(name, False, need.use == "needed", f"not found ({need.why})", hint)
    if need.brings not in VERSIONS:
        return MachineFinding(name, True, need.use == "needed", str(found))
    arguments, oldest = VERSIONS[need.brings]
    version = first_version(process.run([found, *arguments]).stdout)
    fit = version >= oldest
    detail = (
        (dotted(version) or "unknown")
        if fit
        else f"{(dotted(version) or 'unknown')} is too old, {dotted(oldest)} or newer is needed"
    )
    return MachineFinding(name, fit, need.use == "needed", detail, "" if fit else f"install a newer {need.package}")


def _has_setup() -> bool:
    """False for a package that was installed: ci/setup makes a checkout ready."""
    return (paths.PROJECT_ROOT / "ci" / "setup").is_file()


def check_libraries() -> Iterator[MachineFinding]:
    """The Python packages, in the environment that runs this."""
    hint = "run ci/setup" if _has_setup() else "install the package anew"
    for name, oldest in LIBRARIES.items():
        try:
            text = importlib.metadata.version(name)
        except importlib.metadata.PackageNotFoundError:
            yield MachineFinding(name, False, True, f"not installed for {sys.executable}", hint)
            continue
        fit = first_version(text) >= oldest
        detail = text if fit else f"{text} is too old, {dotted(oldest)} or newer is needed"
        yield MachineFinding(name, fit, True, detail, "" if fit else hint)


def check_disk(directory: Path | None = None) -> MachineFinding:
    """Room for sources, object trees and kernels. What the cache holds already counts as room."""
    where = directory or paths.cache_root()
    free = shutil.disk_usage(where).free
    detail = f"{free / 1e9:.1f} GB free in {where}"
    if free >= DISK_NEEDED:
        return MachineFinding("disk", True, True, detail)
    if free >= DISK_FOR_MORE and any((where / "trees").glob("*/linux")):
        short = f"{detail}: a build on a base that is there needs {DISK_FOR_MORE / 1e9:.0f} GB, one on another base"
        return MachineFinding("disk", True, True, f"{short} {DISK_NEEDED / 1e9:.0f} GB", MORE_ROOM, warning=True)
    return MachineFinding("disk", False, True, f"{detail}, {DISK_NEEDED / 1e9:.0f} GB are needed", MORE_ROOM)


def check_memory(meminfo: Path = Path("/proc/meminfo")) -> MachineFinding:
    """Memory that programs can have (MemAvailable, proc(5)), in bytes."""
    match = re.search(r"(?m)^MemAvailable:\s+(\d+) kB", meminfo.read_text())
    free = int(match[1]) * 1024 if match else 0
    fit = free >= MEMORY_NEEDED
    detail = f"{free / 1e9:.1f} GB available"
    if fit:
        return MachineFinding("memory", True, True, detail)
    short = f"{detail}, {MEMORY_NEEDED / 1e9:.0f} GB are needed"
    return MachineFinding("memory", False, True, short, "end other programs")


def check_kvm(boot: Callable[[], tuple[bool, str]] | None, device: Path = KVM) -> MachineFinding:
    """KVM is never needed: without it guests run under software emulation, ten times slower.

    That the device is there proves nothing: only a guest that boots does.
    """
    if not device.exists():
        hint = "turn virtualisation on in the firmware, or nested virtualisation in the host"
        return MachineFinding("kvm", False, False, f"no {device}: guests will be emulated, slowly", hint)
    if not os.access(device, os.R_OK | os.W_OK):
        return MachineFinding("kvm", False, False, f"{device} is not yours to use", "add yourself to the group kvm")
    if boot is None:
        return MachineFinding("kvm", True, False, f"{device} is there (not proven by booting)")
    works, detail = boot()
    hint = "" if works else "nothing, if this machine is itself a guest: guests will be emulated"
    return MachineFinding("kvm", works, False, detail, hint)


def check_sandbox() -> MachineFinding:
    """Patches are tested without a sandbox, too; then make runs whatever they write into a Makefile."""
    why = process.why_no_sandbox()
    detail = f"bubblewrap: {why}: what a patch runs has your rights" if why else "bubblewrap works"
    hint = "install bubblewrap, and allow user namespaces (Ubuntu: kernel.apparmor_restrict_unprivileged_userns)"
    return MachineFinding("sandbox", not why, False, detail, hint if why else "")


def check_virtiofsd(places: Sequence[str] = VIRTIOFSD) -> MachineFinding:
    """Only the Rust one serves virtme-ng; QEMU 7's own (in C) makes it wait and fall back to 9p."""
    for place in filter(os.path.exists, places):
        said = process.run([place, "--version"])
        # "virtiofsd 1.13.0", or "virtiofsd backend 1.1.0" of older ones; the C one says "virtiofsd version 7.2.22".
        if said.ok and re.match(r"virtiofsd (backend )?[1-9]", said.stdout):
            return MachineFinding("virtiofsd", True, False, said.stdout.strip())
    lacking = "no Rust virtiofsd: the guest's root comes over 9p"
    return MachineFinding("virtiofsd", False, False, lacking, "nothing: it works")


def _find(need: Need) -> Path | None:
    if not need.is_file:
        return process.which(need.brings)
    return next(iter(sorted(Path("/").glob(need.brings[1:]))), None)
