# SPDX-License-Identifier: GPL-2.0-only
"""Stacks are read as the kernel prints them, in all its ways."""

from __future__ import annotations

import pytest

from harness.splat.stack import RawFrame, Stack, main_stack, plain_name, stacks

WARN = """------------[ cut here ]------------
WARNING: CPU: 0 PID: 59 at /srv/planted/splats.c:20 i+0x18d/0x1000 [splats]
CPU: 0 UID: 0 PID: 59 Comm: insmod Tainted: G           O       6.12.117 #1
RIP: 0010:i+0x18d/0x1000 [splats]
Code: e1 48 8b 1d 45 c0 ff ff <0f> 0b 48 8b
RSP: 0018:ffffc90000153d20 EFLAGS: 00000282
PKRU: 55555554
Call Trace:
 <TASK>
 ? 0xffffffffa0004000
 ? __warn+0x1/0x2
 do_one_initcall.isra.0+0xc4/0x1fd
 __x64_sys_finit_module+0x4e/0x68
 entry_SYSCALL_64_after_hwframe+0x4b/0x53
RIP: 0033:0x7f2dd7a63829
Code: 08 89 e8 5b 5d c3
RSP: 002b:00007ffc2fa2eff8 EFLAGS: 00000246 ORIG_RAX: 0000000000000139
 </TASK>
hardirqs last  enabled at (4921): [<ffffffff8109a6d2>] __up_console_sem+0x4e/0x50
---[ end trace 0000000000000000 ]---"""

CIRCULAR = """WARNING: possible circular locking dependency detected
sh/70 is trying to acquire lock:
ffffffffa0003268 (mutex_a){+.+.}-{3:3}, at: take_ba+0x20/0x40 [planted]

-> #1 (mutex_b){+.+.}-{3:3}:
       __mutex_lock+0xba/0xce0
       take_ab+0x20/0x40 [planted]

-> #0 (mutex_a){+.+.}-{3:3}:
       __lock_acquire+0x1603/0x2660
       take_ba+0x20/0x40 [planted]

stack backtrace:
CPU: 0 UID: 0 PID: 70 Comm: sh Tainted: G           O       6.12.117 #1
Call Trace:
 dump_stack_lvl+0x6b/0xa0
 take_ba+0x20/0x40 [planted]"""


def test_registers_are_the_innermost_frame_and_user_space_is_none() -> None:
    (stack,) = stacks(WARN)
    assert stack == Stack(
        "Call Trace:",
        (
            RawFrame("i", 0x18D, 0x1000, "splats", exact=True),
            RawFrame("__warn", 1, 2, sure=False),
            RawFrame("do_one_initcall.isra.0", 0xC4, 0x1FD),
            RawFrame("__x64_sys_finit_module", 0x4E, 0x68),
            RawFrame("entry_SYSCALL_64_after_hwframe", 0x4B, 0x53),
        ),
        is_trace=True,
    )


def test_every_stack_of_a_lockdep_report_has_the_line_above_it() -> None:
    found = stacks(CIRCULAR)
    assert [stack.label for stack in found] == [
        "-> #1 (mutex_b){+.+.}-{3:3}:",
        "-> #0 (mutex_a){+.+.}-{3:3}:",
        "Call Trace:",
    ]
    assert [frame.function for frame in main_stack("lockdep", CIRCULAR)] == ["dump_stack_lvl", "take_ba"]


def test_of_other_reports_the_first_stack_counts() -> None:
    two = "BUG: KASAN: x\nCall Trace:\n f+0x1/0x2\n\nAllocated by task 63:\n g+0x1/0x2\nCall Trace:\n h+0x1/0x2"
    assert [frame.function for frame in main_stack("kasan", two)] == ["f"]
    assert [frame.function for frame in main_stack("lockdep", two)] == ["h"]


def test_an_interrupted_context_in_the_middle_of_a_stack_belongs_to_it() -> None:
    text = (
        "Call Trace:\n <IRQ>\n dump_stack+0x1/0x2\n asm_sysvec+0x1/0x2\n </IRQ>\n <TASK>\nRIP: 0010:spin+0x5/0x9 [m]\n"
        "Code: 90\nRSP: 0018:ffffc90000153d20 EFLAGS: 00000282\nRAX: 0 RBX: 0\n ioctl+0x1/0x2"
    )
    (stack,) = stacks(text)
    assert [frame.function for frame in stack.frames] == ["dump_stack", "asm_sysvec", "spin", "ioctl"]


def test_without_a_call_trace_the_registers_tell() -> None:
    text = "Oops: double fault: 0000 [#1]\nRIP: 0010:recurse+0x1/0x40\nRSP: 0018:0 EFLAGS: 0"
    assert main_stack("oops", text) == (RawFrame("recurse", 1, 0x40, exact=True),)
    assert main_stack("warn", "nothing") == ()


@pytest.mark.parametrize(
    ("line", "frame"),
    [
        (" foo+0x1a/0x40", RawFrame("foo", 0x1A, 0x40)),
        ("       foo+0x1a/0x40 [my-module]", RawFrame("foo", 0x1A, 0x40, "my-module")),
        (" foo.cold+0x0/0x4 [m 0123456789abcdef]", RawFrame("foo.cold", 0, 4, "m")),
        (" ? foo+0x1a/0x40", RawFrame("foo", 0x1A, 0x40, sure=False)),
        (" _RNvNtCs9_4core3fmt5write+0x1/0x2", RawFrame("_RNvNtCs9_4core3fmt5write", 1, 2)),
    ],
)
def test_frames(line: str, frame: RawFrame) -> None:
    assert main_stack("warn", f"Call Trace:\n{line}") == (frame,)


@pytest.mark.parametrize("line", ["foo+0x1a/0x40", " foo", " 0xffffffffa0004000", " foo+0x1a", " lock(foo+0x1/0x2);"])
def test_no_frames(line: str) -> None:
    assert stacks(f"Call Trace:\n{line}") == ()


@pytest.mark.parametrize(
    ("name", "plain"),
    [
        ("foo", "foo"),
        ("foo.isra.0", "foo"),
        ("foo.constprop.0.isra.12", "foo"),
        ("foo.part.1.cold", "foo"),
        ("foo.llvm.123456", "foo"),
        ("__pfx_foo", "foo"),
        ("foo.partial", "foo.partial"),
    ],
)
def test_what_the_compiler_adds_to_a_name_goes(name: str, plain: str) -> None:
    assert plain_name(name) == plain
