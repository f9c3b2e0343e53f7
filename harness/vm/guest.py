# SPDX-License-Identifier: GPL-2.0-only
"""One guest, from the first byte on its console to the end of its QEMU."""

from __future__ import annotations

import contextlib
import shlex
import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from harness.causes import Blame, Cause
from harness.errors import InfrastructureError
from harness.guest.marks import LISTEN
from harness.interfaces import CommandResult, GuestLost, LineSink
from harness.model import BootOutcome, BootReport, Kernel
from harness.paths import GUEST_CODE
from harness.vm.autopsy import Patient, examine
from harness.vm.blocked import blocked
from harness.vm.command import MachineSpec, checker_options, qemu_command
from harness.vm.console import LIMIT, Console
from harness.vm.host import blamed
from harness.vm.identity import Identity, create_identity, free_port
from harness.vm.pulse import Pulse
from harness.vm.qemu import Qemu
from harness.vm.slowness import slowness

if TYPE_CHECKING:
    from harness.vm import ssh

_BOOT_LIMIT = 30.0  # seconds under KVM
_SILENCE_LIMIT = 10.0  # seconds without an answer from sshd under KVM
_HANDSHAKE_LIMIT = 5.0  # seconds for one try to log in under KVM
_FIRST_LINE = 10.0  # seconds to the kernel's first line; under KVM it takes one
_LAST_WORDS = 2.0  # seconds under KVM for a panic to be printed to its end
_PORT_TAKEN = "Could not set up host forwarding rule"
_PORTS = 5  # tried, one after the other; and starts of QEMU


class NoStart(Exception):
    """The kernel printed nothing: nothing was learned about it. ``str``: QEMU's words.

    ``ended``: QEMU ended by itself, which happens now and then; else it ran, and nothing in it.
    """

    def __init__(self, words: str, ended: bool) -> None:
        self.ended = ended
        super().__init__(words)


class VmGuest:
    """A guest under QEMU; implements ``harness.interfaces.Guest``. ``start`` first, ``shutdown`` in any case."""

    def __init__(self, kernel: Kernel, spec: MachineSpec, directory: Path, qemu_version: str) -> None:
        """``directory``: of this boot alone; gets ``console.log`` and ``qemu.log``."""
        self._kernel = kernel
        self._spec = spec
        self._qemu = Qemu(directory, spec.accel)
        self._qemu_version = qemu_version
        self._incoming: list[str] = []  # options of a QEMU that loads a guest (saved_guest.py)
        self._kept_in: tuple[Path, ...] = ()  # where such a guest is
        self._connection: ssh.Connection | None = None
        self._identity: Identity | None = None
        self._slowness = slowness(spec.accel, kernel)
        self._examined_from: int | None = None
        self._stands_still = self._speaks = False
        self._stuck: set[str] = set()
        self._born = time.time()
        self._limit = _BOOT_LIMIT * self.slowness
        self._port = self._ports = 0
        self._refused = self.ended = self.hangs_in = ""
        self.own_time, self.human = self._qemu.own_time, self._qemu.human
        self._pulse = Pulse(self.own_time)
        self.cause: Cause | None = None

    @property
    def accel(self) -> str:
        return self._spec.accel

    @property
    def blame(self) -> Blame:
        """Whose doing it is that it did not come up."""
        return self.cause.blame if self.cause is not None else Blame.KERNEL

    @property
    def slowness(self) -> float:
        return self._slowness.factor * self._spec.time_factor

    @property
    def slow_features(self) -> tuple[str, ...]:
        """What the kernel checks that time limits are stretched for: "KASAN x3"."""
        return self._slowness.debug

    @property
    def kernel(self) -> Kernel:
        return self._kernel

    @property
    def console(self) -> Console:
        return self._qemu.console

    @property
    def seconds(self) -> float:
        """Wall time since QEMU was started."""
        return time.monotonic() - self._qemu.process.started if self._qemu.was_started else 0.0

    @property
    def cpu_seconds(self) -> float:
        """CPU time of QEMU, after ``shutdown``."""
        return self._qemu.process.cpu_seconds if self._qemu.was_started else 0.0

    @property
    def peak_rss(self) -> int:
        """Bytes of memory that QEMU needed, after ``shutdown``."""
        return self._qemu.process.peak_rss if self._qemu.was_started else 0

    def move_to(self, directory: Path) -> None:
        """Give the directory of this boot another name, which nothing may have yet."""
        self._qemu.move_to(directory)

    # --- boot ---------------------------------------------------------------------------------

    def start(self) -> None:
        """Start QEMU. The boot goes on by itself; ``poll_boot`` tells how far it is."""
        self._qemu.directory.mkdir(parents=True, exist_ok=True)
        self._identity = create_identity(self._qemu.directory, self._kernel)
        self._start_qemu()

    def poll_boot(self) -> BootReport | None:
        """How the boot to a login over ssh ended, None while it goes on.

        A kernel that panics or hangs on the way is a report, not an exception. Raises ``NoStart`` if not even the
        kernel's first line came.
        """
        if not self._speaks or self.console.clock_is_wrong:
            self._speaks = self._first_line()
            return None
        outcome = self._login()
        if outcome is BootOutcome.UP and self.accel == "kvm":
            with contextlib.suppress(GuestLost):  # whoever uses it next will see
                self._pulse.learn(self.live())
        return self._boot_report(outcome) if outcome is not None else None

    def _boot_report(self, outcome: BootOutcome) -> BootReport:
        self._forget_keys()
        seconds = self.seconds
        self._hear_out()
        tail = "" if outcome is BootOutcome.UP else self.console.around_panic(self.evidence())
        return BootReport(
            outcome, self.accel, seconds, self.log, self._qemu_version, tail, self.ended, self.cause, self.hangs_in
        )

    @property
    def log(self) -> str:
        """The console's log, relative to the run directory."""
        directory = self._qemu.directory
        return f"{directory.parent.name}/{directory.name}/console.log"

    def _start_qemu(self) -> None:
        self._ports, self._port = self._ports + 1, free_port()
        ours, shown = checker_options(self._kernel), (self._kernel.image.parent, self._kernel.modules, GUEST_CODE)
        command = qemu_command(self._kernel.image, self._qemu.directory, self._port, self._spec, ours)
        self._qemu.start([*command, *self._incoming], shown, self._kept_in)

    def _first_line(self) -> bool:
        """Has the kernel said anything? Not yet, or QEMU was started anew: False.

        Raises ``NoStart`` if QEMU ended before it did, or if KVM is there but runs nothing. Under TCG a kernel that
        stays silent is a hang, which the boot's deadline finds.
        """
        ended = self._qemu.process.poll() is not None
        self.console.poll()
        if self.console.clock_is_wrong:
            return self._start_for_its_clock()
        if self.console.kernel_started:
            return True
        late = self._qemu.own_time() > _FIRST_LINE
        if ended and self.accel != "kvm" and self.console.size:
            return True
        if ended or (late and self.accel == "kvm"):
            self._start_again()
            return False
        return late

    def _start_again(self) -> None:
        """With another port, if QEMU lacked one; raises ``NoStart`` if that was not why it said nothing."""
        ended = self._qemu.process.poll() is not None
        self._qemu.process.kill()
        if _PORT_TAKEN not in self._qemu.said():
            silent = f"the kernel printed nothing in {self.seconds:.0f} s"
            raise NoStart((ended and self._qemu.last_line()) or silent, ended)
        if self._ports == _PORTS:
            raise InfrastructureError(f"no free port on loopback for the guest's ssh, {_PORTS} times")
        self._start_qemu()

    def _start_for_its_clock(self) -> bool:
        self._qemu.process.kill()
        if self._ports == _PORTS:
            raise InfrastructureError(f"the guest's clock is wrong, {_PORTS} times: the host is too busy")
        self._start_qemu()
        return False

    def _login(self) -> BootOutcome | None:
        """Log in if sshd is there; how the boot ended, None while it goes on."""
        from harness.vm import ssh  # noqa: PLC0415 - paramiko is slow to import: only who logs in pays for it

        try:
            self._qemu.check_alive()
            if self.console.sshd_listening:
                self._connect(ssh.connect)
                return BootOutcome.UP
        except GuestLost as lost:
            self.ended, self.cause = lost.reason, lost.cause
            return BootOutcome.PANIC if self.console.panic else BootOutcome.EXITED
        except ssh.ConnectionFailed as error:
            self._refused = f", last try: {error}"
        return self._too_late() if self._qemu.own_time() > self._limit else None

    def _connect(self, connect: Callable[..., ssh.Connection]) -> None:
        assert self._identity is not None
        left = self._limit - self._qemu.own_time()
        self._connection = connect(
            self._port,
            self._identity.host_key,
            self._identity.client_key,
            timeout=max(1.0, min(left, _HANDSHAKE_LIMIT * self.slowness)),
            check_alive=self._qemu.check_alive,
            silence_limit=_SILENCE_LIMIT * self.slowness,
            clock=self.own_time,
        )

    def _too_late(self) -> BootOutcome:
        self.ended = f"no login within {self._limit:.0f} s{self._refused}"
        place = self.autopsy(self.ended)
        starved = self._qemu.starved()
        self.cause = Cause.MACHINE if starved else Cause.HANG if place else Cause.SILENCE
        self.ended += "".join(f"; {told}" for told in (place, starved) if told)
        return BootOutcome.HANG

    def _forget_keys(self) -> None:
        if self._identity is not None:
            self._identity.forget()
            self._identity = None

    # --- use ----------------------------------------------------------------------------------

    def run(self, command: str, *, timeout: float, on_line: LineSink | None = None) -> CommandResult:
        # In a shell of its own: sshd tells the signal that ends a command in a way that paramiko does not pass on.
        done = self.live().execute(f"({command}\n)\nexit $?", timeout=timeout, sink=on_line)
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
        self.live().silence_limit = seconds

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
            raise GuestLost(f"it can no longer tell its taint flags: {error}", Cause.UNUSABLE) from error

    def crawls(self) -> bool:
        """True if KVM has become far slower than it was when this guest came up. Raises ``GuestLost``."""
        if self.accel != "kvm":
            return False
        try:
            return self._pulse.crawls(self.live())
        except GuestLost:
            self._qemu.check_alive()
            return not self._qemu.starved(self.live().heard)  # it lives, and cannot even begin a command

    def stuck(self) -> tuple[str, ...]:
        """What the kernel would say of tasks that no signal wakes and that do not wake by themselves, each once.

        Raises ``GuestLost``.
        """
        try:
            found = blocked(self._asked, time.sleep, self.slowness, self._stuck)
        except OSError as error:
            raise GuestLost(f"it can no longer tell what its tasks do: {error}", Cause.UNUSABLE) from error
        self._stuck |= found.keys()
        return tuple(found.values())

    def blamed(self, lost: GuestLost) -> GuestLost:
        """``lost``, which is the machine's doing where the files that this guest runs from were replaced.

        So is its silence if the host had no time for it since it was heard last. It is KVM's if the ``autopsy`` found
        that next to nothing runs in this guest.
        """
        if self._stands_still and self.accel == "kvm" and not lost.machine:
            return GuestLost("its processors stand still: it answers neither ssh nor an NMI", Cause.ACCELERATOR)
        heard = self._connection.heard if self._connection is not None else None
        if lost.cause in (Cause.SILENCE, Cause.UNUSABLE) and (starved := self._qemu.starved(heard)):
            return GuestLost(f"{lost.reason}; {starved}", Cause.MACHINE)
        return blamed(lost, self._born)

    def mark(self, text: str) -> None:
        more = f" && {LISTEN}" if text.startswith("start ") else ""
        try:
            self._copy(f"echo {shlex.quote('dmabuf-harness: ' + text)} > /dev/kmsg{more}")
        except OSError as error:
            raise GuestLost(f"it can no longer write to its kernel log: {error}", Cause.UNUSABLE) from error

    def _asked(self, command: str) -> str:
        return self._copy(command).decode("utf-8", "replace")

    def _copy(self, command: str, data: bytes | None = None) -> bytes:
        limit = 20 * self.slowness
        done = self.live().execute(command, timeout=limit, stdin=data)
        if done.status is None:
            raise GuestLost(f"it hangs: {command.split(maxsplit=1)[0]} did not end within {limit:.0f} s", Cause.SILENCE)
        if done.status != 0:
            said = done.stderr.decode("utf-8", "replace").strip()
            raise OSError(f"in the guest: {command}: {said or f'status {done.status}'}")
        return done.stdout

    def live(self) -> ssh.Connection:
        """The connection to it, for more than ``run`` does. Raises ``GuestLost``."""
        if self._connection is None:
            raise GuestLost(self.ended or "the guest is not up", self.cause or Cause.UNUSABLE)
        return self._connection

    # --- end ----------------------------------------------------------------------------------

    def autopsy(self, reason: str) -> str:
        """Find out where the guest hangs: one line, and ``state.txt``; empty if it is gone, or nobody knows.

        ``hangs_in`` is the function there. It may not survive that. ``reason``: why it is given up.
        """
        self.console.poll()
        gone = not self._qemu.was_started or self._qemu.process.poll() is not None
        if gone or self.console.panic or self.console.flooded:
            return ""
        self._examined_from = self.console.size
        found = examine(self._patient(), reason)
        self._stands_still = not found.kernel_ran
        self.hangs_in = found.function
        return found.place

    def _patient(self) -> Patient:
        return Patient(
            self._qemu.directory,
            self.console,
            self._qemu.monitor,
            self._kernel.symbols,
            self.slowness,
            self._answers,
            lambda: self._qemu.process.poll() is not None,
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
        self._hear_out()
        self._qemu.kill()
        self._forget_keys()

    def _hear_out(self) -> None:
        """Let a kernel that panics say all that it has to say: it reboots then, which ends QEMU."""
        if self.console.panic:
            self._qemu.process.wait(_LAST_WORDS * self.slowness)
            self.console.poll()

    def __enter__(self) -> VmGuest:
        return self

    def __exit__(self, *exc: object) -> None:
        self.shutdown()
