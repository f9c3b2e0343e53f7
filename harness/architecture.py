# SPDX-License-Identifier: GPL-2.0-only
"""The architecture of the kernels under test: all that is not the same on another one is a field of this value.

What reads reports and registers in the words of the machine has no field, and would get a sibling: ``splat/stack.py``,
``vm/stacks.py`` ("RIP: ", names of registers), ``guest/armed_calls.py`` (machine code), ``guest/waiting.py`` and
``guest/memory.py`` (numbers of system calls, flags of mmap).
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class StackLayout:
    """How a halted processor's stack is read. Addresses; offsets in ``struct pt_regs`` in bytes.

    ``instruction``, ``frame``: registers, as QEMU's "info registers" names them; ``halted``: its flag of an idle one.
    """

    instruction: str
    frame: str
    halted: str
    kernel_half: int
    modules: int
    saved_frame: int
    saved_instruction: int


@dataclass(frozen=True)
class Architecture:
    """``name``: as in the triple of its compiler. ``source_name``: of its folder below arch/ (SRCARCH).

    ``compiler_prefix``: before gcc, ld, nm, ...; "" for the host's own (CROSS_COMPILE). ``make_target``: makes the
    image, which is ``image`` in the object tree. ``config``: fragment in ``kernel-configs/``.
    ``emulator``: QEMU's program. ``virtme_options``: what makes virtme-run choose the machine that ``config`` is for.
    ``console``: the serial port, as the kernel calls it. ``emulated_options``: of the kernel's command line under TCG.
    ``debian``: its name in the Debian archive.
    """

    name: str
    source_name: str
    compiler_prefix: str
    make_target: str
    image: str
    config: str
    emulator: str
    virtme_options: tuple[str, ...]
    console: str
    emulated_options: tuple[str, ...]
    debian: str
    stack: StackLayout

    def tool(self, name: str) -> str:
        """The program ``name`` ("gcc", "objcopy") for this architecture."""
        return self.compiler_prefix + name

    def owns(self, path: str) -> bool:
        """False for a file of the kernel's source, below arch/, that belongs to other architectures."""
        parts = path.split("/")
        return parts[0] != "arch" or len(parts) < 3 or parts[1] == self.source_name


ARCHITECTURE = Architecture(
    name="x86_64",
    source_name="x86",
    compiler_prefix="",
    make_target="vmlinux",
    image="vmlinux",  # PVH boots the ELF file itself
    config="x86_64.config",
    emulator="qemu-system-x86_64",
    virtme_options=("--disable-microvm",),  # q35
    console="ttyS0",
    # A vCPU that sees no timer tick for 10 ms early in its boot panics with "IO-APIC + timer doesn't work!"
    # (arch/x86/kernel/apic/io_apic.c, timer_irq_works()); as a guest of KVM the kernel leaves that test out by itself
    # (kernel/kvm.c).
    emulated_options=("no_timer_check",),
    debian="amd64",
    stack=StackLayout(
        instruction="RIP",
        frame="RBP",
        halted="HLT",
        kernel_half=0xFFFF800000000000,  # where kernel addresses begin
        modules=0xFFFFFFFFA0000000,  # MODULES_VADDR without KASLR, Documentation/arch/x86/x86_64/mm.rst
        saved_frame=4 * 8,  # arch/x86/include/asm/ptrace.h
        saved_instruction=16 * 8,
    ),
)
"""The one that kernels are built for."""
