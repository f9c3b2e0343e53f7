#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-only
"""A QEMU whose KVM works, crawls, stops, aborts or fails: the proof of what is done about it needs no such host.

Installed as ``qemu-system-x86_64`` in a directory that comes first in PATH (``install``). What is asked for under TCG
is handed on to the real QEMU. Under KVM the real one runs, too, by emulation, until the console holds ``after``; then
it does as ``mode`` says:

    works   nothing more
    crawls  runs for less than one hundredth of the time
    stops   runs no more, and answers nothing
    halts   says what QEMU says of a KVM that cannot go on, and runs no more (accel/kvm/kvm-all.c)
    aborts  fails an assertion, as QEMU does on an MSR that KVM refuses (target/i386/kvm/kvm.c)
    silent  has printed nothing, and never will
"""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

REAL = "/usr/bin/qemu-system-x86_64"
FIRST_LINES = "Linux version "
IN_A_SUITE = "dmabuf-harness: start "
# Seconds, and the part of them in which a guest that crawls runs: on a busy host it is stopped late, and gets more.
_PERIOD, _SHARE = 2.0, 0.002
# As harness/vm/command.py has it for guests under TCG: emulation must not make the stand-in fail by itself.
_PATIENT = "rcupdate.rcu_cpu_stall_timeout=150 watchdog_thresh=60 no_timer_check"


def install(directory: Path, mode: str, after: str = FIRST_LINES, slow_tcg: float = 0.0) -> dict[str, str]:
    """The environment in which QEMU is this one. ``slow_tcg``: seconds by which a guest under TCG starts late."""
    directory.mkdir()
    (directory / "how.json").write_text(json.dumps({"mode": mode, "after": after, "slow_tcg": slow_tcg}))
    program = directory / "qemu-system-x86_64"
    program.write_text(f'#!/bin/sh\nexec /usr/bin/python3 {__file__} "${{0%/*}}" "$@"\n')
    program.chmod(0o755)
    return {"PATH": f"{directory}:{os.environ['PATH']}"}


def emulated(arguments: list[str]) -> list[str]:
    """The same machine under TCG."""
    words = ["accel=tcg" if word == "accel=kvm" else re.sub("^host,.*", "max", word) for word in arguments]
    at = words.index("-append") + 1
    words[at] = re.sub(r"(?= init=)", f" {_PATIENT}", words[at])
    return ["-machine", "q35", *words]


def console(arguments: list[str]) -> Path:
    option = next(word for word in arguments if word.startswith("file,id=console,path="))
    return Path(option.partition("path=")[2].replace(",,", ","))


def main(place: Path, arguments: list[str]) -> None:
    how = json.loads((place / "how.json").read_text())
    if arguments == ["--version"]:  # what is learned of it is not of this machine's QEMU (harness/vm/accel.py)
        sys.stdout.write(f"QEMU emulator version 7.2 ({how['mode']} under KVM)\n")
        return
    if "accel=kvm" not in arguments:
        if "-kernel" in arguments:
            time.sleep(how["slow_tcg"])
        os.execv(REAL, [REAL, *arguments])
    if how["mode"] == "silent":
        signal.pause()
    real = subprocess.Popen([REAL, *emulated(arguments)], close_fds=False)
    log = console(arguments)
    while real.poll() is None and how["after"] not in (log.read_text(errors="replace") if log.exists() else ""):
        time.sleep(0.05)
    if real.poll() is None:
        misbehave(real, how["mode"])
    code = real.wait()
    sys.exit(code if code >= 0 else 128 - code)


def misbehave(real: subprocess.Popen[bytes], mode: str) -> None:
    if mode == "crawls":
        crawl(real)
    if mode == "halts":
        say("KVM internal error. Suberror: 1\nemulation failure")
    if mode in ("stops", "halts"):
        real.send_signal(signal.SIGSTOP)
    if mode == "aborts":
        say("qemu-system-x86_64: error: failed to set MSR 0x10a to 0x800000000e1bef")
        real.kill()
        os.kill(os.getpid(), signal.SIGABRT)


def crawl(real: subprocess.Popen[bytes]) -> None:
    while real.poll() is None:
        real.send_signal(signal.SIGSTOP)
        time.sleep(_PERIOD * (1 - _SHARE))
        real.send_signal(signal.SIGCONT)
        time.sleep(_PERIOD * _SHARE)


def say(text: str) -> None:
    sys.stderr.write(f"{text}\n")
    sys.stderr.flush()


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2:])
