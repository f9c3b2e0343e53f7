# SPDX-License-Identifier: GPL-2.0-only
"""What a person finds in a guest: ``check``, ``again`` and the kernel's selftests, by short names on PATH.

They run what the suites run, in the same way.
"""

from __future__ import annotations

import shlex
from collections.abc import Mapping, Sequence
from pathlib import Path

from harness.causes import Cause
from harness.guest import bundle
from harness.identities import PlannedTest
from harness.interfaces import Guest, GuestLost, JobLimits
from harness.suites.checks import ARCHIVE, ChecksSuite, ship, told
from harness.suites.in_kernel import InKernelSuite, load_commands
from harness.suites.kselftest import KselftestSuite
from harness.suites.suite_registry import select_suites

HOME = "/run/dmabuf-harness"  # in the guest
_BIN = f"{HOME}/bin"
_PROFILE = f"{HOME}/profile"
_LIMIT = 20.0  # seconds under KVM for putting them there
_SHELL = (
    f"[ ! -x /bin/bash ] || exec /bin/bash --noprofile --rcfile {_PROFILE} -i\n"  # which edits lines
    f"ENV={_PROFILE} exec /bin/sh -i"
)


class GuestTools:
    """``test``: what ``again`` runs; without one there is no such command. ``prompt``: what the shell shows."""

    def __init__(self, guest: Guest, limits: JobLimits, prompt: str, test: PlannedTest | None = None) -> None:
        self._guest = guest
        self._limits = limits
        self._prompt = prompt
        self._again = again_command(guest, test) if test is not None else ""

    def install(self, logs: Path) -> None:
        """Bring them into the guest. ``logs``: a directory that keeps copies. Raises ``GuestLost``."""
        logs.mkdir(parents=True, exist_ok=True)
        ship(self._guest, logs / "checks.zip")
        self._guest.run(f"mkdir -p {_BIN}", timeout=_LIMIT * self._guest.slowness)
        for name, text in self._files().items():
            local = logs / Path(name).name
            local.write_text(text)
            try:
                self._guest.put(local, name)
            except OSError as error:
                raise GuestLost(f"it takes no files: {error}", Cause.UNUSABLE) from error
        self._guest.run(f"chmod 755 {_BIN}/*", timeout=_LIMIT * self._guest.slowness)

    def _files(self) -> Mapping[str, str]:
        """Path in the guest -> text."""
        found = {_PROFILE: self._profile(), f"{_BIN}/check": _script(self._check())}
        if self._again:
            found[f"{_BIN}/again"] = _script(self._again)
        return found

    def _profile(self) -> str:
        selftests = self._guest.kernel.kselftests
        lines = [f"PATH={_BIN}:$PATH", f"PS1={shlex.quote(self._prompt)}", "export PATH", "unset HISTFILE"]
        lines += [f"export KSELFTESTS={shlex.quote(str(selftests))}"] if selftests is not None else []
        return "\n".join([*lines, ""])

    def _check(self) -> str:
        """The runner of the checks, told what the suite tells it."""
        limits = self._limits
        environment = told(self._guest.kernel)
        environment += "" if limits.seed is None else f"HARNESS_SEED={limits.seed} "
        environment += "" if limits.walks is None else f"HARNESS_WALKS={limits.walks} "
        return f'{environment}{bundle.command(ARCHIVE, "--factor", f"{self._guest.slowness:g}")} "$@"'

    @staticmethod
    def command(words: Sequence[str]) -> str:
        """Shell command that runs ``words`` where the tools are on PATH: one is a shell command itself, several are a
        program and its arguments, none is a shell to type into."""
        what = _SHELL if not words else words[0] if len(words) == 1 else shlex.join(words)
        # In a shell of its own: sshd tells the signal that ends a command in a way that paramiko does not pass on.
        return f"(. {_PROFILE}\n{what}\n)\nexit $?"


def again_command(guest: Guest, test: PlannedTest) -> str:
    """Shell lines that run ``test`` once; empty if there is nothing in the guest that could (a test of the user's)."""
    suite = next(iter(select_suites([test.suite])), None) if ":" not in test.suite else None
    if isinstance(suite, ChecksSuite):
        return f"exec {_BIN}/check {shlex.quote(test.name)}"
    if isinstance(suite, KselftestSuite):
        return suite.command(guest, test.name)
    return load_commands(guest.kernel, test.name) if isinstance(suite, InKernelSuite) else ""


def _script(body: str) -> str:
    return f"#!/bin/sh\n{body}\n"
