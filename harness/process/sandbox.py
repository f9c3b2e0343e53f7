# SPDX-License-Identifier: GPL-2.0-only
"""Programs that run what a patch may have written (make, Kconfig, scripts of the tree) see and reach less than we do.

bubblewrap gives them namespaces of their own: the root read-only, no home, no network, no processes but theirs, and
only the directories that are named can be written (bwrap(1)). What only root may read is hidden where we are root.
"""

from __future__ import annotations

import contextlib
import enum
import os
import stat
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path

from harness.errors import InfrastructureError
from harness.paths import cache_root
from harness.process.environment import clean_environment, which
from harness.process.running import Completed, LineHandler, run

_BWRAP = "bwrap"
_LINKS = 40  # as the kernel follows
_LIMIT = 20.0  # seconds for the proof that it works
# Where people, their agents and other programs keep what is theirs.
_PRIVATE = ("/home", "/root", "/run", "/tmp", "/var", "/mnt", "/media", "/srv")
_ALONE = ("--unshare-all", "--die-with-parent", "--cap-drop", "ALL", "--hostname", "sandbox")
# Of the environment: what compilers and kbuild read. Keys, agents and tokens are named by everything else.
_KEPT = frozenset(
    {"PATH", "HOME", "TMPDIR", "TZ", "TERM", "LANG", "LANGUAGE", "C_INCLUDE_PATH", "PYTHONDONTWRITEBYTECODE"}
    | {"CCACHE_DIR", "CCACHE_BASEDIR", "CCACHE_ABSSTDERR", "CCACHE_DISABLE"}  # and none that names a path of the user's
    | {"LD_LIBRARY_PATH", "PKG_CONFIG_PATH", "PERL5LIB"}  # without which a toolchain of one's own may not start
)
_KEPT_PREFIXES = ("LC_", "KBUILD_", "KCONFIG_", "NIX_")
# What a build starts, which may lie below a home (a toolchain that was unpacked there, pyenv).
_TOOLS = ("gcc", "ld", "make", "ccache", "python3", "perl", "bison", "flex", "bc", "pahole", "sparse", "codespell")
_LIMITS = ("prlimit", "--core=0", f"--fsize={64 << 30}", "--nproc=16384")


class SandboxMode(enum.Enum):
    """What ``--sandbox`` asks for. AUTO: one where it works. STRICT: one, or nothing runs. OFF: none, the default."""

    AUTO = "auto"
    STRICT = "strict"
    OFF = "off"


@dataclass
class _Asked:
    mode: SandboxMode = SandboxMode.OFF


_asked = _Asked()


def use_sandbox(mode: SandboxMode) -> None:
    """For this process from now on. Raises ``InfrastructureError`` where STRICT cannot be had."""
    _asked.mode = mode
    if mode is SandboxMode.STRICT and (why := why_no_sandbox()):
        hint = "dmabuf-harness doctor says what is missing; --sandbox auto does without it"
        raise InfrastructureError(f"cannot be used here: {why}", where="bubblewrap", hint=hint)


def sandbox_asked() -> SandboxMode:
    """What was asked for, of this process."""
    return _asked.mode


def sandbox_in_words() -> str:
    """What holds here, for the report of a run; empty if nobody asked for a sandbox."""
    if _asked.mode is SandboxMode.OFF:
        return ""
    why = why_no_sandbox()
    with_rights = f"make and scripts of the tree run with your rights: bubblewrap: {why}"
    return with_rights if why else "make and scripts of the tree run in a sandbox"


def is_sandboxed() -> bool:
    """True if what a patch may have written runs in a sandbox."""
    return _asked.mode is not SandboxMode.OFF and not why_no_sandbox()


@cache
def why_no_sandbox() -> str:
    """Why no sandbox can be had on this machine, in words; empty where it works, which is tried."""
    program = which(_BWRAP)
    if program is None:
        return "it is not installed"
    done = run([program, *_view(Sandbox(())), "--", *_LIMITS, "true"], timeout=_LIMIT, merge=True)
    if done.timed_out:
        return f"it does not come to its end within {_LIMIT:.0f} s"
    lines = done.stdout.strip().splitlines() or [f"it ended with {done.returncode}"]
    return "" if done.ok else lines[-1]


@dataclass(frozen=True)
class Sandbox:
    """``writable``: directories that the program may change, as they are. ``readable``: paths that it needs although
    they are below what is hidden. Those that do not exist are left out."""

    writable: tuple[Path, ...]
    readable: tuple[Path, ...] = ()

    def run(
        self,
        argv: Sequence[str | Path],
        *,
        cwd: Path | None = None,
        env: Mapping[str, str] | None = None,
        stdin: bytes | None = None,
        log: Path | None = None,
        on_line: LineHandler | None = None,
    ) -> Completed:
        """As ``process.run`` with both streams merged, in the sandbox; without one where it is not used.

        Of ``env`` the program gets what compilers and kbuild read.
        """
        if which(str(argv[0])) is None or not is_sandboxed():
            return run(argv, cwd=cwd, env=env, stdin=stdin, log=log, on_line=on_line, merge=True)
        seen = _kept(clean_environment() if env is None else env)
        place = ["--chdir", str(cwd)] if cwd is not None else []
        boxed = [_BWRAP, *_view(self), *place, "--", *_LIMITS, "--", *argv]
        done = run(boxed, env=seen, stdin=stdin, log=log, on_line=on_line, merge=True)
        last = done.stdout.rstrip().rpartition("\n")[2]
        if not done.ok and last.startswith((f"{_BWRAP}: ", f"{_LIMITS[0]}: ")):
            # A patch that prints this gets no verdict, and nothing green.
            raise InfrastructureError(last, where="the sandbox", hint="try again, or without: --sandbox off")
        return replace(done, argv=tuple(map(str, argv)))


def guest_view(argv: Sequence[str], writable: Sequence[Path], readable: Sequence[Path]) -> list[str]:
    """QEMU's ``argv``, so that its guest, whose root is ours over 9p, sees what a build in a ``Sandbox`` sees.

    Where STRICT is asked for; else ``argv`` as it is. QEMU keeps the network, by which we reach the guest, and KVM.
    """
    if _asked.mode is not SandboxMode.STRICT:
        return list(argv)
    kvm = ["--dev-bind-try", "/dev/kvm", "/dev/kvm"]
    return [_BWRAP, *_view(Sandbox(tuple(writable), tuple(readable))), "--share-net", *kvm, "--", *argv]


def _kept(env: Mapping[str, str]) -> dict[str, str]:
    return {key: value for key, value in env.items() if key in _KEPT or key.startswith(_KEPT_PREFIXES)}


def _view(box: Sandbox) -> Iterator[str]:
    """Options that lay out the files; a later one lies over an earlier one."""
    yield from _ALONE
    yield from ("--ro-bind", "/", "/", "--dev", "/dev", "--proc", "/proc")
    for path in _hidden():
        yield from ("--tmpfs", str(path))
    for path in filter(Path.exists, _only_roots()):
        yield from ("--tmpfs", str(path)) if path.is_dir() else ("--ro-bind", "/dev/null", str(path))
    shown = {path: "--ro-bind" for path in (*_tool_places(), *map(_absolute, box.readable))}
    shown |= {path: "--bind" for path in map(_absolute, box.writable)}
    for path in sorted(shown, key=lambda path: len(path.parts)):
        if path.exists():
            yield from (shown[path], str(path), str(path))


def _absolute(path: Path) -> Path:
    """As the program will name it; bubblewrap makes the directories above it where they are hidden."""
    return Path(os.path.abspath(path))  # noqa: PTH100 - links stay: they are how it is named


def _hidden() -> list[Path]:
    """Directories that look empty, the outer ones first."""
    places = {*map(Path, _PRIVATE), Path(tempfile.gettempdir()), cache_root()}
    with contextlib.suppress(RuntimeError):  # a user without an entry in passwd, and without HOME
        places.add(Path.home())
    found = {path.resolve() for path in places if path.is_dir() and path.resolve() != Path("/")}
    return sorted(found, key=lambda path: len(path.parts))


@cache
def _only_roots() -> tuple[Path, ...]:
    """What nobody but its owner may read below /etc: of use to us only if we are root, and to no compiler ever."""
    if os.geteuid() != 0:
        return ()
    return tuple(_unreadable(Path("/etc")))


def _unreadable(directory: Path) -> Iterator[Path]:
    for path in sorted(directory.iterdir()):
        mode = path.lstat().st_mode
        if stat.S_ISDIR(mode):
            yield from _unreadable(path) if mode & stat.S_IXOTH else [path]
        elif stat.S_ISREG(mode) and not mode & stat.S_IROTH:
            yield path


def _tool_places() -> Iterator[Path]:
    """Where tools are that lie below what is hidden."""
    hidden = _hidden()
    for program in filter(None, map(which, _TOOLS)):
        for path in _steps(program):
            real = path.parent.resolve() / path.name
            if any(real.is_relative_to(place) for place in hidden):
                yield from _needed(real, hidden)
                yield path.parent  # as it is named, which may be through a link to a directory


def _steps(program: Path) -> Iterator[Path]:
    """``program``, what it is a link to, and so on: each must be there for the next to be found."""
    for _ in range(_LINKS):
        yield program
        if not program.is_symlink():
            return
        program = program.parent / program.readlink()


def _needed(program: Path, hidden: Sequence[Path]) -> Iterator[Path]:
    """The directory of ``program`` and, as a compiler reads what is beside its bin, what has that in it; but for
    places where much else is kept (~, ~/.local)."""
    prefix = program.parent.parent
    shared = prefix.name == ".local" or any(place.is_relative_to(prefix) for place in hidden)
    yield program.parent
    yield from (prefix / name for name in ("lib", "lib64", "libexec")) if shared else (prefix,)
