# SPDX-License-Identifier: GPL-2.0-only
"""What a patch writes into a Makefile runs in a sandbox: each of these tries to reach something, and does not."""

from __future__ import annotations

import contextlib
import os
import select
import shutil
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from harness.build.object_trees import object_tree
from harness.errors import InfrastructureError
from harness.paths import PROJECT_ROOT
from harness.process import Sandbox, SandboxMode, is_sandboxed, use_sandbox, why_no_sandbox
from tests.support.fake_linux import OFF, Linux

SECRET = "a-secret-of-the-user"
pytestmark = pytest.mark.skipif(bool(why_no_sandbox()), reason=f"no sandbox here: {why_no_sandbox()}")

# Each line is run by make where it links the kernel; $0 is the home, $1 the directory of all, $2 the source tree.
WRITES = {
    "the home": "echo planted > $0/planted",
    "a start-up file": "echo planted >> $0/.bashrc",
    "the keys": "echo planted >> $0/.ssh/authorized_keys",
    "the home by another name": "echo planted > ~root/planted; echo planted > $HOME/planted",
    "another tree of the cache": "echo planted > $1/cache/dmabuf-harness/trees/another/planted",
    "a kernel of somebody else": "echo planted > $1/cache/dmabuf-harness/kernels/another/planted",
    "the user's ccache": "echo planted > $1/ccache/planted; echo compiler=planted > $1/ccache/ccache.conf",
    "the source": "echo planted > $2/planted; echo planted >> $2/drivers/dma-buf/dma-buf.c",
    "its history": "echo planted > $2/.git/hooks/post-checkout",
    "the harness": f"touch {PROJECT_ROOT}/planted {PROJECT_ROOT}/harness/planted.py",
    "beside the object tree": "touch ../planted",
    "the host's /tmp": "touch $1/planted",
    "the system": "touch /usr/planted /etc/planted /usr/local/bin/planted /planted",
    "through a link in the object tree": "ln -s $0/.bashrc link; echo planted >> link",
    "after the cover is taken off": "umount -l $0; umount -l /tmp; echo planted > $0/planted; touch $1/planted",
    "as root of its own": "unshare -Ur sh -c 'umount -l $0; umount -l /tmp; echo 1 > $0/planted; touch $1/planted'",
    "the root made writable": "mount -o remount,rw /; unshare -Urm mount -o remount,rw /; touch /usr/planted",
}
READS = {
    "a key": "cat $0/.ssh/id_ed25519",
    "a key through a link": "ln -s $0/.ssh/id_ed25519 key; cat key",
    "a key that the compiler includes": "echo '#include \"'$0'/.ssh/id_ed25519\"' | gcc -E - 2>&1",
    "a key through another process": "cat /proc/*/root$0/.ssh/id_ed25519 /proc/*/cwd/home/.ssh/id_ed25519",
    "the environment": "env; cat /proc/*/environ",
    "the command lines": "cat /proc/*/cmdline",
    "another tree of the cache": "cat $1/cache/dmabuf-harness/trees/another/secret",
    "after the cover is taken off": "umount -l $0; unshare -Ur umount -l $0; cat $0/.ssh/id_ed25519",
    "what only root may read": "cat /etc/shadow /etc/gshadow | sed s/^root:.*/%SECRET%/",
}


@pytest.fixture(autouse=True)
def _sandboxed() -> Iterator[None]:
    """What is tried here is done where there is none."""
    use_sandbox(SandboxMode.STRICT)
    assert is_sandboxed()
    yield
    use_sandbox(SandboxMode.OFF)


@pytest.fixture
def linux(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Linux:
    home, cache = tmp_path / "home", tmp_path / "cache/dmabuf-harness"
    for directory in (home / ".ssh", cache / "trees/another", cache / "kernels/another", tmp_path / "ccache"):
        directory.mkdir(parents=True)
    for file in (home / ".ssh/id_ed25519", cache / "trees/another/secret"):
        file.write_text(SECRET)
    for name, value in (("HOME", home), ("XDG_CACHE_HOME", cache.parent), ("CCACHE_DIR", tmp_path / "ccache")):
        monkeypatch.setenv(name, str(value))
    monkeypatch.setenv("A_TOKEN", SECRET)
    return Linux(cache / "trees/one/linux")


def _planted(linux: Linux, tmp_path: Path, line: str) -> None:
    """Have make run ``line`` where it links the kernel."""
    for number, place in enumerate((tmp_path / "home", tmp_path, linux.path)):
        line = line.replace(f"${number}", str(place))
    command = line.replace("$", "$$").replace("%SECRET%", SECRET)
    linux.edit("Makefile", '\t@echo "  LD      $@"', f'\t-@({command}) 2>&1; true\n\t@echo "  LD      $@"')


def _files(*places: Path) -> dict[Path, bytes]:
    found: dict[Path, bytes] = {}
    for place in places:
        found |= {path: path.read_bytes() for path in place.rglob("*") if path.is_file() and not path.is_symlink()}
    return found


@pytest.mark.parametrize("line", WRITES.values(), ids=WRITES.keys())
def test_nothing_is_written_but_where_it_may_be(linux: Linux, tmp_path: Path, line: str) -> None:
    _planted(linux, tmp_path, line)
    linux.applied()  # so that git has written what it does for the tree
    watched = (tmp_path / "home", tmp_path / "ccache", linux.path, tmp_path / "cache/dmabuf-harness/trees/another")
    before = _files(*watched)
    kernel = linux.kernel()
    after = _files(*watched)
    assert {path: data for path, data in after.items() if ".git/" not in str(path)} == {
        path: data for path, data in before.items() if ".git/" not in str(path)
    }
    everywhere = [*tmp_path.rglob("*planted*"), *PROJECT_ROOT.glob("planted*"), *Path("/").glob("planted")]
    everywhere += [*Path("/usr").glob("planted"), *Path("/etc").glob("planted"), *Path("/root").glob("planted")]
    assert everywhere == []
    assert not (linux.path / ".git/hooks/post-checkout").exists()
    assert kernel.release == "6.12.1"


@pytest.mark.parametrize("line", READS.values(), ids=READS.keys())
def test_nothing_is_read_that_is_the_users(linux: Linux, tmp_path: Path, line: str) -> None:
    _planted(linux, tmp_path, line)
    assert SECRET not in linux.kernel().log.read_text()


@pytest.mark.parametrize("what", ["tcp", "abstract", "path"])
def test_nobody_is_reached(linux: Linux, tmp_path: Path, what: str) -> None:
    family = socket.AF_INET if what == "tcp" else socket.AF_UNIX
    with socket.socket(family) as server:
        server.bind(
            ("127.0.0.1", 0) if what == "tcp" else f"\0{tmp_path}" if what == "abstract" else f"{tmp_path}/agent"
        )
        server.listen()
        name = server.getsockname()
        said = f"import socket; socket.socket({int(family)}).connect({name!r}); print(chr(35) * 3)"
        _planted(linux, tmp_path, f'python3 -c "{said}"'.replace("$", ""))
        assert "###" not in linux.kernel().log.read_text()
        server.setblocking(False)
        with pytest.raises(BlockingIOError):
            server.accept()


def test_no_process_is_left_or_seen(linux: Linux, tmp_path: Path) -> None:
    marker = f"{tmp_path.name}-stays"
    _planted(linux, tmp_path, f"setsid sh -c 'sleep 1000; : {marker}' & kill -9 {os.getpid()}")
    linux.kernel()
    assert _running(marker) == []


def _running(marker: str) -> list[int]:
    """Processes with ``marker`` in their command lines."""
    found = []
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        with contextlib.suppress(OSError):
            if marker in path.read_text():
                found.append(int(path.parent.name))
    return found


def test_a_log_that_is_a_link_by_now_is_not_followed(linux: Linux, tmp_path: Path) -> None:
    bashrc = tmp_path / "home/.bashrc"
    bashrc.write_text("mine\n")
    linux.kernel()
    at = object_tree(linux.path, "move-notify-on").log
    linux.edit("drivers/dma-buf/dma-buf.c", "return 0;", "return 5;")
    at.unlink()
    at.symlink_to(bashrc)
    linux.kernel()
    assert bashrc.read_text() == "mine\n"


def test_an_image_that_is_a_link_to_a_key_is_no_kernel(linux: Linux, tmp_path: Path) -> None:
    linux.edit("Makefile", '\t@echo "  LD      $@"', f"\t@ln -s {tmp_path}/home/.ssh/id_ed25519 vmlinux.key")
    linux.edit("Makefile", "\t@ld -e 0 -o $@ $(objects)", "\t@ln -s vmlinux.key $@")
    with pytest.raises(InfrastructureError, match="strip"):
        linux.build()
    assert not [
        path for path, data in _files(tmp_path / "cache").items() if SECRET.encode() in data and "one" in str(path)
    ]


def test_a_kernel_from_a_sandbox_is_whole(linux: Linux) -> None:
    """Each file that it has without one is there, modules of its own and the probe among them."""
    within = linux.kernel().modules
    files = {str(path.relative_to(within)) for path in within.rglob("*") if path.is_file()}
    assert {"lib/modules/6.12.1/modules.builtin", "lib/modules/6.12.1/probe.o", "image"} <= files
    shutil.rmtree(within)
    use_sandbox(SandboxMode.OFF)
    without = linux.kernel().modules
    assert {str(path.relative_to(without)) for path in without.rglob("*") if path.is_file()} == files


@pytest.mark.parametrize("name", ["config", "build.log", "kernel.json"])
def test_what_the_harness_writes_follows_no_link(linux: Linux, tmp_path: Path, name: str) -> None:
    bashrc = tmp_path / "home/.bashrc"
    bashrc.write_text("mine\n")
    at = "\t@mkdir -p $(INSTALL_MOD_PATH)/lib/modules/$(release)"
    linux.edit("Makefile", at, f"{at}\n\t@ln -sf {bashrc} $(INSTALL_MOD_PATH)/{name}")
    linux.kernel()
    assert bashrc.read_text() == "mine\n"


def test_whose_an_object_tree_is_names_no_other_directory(linux: Linux, tmp_path: Path) -> None:
    victim = tmp_path / "victim"
    victim.mkdir()
    (tmp_path / "cache/dmabuf-harness/trees/one/objects/parked-x").mkdir(parents=True)
    _planted(linux, tmp_path, "printf 'x/../../../../../../victim' > .dmabuf-harness-variant")
    linux.kernel()
    linux.kernel(OFF)
    assert list(victim.iterdir()) == [] and not victim.is_symlink()


def test_a_sandbox_that_fails_is_no_verdict(linux: Linux, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "bin").mkdir()
    program = tmp_path / "bin/bwrap"
    program.write_text("#!/bin/sh\necho 'bwrap: Creating new namespace failed: No resources'; exit 1\n")
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{program.parent}:{os.environ['PATH']}")
    with pytest.raises(InfrastructureError, match="Creating new namespace failed"):
        linux.build()


def test_a_compiler_below_the_home_is_the_one_that_is_used(
    linux: Linux, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Through links of files and of directories, and without what else is there."""
    home = tmp_path / "home"
    (home / "tc/gcc-99/bin").mkdir(parents=True)
    (home / "bin").mkdir()
    compiler = home / "tc/gcc-99/bin/gcc"
    compiler.write_text('#!/bin/sh\necho "compiler of the user" >&2; exec /usr/bin/gcc "$@"\n')
    compiler.chmod(0o755)
    (home / "tc/current").symlink_to("gcc-99")
    (home / "bin/gcc").symlink_to("../tc/current/bin/gcc")
    monkeypatch.setenv("PATH", f"{home}/bin:{os.environ['PATH']}")
    _planted(linux, tmp_path, "gcc --version; cat $0/.ssh/id_ed25519")
    log = linux.kernel().log.read_text()
    assert "compiler of the user" in log and SECRET not in log


def test_what_is_needed_is_there(tmp_path: Path) -> None:
    place = tmp_path / "place"
    place.mkdir()
    box, said = (
        Sandbox((place,)),
        "echo $PWD > here && cat here && gcc --version > /dev/null && df /dev/shm > /dev/null",
    )
    done = box.run(["sh", "-c", said], cwd=place)
    assert (done.returncode, done.stdout, done.argv[0]) == (0, f"{place}\n", "sh")
    assert (place / "here").read_text() == f"{place}\n"


def test_off_means_off_and_strict_asks_for_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    use_sandbox(SandboxMode.OFF)
    assert not is_sandboxed()
    done = Sandbox(()).run(["sh", "-c", f"echo mine > {tmp_path}/mine"])
    assert done.ok and (tmp_path / "mine").exists()
    use_sandbox(SandboxMode.AUTO)
    assert is_sandboxed()


def test_strict_without_one_is_trouble_of_the_machine(tmp_path: Path) -> None:
    """In a process of its own, whose PATH has no bubblewrap."""
    for name in ("sh", "setpriv", "git", "python3"):
        (tmp_path / name).symlink_to(shutil.which(name) or name)
    command = [str(PROJECT_ROOT / ".venv/bin/dmabuf-harness"), "run", "--sandbox", "strict"]
    done = subprocess.run(
        [*command, "--base", "dir:/nowhere"],
        check=False,
        capture_output=True,
        text=True,
        env={**os.environ, "PATH": str(tmp_path)},
    )
    assert done.returncode == 3, done.stderr
    assert done.stderr.count("\n") == 1 and "bubblewrap" in done.stderr


BESIDE = """
import sys
sys.path.insert(0, sys.argv[1])
from collections.abc import Iterator
from pathlib import Path
from harness.process import Background, SandboxMode, guest_view, use_sandbox
use_sandbox(SandboxMode.STRICT)
place = Path(sys.argv[2])
argv = guest_view(["sh", "-c", 'echo up > "$0/up"; sleep 1000', str(place)], [place], [])
program = Background(argv, output=place / "said")
while not (place / "up").exists():
    assert program.poll() is None
print("up", flush=True)
sys.stdin.read()
"""


def test_what_runs_beside_us_in_a_sandbox_dies_with_us(tmp_path: Path) -> None:
    command = [sys.executable, "-c", BESIDE, str(PROJECT_ROOT), str(tmp_path)]
    ours = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    assert ours.stdout is not None and ours.stdout.readline() == "up\n", (tmp_path / "said").read_text()
    inside = [os.pidfd_open(pid) for pid in _running(str(tmp_path)) if pid != ours.pid]
    assert len(inside) > 2, "bubblewrap, what it started, and the program"
    ours.kill()
    ours.communicate()
    for process in inside:
        assert select.select([process], [], [], 60.0)[0], "it runs on"
        os.close(process)
