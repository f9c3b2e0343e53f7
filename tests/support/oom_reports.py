# SPDX-License-Identifier: GPL-2.0-only
"""What a kernel that kills for a page fault without memory prints (the wording and the stack are those of 5.6)."""

from __future__ import annotations

_REGISTERS = """\
[   20.000012] RSP: 002b:00007ffd3ad27c30 EFLAGS: 00010206
[   20.000013] RAX: 00007f2b6a1c0010 RBX: 0000000000000001 RCX: 0000000000000000
"""
IN_USER_SPACE = f"""\
[   20.000001] python3 invoked oom-killer: gfp_mask=0x0(), order=0, oom_score_adj=0
[   20.000002] CPU: 1 PID: 97 Comm: python3 Not tainted 5.6.4 #1
[   20.000003] Call Trace:
[   20.000004]  dump_stack+0x8f/0xd0
[   20.000005]  dump_header+0x57/0x3f1
[   20.000006]  oom_kill_process.cold+0xb/0x10
[   20.000007]  out_of_memory+0x12f/0x4d0
[   20.000008]  pagefault_out_of_memory+0x62/0x80
[   20.000009]  do_page_fault+0x3a4/0x6b0
[   20.000010]  page_fault+0x34/0x40
[   20.000011] RIP: 0033:0x55d0c0ffee12
{_REGISTERS}\
[   20.000020] Mem-Info:
[   20.000021] active_anon:2309 inactive_anon:81 isolated_anon:0
[   20.000022] Tasks state (memory values in pages):
[   20.000023] oom-kill:constraint=CONSTRAINT_NONE,nodemask=(null),task=python3,pid=97,uid=0
[   20.000024] Out of memory: Killed process 97 (python3) total-vm:16340kB, anon-rss:8012kB, file-rss:6028kB
"""
IN_A_CALL = IN_USER_SPACE.replace(
    "[   20.000011] RIP",
    "[   20.000011]  vgem_fault+0x10/0x90\n[   20.000011]  do_syscall_64+0x5f/0x220\n"
    "[   20.000011]  entry_SYSCALL_64_after_hwframe+0x49/0xbe\n[   20.000011] RIP",
)
