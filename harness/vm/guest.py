# SPDX-License-Identifier: GPL-2.0-only
"""One guest, from the first byte on its console to the end of its QEMU."""

from __future__ import annotations

import os
import shlex
import time
from pathlib import Path

from harness import process
from harness.errors import InfrastructureError
from harness.guest.marks import LISTEN
from harness.interfaces import CommandResult, GuestLost, LineSink
from harness.model import BootOutcome, BootReport, Kernel
from harness.vm import ssh
from harness.vm.autopsy import Patient, examine
from harness.vm.blocked import blocked
from harness.vm.command import MachineSpec, checker_options, qemu_command
from harness.vm.console import LIMIT, Console
from harness.vm.host import blamed
from harness.vm.identity import create_identity, free_port
from harness.vm.qmp import Monitor
from harness.vm.slowness import slowness

_BOOT_LIMIT = 30.0  # seconds under KVM
_SILENCE_LIMIT = 10.0  # seconds without an answer from sshd under KVM
_FIRST_LINE = 10.0  # seconds to the kernel's first line; under KVM it takes one
_TAIL = 25  # lines of the console of a boot that failed
_LAST_WORDS = 2.0  # seconds under KVM for a panic to be printed to its end
_LEAST_ROOM = 1 << 20  # bytes on the host's disk: without them QEMU drops what the console says, and tells nobody
_PORT_TAKEN = "Could not set up host forwarding rule"


class NoStart(Exception):
    """QEMU ended before the kernel printed anything: nothing was learned about the kernel. ``str``: QEMU's words."""


class VmGuest:
    """A guest under QEMU; implements ``harness.interfaces.Guest``. ``boot`` first, ``shutdown`` in any case."""

    def __init__(self, kernel: Kernel, spec: MachineSpec, directory: Path, qemu_version: str) -> None:
        """``directory``: of this boot alone; gets ``console.log`` and ``qemu.log``."""
        self._kernel = kernel
        self._spec = spec
        self._directory = directory
        self._qemu_version = qemu_version
        self._connection: ssh.Connection | None = None
        self._qemu: process.Background | None = None
        self._monitor = Monitor()
        self._slowness = slowness(spec.accel, kernel)
        self._examined_from: int | None = None
        self._stuck: set[str] = set()
        self._born = time.time()
        self.console = Console(directory / "console.log")
        self.ended = ""
        self.machine_failed = False

    @property
    def accel(self) -> str:
        return self._spec.accel

    @property
    def slowness(self) -> float:
        return self._slowness.factor

    @property
    def slow_features(self) -> tuple[str, ...]:
        """What the kernel checks that time limits are stretched for: "KASAN x3"."""
        return self._slowness.debug

    @property
    def kernel(self) -> Kernel:
        return self._kernel

    @property
    def seconds(self) -> float:
        """Wall time since QEMU was started."""
        return time.monotonic() - self._qemu.started if self._qemu is not None else 0.0

    @property
    def cpu_seconds(self) -> float:
        """CPU time of QEMU, after ``shutdown``."""
        return self._qemu.cpu_seconds if self._qemu is not None else 0.0

    @property
    def peak_rss(self) -> int:
        """Bytes of memory that QEMU needed, after ``shutdown``."""
        return self._qemu.peak_rss if self._qemu is not None else 0

    # --- boot ---------------------------------------------------------------------------------

    def boot(self, limit: float | None = None) -> BootReport:
        """Boot to a login over ssh. A kernel that panics or hangs on the way is a report, not an exception.

        ``limit``: seconds, default by accelerator. Raises ``NoStart`` if not even the kernel's first line came.
        """
        started = time.monotonic()
        deadline = started + (limit if limit is not None else _BOOT_LIMIT * self.slowness)
        self._directory.mkdir(parents=True, exist_ok=True)
        identity = create_identity(self._directory, self._kernel)
        try:
            port = self._start_qemu()
            outcome = self._await_login(port, identity.host_key, identity.client_key, deadline)
        finally:
            identity.forget()
        seconds = time.monotonic() - started
        self._hear_out()
        tail = "" if outcome is BootOutcome.UP else _tail(self.evidence(), self.console.panic)
        log = f"{self._directory.parent.name}/{self._directory.name}/console.log"
        return BootReport(outcome, self.accel, seconds, log, self._qemu_version, tail, self.ended)

    def _start_qemu(self) -> int:
        """Start QEMU and wait for the kernel's first line; the port of the guest's sshd."""
        log = self._directory / "qemu.log"
        for _ in range(5):
            port = free_port()
            for stale in (log, self.console.path):
                stale.unlink(missing_ok=True)
            self._monitor.close()
            self._monitor = Monitor()
            theirs = self._monitor.theirs
            ours = checker_options(self._kernel)
            argv = [*qemu_command(self._kernel.image, self._directory, port, self._spec, ours), *self._monitor.options]
            self._qemu = process.Background(argv, output=log, pass_fds=[theirs.fileno()])
            theirs.close()  # else nobody would tell us that QEMU is gone
            if self._await_first_line():
                return port
            self._qemu.kill()
            if _PORT_TAKEN not in log.read_text(errors="replace"):
                raise NoStart(_last_line(log))
        raise InfrastructureError("no free port on loopback for the guest's ssh, five times")

    def _await_first_line(self) -> bool:
        """False if QEMU ended before the kernel said anything, or if KVM is there but runs nothing.

        Under TCG a kernel that stays silent is a hang, which the boot's deadline finds.
        """
        assert self._qemu is not None
        while not self.console.kernel_started:
            ended = self._qemu.wait(0.05) is not None
            self.console.poll()
            waited = time.monotonic() - self._qemu.started
            if self.accel == "kvm" and (ended or waited > _FIRST_LINE):
                return self.console.kernel_started
            if ended:
                return self.console.size > 0
            if waited > _FIRST_LINE:
                return True
        return True

    def _await_login(self, port: int, host_key: Path, client_key: Path, deadline: float) -> BootOutcome:
        failure = ""
        while time.monotonic() < deadline:
            self.console.poll()
            try:
                self._check_alive()
                if self.console.sshd_listening:
                    self._connection = ssh.connect(
                        port,
                        host_key,
                        client_key,
                        timeout=max(1.0, deadline - time.monotonic()),
                        check_alive=self._check_alive,
                        silence_limit=_SILENCE_LIMIT * self.slowness,
                    )
                    return BootOutcome.UP
            except GuestLost as lost:
                self.ended, self.machine_failed = lost.reason, lost.machine
                return BootOutcome.PANIC if self.console.panic else BootOutcome.EXITED
            except ssh.ConnectionFailed as error:
                failure = f", last try: {error}"
            time.sleep(0.05)
        self.ended = f"no login within {deadline - self._started:.0f} s{failure}"
        if place := self.autopsy(self.ended):
            self.ended += f"; {place}"
        return BootOutcome.HANG

    @property
    def _started(self) -> float:
        assert self._qemu is not None
        return self._qemu.started

    def _check_alive(self) -> None:
        """Raise ``GuestLost`` as soon as the guest is known to be dead, ``InfrastructureError`` if the disk is full."""
        assert self._qemu is not None
        status = self._qemu.poll()
        self.console.poll()
        if self.console.flooded:
            self._qemu.kill()
            raise GuestLost(f"the console floods: more than {LIMIT >> 20} MiB")
        if self.console.panic:
            raise GuestLost(f"panic: {self.console.panic}")
        if self.console.sshd_ended:
            raise GuestLost("sshd was ended in the guest, while its kernel lived")
        if status is not None:
            raise self._vanished(status)
        self._check_room()

    def _vanished(self, status: int) -> GuestLost:
        """A guest that powers off or resets itself ends QEMU with 0 (-no-reboot); anything else is not its doing."""
        if status == 0:
            return GuestLost("the guest ended by itself (QEMU exit status 0)")
        words = f": {_last_line(self._directory / 'qemu.log')}" if status < 128 else ""
        return GuestLost(f"QEMU was killed or failed (QEMU exit status {status}){words}", machine=True)

    def _check_room(self) -> None:
        disk = os.statvfs(self._directory)
        free = disk.f_frsize * (disk.f_bfree if os.geteuid() == 0 else disk.f_bavail)
        if free < _LEAST_ROOM:
            raise InfrastructureError(
                "No space left for the console", where=str(self._directory), mend="free some disk space"
            )

    # --- use ----------------------------------------------------------------------------------

    def run(self, command: str, *, timeout: float, on_line: LineSink | None = None) -> CommandResult:
        # In a shell of its own: sshd tells the signal that ends a command in a way that paramiko does not pass on.
        done = self._live().execute(f"({command}\n)\nexit $?", timeout=timeout, sink=on_line)
        return CommandResult(
            command=command,
            status=done.status,
            stdout=done.stdout.decode("utf-8", "replace"),
            stderr=done.stderr.decode("utf-8", "replace"),
            seconds=done.seconds,
            timed_out=done.status is None,
        )

    def limit_silence(self, seconds: float) -> None:
        """Count the guest as hanging once it has not answered for ``seconds``."""
        self._live().silence_limit = seconds

    def put(self, local: Path, remote: str) -> None:
        self._copy(f"cat > {shlex.quote(remote)}", local.read_bytes())

    def get(self, remote: str, local: Path) -> None:
        local.write_bytes(self._copy(f"cat < {shlex.quote(remote)}"))

    def kernel_log(self) -> str:
        return self._copy("dmesg").decode("utf-8", "replace")

    def taint(self) -> int:
        """The kernel's taint flags, as a number. Raises ``GuestLost``."""
        try:
            return int(self._copy("cat /proc/sys/kernel/tainted"))
        except (OSError, ValueError) as error:
            raise GuestLost(f"it can no longer tell its taint flags: {error}") from error

    def stuck(self) -> tuple[str, ...]:
        """What the kernel would say of tasks that no signal wakes and that do not wake by themselves, each once.

        Raises ``GuestLost``.
        """
        try:
            found = blocked(self._asked, time.sleep, self.slowness, self._stuck)
        except OSError as error:
            raise GuestLost(f"it can no longer tell what its tasks do: {error}") from error
        self._stuck |= found.keys()
        return tuple(found.values())

    def blamed(self, lost: GuestLost) -> GuestLost:
        """``lost``, which is the machine's doing where the files that this guest runs from were replaced."""
        return blamed(lost, self._born)

    def mark(self, text: str) -> None:
        more = f" && {LISTEN}" if text.startswith("start ") else ""
        try:
            self._copy(f"echo {shlex.quote('dmabuf-harness: ' + text)} > /dev/kmsg{more}")
        except OSError as error:
            raise GuestLost(f"it can no longer write to its kernel log: {error}") from error

    def _asked(self, command: str) -> str:
        return self._copy(command).decode("utf-8", "replace")

    def _copy(self, command: str, data: bytes | None = None) -> bytes:
        limit = 20 * self.slowness
        done = self._live().execute(command, timeout=limit, stdin=data)
        if done.status is None:
            raise GuestLost(f"it hangs: {command.split(maxsplit=1)[0]} did not end within {limit:.0f} s")
        if done.status != 0:
            said = done.stderr.decode("utf-8", "replace").strip()
            raise OSError(f"in the guest: {command}: {said or f'status {done.status}'}")
        return done.stdout

    def _live(self) -> ssh.Connection:
        if self._connection is None:
            raise GuestLost(self.ended or "the guest is not up")
        return self._connection

    # --- end ----------------------------------------------------------------------------------

    def autopsy(self, reason: str) -> str:
        """Find out where the guest hangs: one line, and ``state.txt``; empty if it is gone, or nobody knows.

        It may not survive that. ``reason``: why it is given up.
        """
        self.console.poll()
        gone = self._qemu is None or self._qemu.poll() is not None
        if gone or self.console.panic or self.console.flooded:
            return ""
        self._examined_from = self.console.size
        return examine(self._patient(), reason)

    def _patient(self) -> Patient:
        assert self._qemu is not None
        qemu = self._qemu
        return Patient(
            self._directory,
            self.console,
            self._monitor,
            self._kernel.symbols,
            self.slowness,
            self._answers,
            lambda: qemu.poll() is not None,
        )

    def _answers(self, command: str, seconds: float) -> bool:
        if self._connection is None or self._connection.is_silent:
            return False
        try:
            return self._connection.execute(command, timeout=seconds).status == 0
        except (GuestLost, InfrastructureError):
            return False

    def evidence(self) -> str:
        """What the kernel printed by itself: the console up to the ``autopsy``, if there was one."""
        return self.console.text(end=LIMIT if self._examined_from is None else self._examined_from)

    def shutdown(self) -> None:
        """End the guest. Nothing in it is worth waiting for: its root is read-only and its console is on the host."""
        if self._connection is not None:
            self._connection.close()
            self._connection = None
        if self._qemu is not None:
            self._hear_out()
            self._qemu.kill()
            self.console.poll()
        self._monitor.close()

    def _hear_out(self) -> None:
        """Let a kernel that panics say all that it has to say: it reboots then, which ends QEMU."""
        if self.console.panic and self._qemu is not None:
            self._qemu.wait(_LAST_WORDS * self.slowness)
            self.console.poll()

    def __enter__(self) -> VmGuest:
        return self

    def __exit__(self, *exc: object) -> None:
        self.shutdown()


def _tail(said: str, panic: str) -> str:
    """The last lines of a boot that failed: around the ``panic``, whose stacks of all processors come after it."""
    lines = said.splitlines()
    at = next((number for number, line in enumerate(lines) if panic and panic in line), len(lines))
    return "\n".join(lines[: at + _TAIL // 2][-_TAIL:])


def _last_line(log: Path) -> str:
    lines = log.read_text(errors="replace").strip().splitlines()
    if not lines:
        return f"the kernel printed nothing in {_FIRST_LINE:.0f} s"
    return lines[-1].removeprefix("qemu-system-x86_64: ")
