# SPDX-License-Identifier: GPL-2.0-only
"""Results of version 1, which told in words alone why a test is bad, and had other keys. Nothing else reads those.

What does not have the shape that it should have is left as it is: the reader of today says what is wrong with it.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

from harness.causes import Cause, Status

_AGAIN = "; again: "
_HANGS = re.compile(r"(?:^|; )hangs in ([\w.]+)")
_LOST = re.compile(r"(?:guest lost|lost after the last test|no result, by a fault of the check: guest lost): ")
# How the words began; the first that fits counts.
_OF_LOSS = (
    (re.compile(r".*; packages of the host, whose files are the guest's, were changed"), Cause.MACHINE),
    (re.compile(r"QEMU was (?:killed or failed|ended from outside)"), Cause.MACHINE),
    (re.compile(r"KVM (?:failed|crawls)|.*its processors stand still"), Cause.ACCELERATOR),
    (re.compile(r"a failure that the harness injected missed the call under test"), Cause.INJECTION),
    (re.compile(r"panic: |Kernel panic"), Cause.PANIC),
    (re.compile(r"the guest ended by itself"), Cause.EXIT),
    (re.compile(r"the console floods"), Cause.FLOOD),
    (re.compile(r".*(?:^|; )hangs in "), Cause.HANG),
    (re.compile(r"no answer for |it hangs|no login within "), Cause.SILENCE),
    (re.compile(r"sshd was ended in the guest|the ssh connection was lost"), Cause.CONNECTION),
    (re.compile(r"the runner ended "), Cause.PROCESS),
    (re.compile(r"still ran after "), Cause.TIME_LIMIT),
    (re.compile(r""), Cause.UNUSABLE),
)
_OF_TEST = (
    (re.compile(r"(?:timed out|stopped at its time limit|still ran) after |killed by signal 9\b"), Cause.TIME_LIMIT),
    (re.compile(r"killed by signal "), Cause.SIGNAL),
    (re.compile(r"(?:the runner|pytest) ended "), Cause.PROCESS),
    (re.compile(r"kernel report: "), Cause.REPORT),
    (re.compile(r"passes on the base, and is skipped with the patch"), Cause.SKIPPED),
    (re.compile(r"the base has this test, and the kernel with the patch has not$"), Cause.GONE),
    (re.compile(r".* was not built from this tree$"), Cause.NOT_BUILT),
)
_RENAMED = {"moot": "not_applicable", "figures": "measurements"}
_BAD = {status.value for status in Status if status.is_bad}


def with_causes(run: object) -> object:
    """The run of a ``results.json`` of version 1, as version 2 has it."""
    if not isinstance(run, dict):
        return run
    changed = _each(run, "variants", _variant)
    changed = _each(changed, "base_variants", _variant)
    return _one(changed, "static", _variant)


def guest_with_causes(attempt: dict[str, Any]) -> dict[str, Any]:
    """What one guest showed to a walk, likewise."""
    return _boot(_each(attempt, "results", _result))


def manner_with_cause(manner: str) -> str:
    """The manner of a failure in a symptom: a guest that was lost without a report or a place is told by the cause."""
    how, _, told = manner.partition(": ")
    if how not in ("lost", "error", "panic", "hang", "exited") or _is_told_by_value(told):
        return manner
    if how != "error":
        return f"{how}: {_cause_of_loss(told).value}"
    cause = cause_of(how, told) or Cause.PROCESS
    return manner if cause is Cause.NOT_BUILT else f"lost: {cause.value}"


def _is_told_by_value(told: str) -> bool:
    return bool(_HANGS.match(told)) or all(re.fullmatch(r"[a-z-]+-[0-9a-f]{12}", one) for one in told.split(", "))


def cause_of(status: str, message: str) -> Cause | None:
    """None if it is not bad, or if nothing but the test itself says so."""
    if status not in _BAD:
        return None
    if lost := _LOST.match(message):
        return _cause_of_loss(message[lost.end() :])
    return next((cause for words, cause in _OF_TEST if words.match(message)), None)


def _cause_of_loss(reason: str) -> Cause:
    return next(cause for words, cause in _OF_LOSS if words.match(reason))


# --- the shape of a run -----------------------------------------------------------------------


def _variant(variant: dict[str, Any]) -> dict[str, Any]:
    changed = _each(variant, "results", _result)
    changed = _each(changed, "boots", _boot)
    return _one(changed, "comparison", _comparison)


def _result(result: dict[str, Any]) -> dict[str, Any]:
    status, message = _text(result, "status"), _text(result, "message")
    cause = cause_of(status, message)
    place = _HANGS.search(message) if cause is Cause.HANG else None
    reported = status in _BAD and "kernel report: " in message + _text(result, "output")
    return {
        **{_RENAMED.get(key, key): value for key, value in result.items()},
        "cause": cause.value if cause is not None else None,
        "hangs_in": place[1] if place else "",
        "reported": reported,
    }


def _boot(boot: dict[str, Any]) -> dict[str, Any]:
    ended = _text(boot, "ended")
    lost = boot.get("outcome") != "up" or ", during " in ended
    place = _HANGS.search(ended)
    cause = _cause_of_loss(ended).value if lost and ended else None
    return {**boot, "cause": cause, "hangs_in": place[1] if lost and place else ""}


def _comparison(comparison: dict[str, Any]) -> dict[str, Any]:
    against, _, again = _text(comparison, "against").partition(_AGAIN)
    told = {"against": against, "again": again} if again else {}
    return {**_each(comparison, "differences", _difference), **told}


def _difference(one: dict[str, Any]) -> dict[str, Any]:
    if one.get("suite") == "kernel":
        return one
    sides = {"on_base": _observed(_text(one, "base")), "with_patch": _observed(_text(one, "patched"))}
    return {**one, **sides}


def _observed(words: str) -> dict[str, Any] | None:
    """What ``words`` tell of a test, None if there was no such test."""
    status, _, message = words.partition(": ")
    if words == "never ran":
        status, message = Status.MISSING.value, ""
    if status not in {one.value for one in Status}:
        return None
    cause = cause_of(status, message)
    return {"status": status, "cause": cause.value if cause is not None else None, "message": message}


def _text(record: dict[str, Any], key: str) -> str:
    value = record.get(key, "")
    return value if isinstance(value, str) else ""


def _each(record: dict[str, Any], key: str, change: Callable[[dict[str, Any]], dict[str, Any]]) -> dict[str, Any]:
    items = record.get(key)
    if not isinstance(items, list):
        return record
    return {**record, key: [change(item) if isinstance(item, dict) else item for item in items]}


def _one(record: dict[str, Any], key: str, change: Callable[[dict[str, Any]], dict[str, Any]]) -> dict[str, Any]:
    item = record.get(key)
    return {**record, key: change(item)} if isinstance(item, dict) else record
