# SPDX-License-Identifier: GPL-2.0-only
"""What programs see of the user's environment, and where they are found."""

from __future__ import annotations

import os
import shutil
from collections.abc import Mapping
from pathlib import Path

# What a surrounding make or a user's kernel work would leak into the builds under test: no key of a cache knows of it.
_LEAKY_ENVIRONMENT = frozenset(
    {"MAKEFLAGS", "MFLAGS", "MAKELEVEL", "MAKEOVERRIDES", "GNUMAKEFLAGS", "MAKEFILES", "ARCH", "SUBARCH", "O"}
    | {"CROSS_COMPILE", "LLVM", "LLVM_IAS", "CC", "HOSTCC", "LOCALVERSION", "SOURCE_DATE_EPOCH"}
    | {"INSTALL_MOD_PATH", "INSTALL_MOD_DIR", "INSTALL_HDR_PATH", "KCFLAGS", "KCPPFLAGS", "KAFLAGS", "KRUSTFLAGS"}
    | {"HOSTCFLAGS", "HOSTLDFLAGS", "HOSTLDLIBS", "USERCFLAGS", "USERLDFLAGS"}
    # Makefiles of selftests add to the first ones. gcc searches CPATH even with -nostdinc.
    | {"CFLAGS", "CPPFLAGS", "LDFLAGS", "LDLIBS", "TARGETS", "SKIP_TARGETS", "FORCE_TARGETS", "OUTPUT", "BUILD"}
    | {"CPATH", "C_INCLUDE_PATH", "LIBRARY_PATH", "GCC_EXEC_PREFIX", "COMPILER_PATH"}
    | {"GIT_DIR", "GIT_WORK_TREE", "GIT_INDEX_FILE", "CDPATH", "BASH_ENV", "ENV"}
)
_LEAKY_PREFIXES = ("KBUILD_", "KCONFIG_")

GIT_IDENTITY = {
    f"GIT_{who}_{what}": value
    for who in ("AUTHOR", "COMMITTER")
    for what, value in (
        ("NAME", "dmabuf-harness"),
        ("EMAIL", "dmabuf-harness@localhost"),
        ("DATE", "2000-01-01T00:00:00+0000"),
    )
}
"""Who commits in trees of ours, and when: fixed, so that equal trees are equal commits."""


def clean_environment(extra: Mapping[str, str] | None = None) -> dict[str, str]:
    """The user's environment without what would change a kernel build, in the C locale, plus ``extra``."""
    env = {
        key: value
        for key, value in os.environ.items()
        if key not in _LEAKY_ENVIRONMENT and not key.startswith(_LEAKY_PREFIXES)
    }
    env.update({"LC_ALL": "C", "LANGUAGE": "C"})
    env.update(extra or {})
    return env


def which(program: str) -> Path | None:
    """Path of ``program``; also looks in the sbin directories that a user's PATH often lacks."""
    path = os.environ.get("PATH", os.defpath) + ":/usr/local/sbin:/usr/sbin:/sbin"
    found = shutil.which(program, path=path)
    return Path(found) if found else None
