# SPDX-License-Identifier: GPL-2.0-only
"""The module dmabuf_probe as kernel people would judge it: style, warnings, and what hostile callers can do."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

import pytest

from harness.paths import PROJECT_ROOT, WRAPPERS, cache_root
from harness.splat import find_splats
from harness.vm.guest import VmGuest
from tests.support.real import Run

pytestmark = pytest.mark.vm

MODULE = WRAPPERS / "dmabuf-probe"
HERE = PROJECT_ROOT / "tests" / "vm"
SEED = 20260216
BUFINFO = "/sys/kernel/debug/dma_buf/bufinfo"
# The last reference to a dma-buf is dropped by a worker if its process is gone already.
UNLOAD = "n=0; until rmmod dmabuf_probe; do n=$((n + 1)); [ $n -lt 100 ] || exit 9; sleep 0.1; done"
KILL_HOLDERS = f"""
fail() {{ echo "$*"; exit 1; }}
modprobe dmabuf_probe
before=$(cat {BUFINFO})
for what in everything dmabuf; do
    mkfifo /tmp/ready.$what
    /usr/bin/python3 -I -S {HERE}/hold_probe.py {PROJECT_ROOT} $what > /tmp/ready.$what &
    read answer < /tmp/ready.$what
    [ "$answer" = holding ] || fail "$what: $answer"
    [ "$(cat {BUFINFO})" != "$before" ] || fail "$what: nothing was held"
    rmmod dmabuf_probe 2> /dev/null && fail "$what: the module went away under a buffer"
    kill -9 $!
    wait $!
done
{UNLOAD}
[ "$(cat {BUFINFO})" = "$before" ] || fail "left behind: $(cat {BUFINFO})"
for again in 1 2 3 4 5; do modprobe dmabuf_probe && rmmod dmabuf_probe || fail "load $again"; done
"""


# --- style and warnings -----------------------------------------------------------------------


def _checkpatch(tree: Path, *files: Path) -> list[str]:
    """What the tree's checkpatch.pl has to say. Exempt: a header for user space cannot use BIT()."""
    command = ["perl", str(tree / "scripts" / "checkpatch.pl"), "--no-tree", "--strict", "--terse", "--show-types"]
    command += ["--ignore", "BIT_MACRO", "-f", *map(str, files)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert (done.returncode == 0) == (done.stdout == ""), done.stdout + done.stderr
    return done.stdout.splitlines()


@pytest.mark.parametrize("base", ["5.10", "6.1", "6.12", "7.3"])
def test_checkpatch_of_each_tree_is_content(base: str, tmp_path: Path) -> None:
    tree = cache_root() / "trees" / f"debian-{base}" / "linux"
    if not tree.is_dir():
        pytest.skip(f"the tree of debian:{base} is not in the cache: dmabuf-harness run --base debian:{base}")
    sources = sorted(path for path in MODULE.iterdir() if path.suffix in (".c", ".h", ".sh") or path.name == "Kbuild")
    assert len(sources) > 10
    assert _checkpatch(tree, *sources) == []

    (tmp_path / "wrong.c").write_text("// SPDX-License-Identifier: GPL-2.0-only\nint wrong(void){ return 0; } \n")
    assert any("TRAILING_WHITESPACE" in line for line in _checkpatch(tree, tmp_path / "wrong.c"))


def test_it_is_built_for_every_variant_without_a_warning(main_run: Run) -> None:
    for variant in main_run.report.variants:
        assert variant.kernel is not None
        assert variant.kernel.probe_failure == ""
        assert list(variant.kernel.modules.rglob("dmabuf_probe.ko*"))
        assert re.findall(r"dmabuf-probe/\S+ warning: .*", variant.kernel.log.read_text()) == []


# --- hostile callers --------------------------------------------------------------------------


def _fuzz(guest: VmGuest, calls: int, *how: str) -> dict[str, dict[str, int]]:
    """Random calls to the end; how often each call had which outcome."""
    script = f"/usr/bin/python3 -I -S {HERE}/fuzz_probe.py {PROJECT_ROOT} {SEED} {calls} {' '.join(how)}"
    done = guest.run(f"modprobe dmabuf_probe && {script}; {UNLOAD}", timeout=60 * guest.slowness)
    assert done.ok and "\nend\n" in done.stdout, f"seed {SEED}: {done.stdout[-2000:]}{done.stderr[-1000:]}"
    outcomes = re.findall(r"^(\w+)((?: \w+=\d+)+)$", done.stdout, re.MULTILINE)
    return {call: {name: int(times) for name, times in re.findall(r"(\w+)=(\d+)", rest)} for call, rest in outcomes}


def test_random_calls_succeed_and_fail_and_leave_nothing(guest: VmGuest) -> None:
    outcomes = _fuzz(guest, 20_000)
    assert len(outcomes) == 17
    assert [call for call, times in outcomes.items() if not times.get("ok") and call != "nonsense"] == []
    assert {"EFAULT", "EINVAL", "ENOENT"} <= set(outcomes["map"])
    assert outcomes["nonsense"]["ENOTTY"] > 100
    assert find_splats(guest.console.text()) == ()
    assert guest.run(f"cat {BUFINFO}", timeout=60).stdout.strip().endswith("Total 0 objects, 0 bytes")


def test_no_attachment_goes_while_another_thread_maps_it(guest: VmGuest) -> None:
    """In 10,000 such calls the dma-buf core warned once or twice of a module that let it go."""
    outcomes = _fuzz(guest, 20_000, "racing")
    assert all(outcomes[call]["ok"] > 100 for call in ("attach", "detach", "map", "unmap"))
    assert find_splats(guest.console.text()) == ()


def test_a_reckless_caller_gets_the_cores_own_warnings_and_no_others(guest: VmGuest) -> None:
    """Calls without the lock, refused exporters: the core warns of each, and nothing else breaks."""
    _fuzz(guest, 4_000, "reckless")
    console = guest.console.text()
    # Reports of two CPUs are mixed; each line says whose it is.
    assert {splat.kind for splat in find_splats(console)} == {"warn"}
    places = set(re.findall(r"WARNING: .*?(\w+)\+0x", console))
    assert {"dma_buf_export", "dma_buf_pin", "dma_buf_unpin"} <= places
    assert [place for place in places if not place.startswith("dma_buf_")] == []


def test_whoever_is_killed_leaves_nothing_and_a_buffer_keeps_the_module(guest: VmGuest) -> None:
    done = guest.run(KILL_HOLDERS, timeout=60 * guest.slowness)
    assert done.ok, done.stdout[-2000:] + done.stderr[-1000:]
    assert find_splats(guest.console.text()) == ()
