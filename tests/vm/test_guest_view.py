# SPDX-License-Identifier: GPL-2.0-only
"""With ``--sandbox strict`` a guest, whose root is the host's, does not see what is the user's."""

from __future__ import annotations

import shlex
from pathlib import Path

import pytest

from harness.model import Kernel
from harness.process import SandboxMode, use_sandbox, why_no_sandbox
from harness.vm.guest import VmGuest
from harness.vm.launch import Launcher

pytestmark = [pytest.mark.vm, pytest.mark.skipif(bool(why_no_sandbox()), reason=f"no sandbox: {why_no_sandbox()}")]
SECRET = "a-secret-of-the-user"


@pytest.mark.parametrize("mode", [SandboxMode.STRICT, SandboxMode.OFF])
def test_a_key_is_hidden_and_all_that_tests_need_is_there(
    kernel: Kernel, launcher: Launcher, tmp_path: Path, mode: SandboxMode
) -> None:
    """Without it the guest sees the key: then this test can fail."""
    key = tmp_path / "home/.ssh/id_ed25519"
    key.parent.mkdir(parents=True)
    key.write_text(SECRET)
    use_sandbox(mode)
    try:
        guest, report = launcher.boot(kernel, tmp_path / "boot")
        with guest:
            assert report.outcome.value == "up", report
            _sees(guest, key, mode)
    finally:
        use_sandbox(SandboxMode.OFF)


def _sees(guest: VmGuest, key: Path, mode: SandboxMode) -> None:
    limit = 60.0 * guest.slowness
    said = guest.run(f"cat {shlex.quote(str(key))} 2>&1", timeout=limit).stdout
    assert (SECRET in said) is (mode is SandboxMode.OFF), said
    assert guest.run("modprobe dmabuf_probe && python3 -c 'import ctypes'", timeout=limit).ok
