# SPDX-License-Identifier: GPL-2.0-only
"""A walk as a check: lines that a person can read, and put into harness/guest/checks/."""

from __future__ import annotations

from harness.guest.walks.steps import WRITE, error_name
from harness.guest.walks.walking import LEFT_BEHIND

TYPE_CHECKING = False
if TYPE_CHECKING:
    from harness.guest.walks.steps import Step
    from harness.guest.walks.walking import Walked

_ACCESS: dict[str | int, str] = {1: "READ", 2: "WRITE", 3: "BOTH"}
_EVENTS: dict[str | int, str] = {1: "READABLE", 4: "WRITABLE", 5: "READABLE | WRITABLE"}
_BUFFERS: dict[str | int, str] = {
    "udmabuf": "udmabuf()",
    "heap": "heap.allocate(PAGE)",
    "vgem": "node.export(node.create_dumb(16, 16).handle)",
    "probe": "probe.export(PAGE)",
}
_CALLS = {
    "timeline": "Timeline()",
    "advance": "{on}.advance({first})",
    "fence": "{on}.fence({first})",
    "merge": '{on}.merge({first}.fileno(), b"{second}")',
    "status": "{on}.status()",
    "list": "{on}.file_info_with_fences()",
    "poll": "{on}.poll(READABLE | WRITABLE)",
    "set-deadline": "{on}.set_deadline({first})",
    "get-deadline": "{on}.deadline({first})",
    "buffer": "{kind}",
    "import": "{on}.import_sync_file({access}, {first}.fileno())",
    "export": "{on}.export_sync_file({access})",
    "poll-buffer": "{on}.poll({events})",
    "sync": "interrupted_sync({on}, {access})",
    "sync-end": "{on}.sync(DMA_BUF_SYNC_END | {access})",
    "rename": '{on}.set_name(b"{first}")',
    "ask-name": '{on}.info().get("name", "")',
    "open-handle": "node.import_fd({on}.fileno())",
    "close-handle": "node.close_handle({on})",
    "attach-fence": "node.attach_fence({on}, {flags})",
    "signal-fence": "node.signal_fence({on})",
    "attach": "probe.attach({on}.fileno(), DMABUF_PROBE_IMPORT_STATIC)",
    "detach": "{on}.detach()",
}
_DEVICES = {"heap": "Heap() as heap", "node": "vgem() as node", "probe": "Probe() as probe"}


def as_check(walked: Walked, name: str, origin: str) -> list[str]:
    """Lines of a check called ``name`` that does what ``walked`` did and fails where that differs.

    ``origin``: which walk it was.
    """
    devices = [opened for device, opened in _DEVICES.items() if any(device in _text(step) for step in walked.steps)]
    lines = ["@check", f"def {name}() -> None:", f'    """Found by {origin}."""']
    body = _Body(devices)
    for step, error in zip(walked.steps[:-1], walked.errors, strict=False):
        body.add(step, error)
    body.end(walked)
    return lines + body.lines


class _Body:
    """Lines of a function; what is opened one after the other shares a ``with``."""

    def __init__(self, devices: list[str]) -> None:
        self.lines: list[str] = []
        self._opened = devices
        self._depth = 1

    def add(self, step: Step, error: int) -> None:
        text = _text(step)
        if error:
            self._say(f"with expect_errno({error_name(error)}):", f"    {text}")
        elif step.makes[:1] in ("t", "s", "b"):
            self._opened.append(f"{text} as {step.makes}")
        elif step.makes:
            self._say(f"{step.makes} = {text}")
        else:
            self._say(text)

    def end(self, walked: Walked) -> None:
        """The step that differs, as what it should be."""
        step, difference = walked.steps[-1], walked.difference
        assert difference is not None
        if difference.aspect == LEFT_BEHIND:
            self.add(step, walked.errors[-1])
            self._say(f"pass  # {difference}")
            return
        if difference.aspect == "result":
            wanted = "" if difference.want == "success" else f"with expect_errno({difference.want}):"
            self._say(*([wanted, f"    {_text(step)}"] if wanted else [_text(step)]))
            return
        looked = _looked(step, difference.aspect)
        if isinstance(difference.want, int) and difference.aspect != "fences":
            self._say(f'expect_equal("{difference.aspect}", {looked}, {difference.want})')
        elif difference.aspect == "name":
            self._say(f'expect_equal("name", {looked}, "{difference.want}")')
        else:
            self._say(f"got = {looked}", f'expect_equal("{difference.aspect}", got, ...)  # {difference}')

    def _say(self, *lines: str) -> None:
        if self._opened:
            whole = f"with {', '.join(self._opened)}:"
            if len(whole) + 4 * self._depth <= 100:
                self._put(whole)
            else:
                self._put("with (", *(f"    {opened}," for opened in self._opened), "):")
            self._opened = []
            self._depth += 1
        self._put(*lines)

    def _put(self, *lines: str) -> None:
        self.lines += ["    " * self._depth + line for line in lines]


def _text(step: Step) -> str:
    """The call as Python."""
    on, first, second = (*step.operands, "", "", "")[:3]
    words = {
        "kind": _BUFFERS.get(on, ""),
        "access": _ACCESS.get(first if isinstance(first, int) else second, ""),
        "events": _EVENTS.get(first, ""),
        "flags": "VGEM_FENCE_WRITE" if first == WRITE else "0",
    }
    return _CALLS.get(step.call, "{on}.close()").format(on=on, first=first, second=second, **words)


def _looked(step: Step, aspect: str) -> str:
    """Python for what differs."""
    on = step.operands[0]
    if aspect in ("fences", "a fence"):
        return f"[(fence.timeline, fence.status) for fence in {on}.file_info_with_fences()[1]]"
    if aspect == "status" and step.call == "list":
        return f'sync_file_info.number({on}.file_info_with_fences()[0], "status")'
    if aspect == "name" and step.call in ("status", "list"):
        return f"{on}.name()"
    return _text(step)
