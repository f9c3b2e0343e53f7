# SPDX-License-Identifier: GPL-2.0-only
"""Jobs done here, in guests under this machine's QEMU."""

from __future__ import annotations

import threading
from collections.abc import Callable
from pathlib import Path

from harness.build import find_kernel
from harness.errors import InfrastructureError
from harness.events import EventStream, Note
from harness.executor.guests import GuestLauncher
from harness.executor.kernel_job import Findings, KernelJob, Machine, drop
from harness.executor.kernel_test import KernelTest
from harness.executor.mutant_test import MutantTest
from harness.interfaces import Suite
from harness.model import Kernel
from harness.suites import CountedSuite, CounterFiles, PytestSuite, select_suites
from harness.vm.host import guest_identity
from harness.vm.launch import FindKernel, Launcher


class LocalExecutor:
    """Implements ``harness.executor.Executor``. QEMU is asked for its version as soon as anything is asked here."""

    def __init__(
        self,
        events: EventStream,
        accel: str = "auto",
        find: FindKernel = find_kernel,
        launcher: Callable[[], GuestLauncher] | None = None,
        around: Callable[[Suite, KernelJob], Suite] = lambda suite, _job: suite,
    ) -> None:
        """``accel``: "auto", "kvm" or "tcg". ``find``: the kernel with a key, None if the cache has it no more.

        ``launcher``: makes what boots the guests, QEMU's by default. ``around``: puts a suite around another.
        """
        self._events = events
        self._accel = accel
        self._find = find
        self._make_launcher = launcher or self._qemu
        self._around = around
        self._lock = threading.Lock()
        self._made: GuestLauncher | None = None

    def _qemu(self) -> GuestLauncher:
        return Launcher(self._accel, lambda text: self._events.publish(Note("", text)), self._find)

    @property
    def _launcher(self) -> GuestLauncher:
        with self._lock:
            self._made = self._made or self._make_launcher()
            return self._made

    def machine(self) -> Machine:
        """This one, with the accelerator as far as it is settled."""
        chosen = self._launcher.accelerator
        return Machine(chosen.name, chosen.reason, self._launcher.qemu_version, guest_identity())

    def distrusts(self, job: KernelJob, findings: Findings) -> bool:
        return self._launcher.distrusts(job.kernel, findings.boots)

    def run(self, job: KernelJob, directory: Path, keep: Callable[[Findings], None] = drop) -> Findings:
        suites = tuple(self._around(_suite(name, job), job) for name in job.suites)
        if job.counting:
            files = CounterFiles(directory, job.variant.name)
            suites = tuple(CountedSuite(suite, files.take) for suite in suites)
        kernel = self._kernel(job.kernel)
        test: KernelTest | MutantTest
        if job.trials is not None:
            test = MutantTest(job, kernel, self._launcher, self._events, directory)
        else:
            test = KernelTest(job, kernel, suites, self._launcher, self._events, directory, keep)
        try:
            test.run()
        finally:
            keep(test.findings)
        return test.findings

    def _kernel(self, key: str) -> Kernel:
        found = self._find(key)
        if found is None:
            raise InfrastructureError("a kernel that was to be tested is gone from the cache", where=key)
        return found


def _suite(name: str, job: KernelJob) -> Suite:
    """A suite of ours, or the user's own file, of which it is known already which tests it has."""
    if name in job.own_tests:
        tests = tuple(test.name for test in job.planned if test.suite == name)
        return PytestSuite(Path(job.own_tests[name]), tests)
    (suite,) = select_suites([name])
    return suite
