# SPDX-License-Identifier: GPL-2.0-only
"""What a check is made of: how it is registered, how it fails, how it is skipped.

A check is a function without arguments that returns if the kernel is right::

    check = Group("udmabuf")

    @check
    def size_must_be_page_aligned() -> None:
        with Udmabuf() as device, Memfd(PAGE) as memory, expect_errno(EINVAL):
            device.create(memory.fileno(), PAGE - 1)

It is then known as ``udmabuf.size-must-be-page-aligned``.
"""

from __future__ import annotations

import errno

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    CheckFunction = Callable[[], None]

_CHECKS: dict[str, CheckFunction] = {}
_UNLISTED: dict[str, CheckFunction] = {}
_PROVOKED: dict[str, tuple[str, ...]] = {}
_MEASUREMENTS: list[str] = []


class CheckFailed(Exception):
    """The kernel did something else than the check asks for; the text says what, in one line.

    ``details``: lines that are shown below it.
    """

    def __init__(self, text: str, details: Sequence[str] = ()) -> None:
        super().__init__(text)
        self.details = details


class CheckSkipped(Exception):
    """The kernel under test lacks what the check needs; the text says what.

    ``not_applicable``: no coverage is lost, as there is nothing of the kind on this kernel.
    """

    def __init__(self, text: str, not_applicable: bool = False) -> None:
        super().__init__(text)
        self.not_applicable = not_applicable


class TimedOut(Exception):
    """Raised once in a check that took too long; not an ``OSError``, so that no check takes it for the kernel's."""


class Group:
    """Decorator that registers checks under ``prefix``; the function's name, with dashes, makes the rest."""

    def __init__(self, prefix: str) -> None:
        self._prefix = prefix

    def __call__(self, function: CheckFunction) -> CheckFunction:
        """Register ``function``. Raises ``ValueError`` if its name is taken: the second would hide the first."""
        name = self._name(function)
        if name in _CHECKS:
            raise ValueError(f"check {name} is defined twice")
        _CHECKS[name] = function
        return function

    def provokes(self, *places: str) -> Callable[[CheckFunction], CheckFunction]:
        """Decorator for a check that makes the kernel warn in one of the functions ``places``.

        That warning is no trouble, any other is; and one that does not come makes the check fail.
        """

        def register(function: CheckFunction) -> CheckFunction:
            _PROVOKED[self._name(function)] = places
            return self(function)

        return register

    def _name(self, function: CheckFunction) -> str:
        return f"{self._prefix}.{function.__name__.replace('_', '-')}"


def registered() -> dict[str, CheckFunction]:
    """The checks that were defined so far, by name; also those that no list has."""
    return {**_CHECKS, **_UNLISTED}


def register_unlisted(name: str, function: CheckFunction) -> None:
    """Make ``function`` a check that can be run by its whole name, and that ``all_checks`` leaves out."""
    _UNLISTED[name] = function


def provoked(name: str) -> tuple[str, ...]:
    """What check ``name`` provokes (see ``Group.provokes``); nothing, for most."""
    return _PROVOKED.get(name, ())


def measurement(text: str) -> None:
    """Have one line with a measured value shown with the running check's result."""
    _MEASUREMENTS.append(text)


def take_measurements() -> list[str]:
    """The measurements told since the last call."""
    taken = list(_MEASUREMENTS)
    _MEASUREMENTS.clear()
    return taken


def skip(why: str) -> None:
    """End the running check as skipped: the kernel lacks something, and so is not tested."""
    raise CheckSkipped(why)


def does_not_apply(why: str) -> None:
    """End the running check as skipped without loss: what it checks is not promised on this kernel."""
    raise CheckSkipped(f"does not apply: {why}", not_applicable=True)


def expect(condition: bool, otherwise: str) -> None:
    """Fail with the text ``otherwise`` unless ``condition``."""
    if not condition:
        raise CheckFailed(otherwise)


def expect_equal(what: str, got: object, want: object) -> None:
    """Fail unless ``got == want``; ``what`` names the value. Long byte strings are shown where they first differ."""
    if got == want:
        return
    if isinstance(got, bytes) and isinstance(want, bytes) and len(got) == len(want):
        at = next(index for index, (one, two) in enumerate(zip(got, want, strict=True)) if one != two)
        raise CheckFailed(f"{what}: byte {at} is {got[at]:#04x}, expected {want[at]:#04x}")
    raise CheckFailed(f"{what} is {got!r}, expected {want!r}")


def errno_name(code: int) -> str:
    """ "EINVAL" for 22."""
    return errno.errorcode.get(code, str(code))


class expect_errno:  # lower case: reads as a statement: with expect_errno(EINVAL): ...
    """Context manager: the block must end with an ``OSError`` of one of ``codes``."""

    def __init__(self, *codes: int) -> None:
        self._codes = codes

    def __enter__(self) -> None:
        pass

    def __exit__(self, _kind: object, error: BaseException | None, _traceback: object) -> bool:
        wanted = " or ".join(errno_name(code) for code in self._codes)
        if error is None:
            raise CheckFailed(f"expected {wanted}, but the call succeeded")
        if not isinstance(error, OSError) or error.errno is None:
            return False
        if error.errno not in self._codes:
            raise CheckFailed(f"expected {wanted}, got {errno_name(error.errno)}") from error
        return True


class absent_is_skipped:  # lower case: reads as a statement
    """Context manager: ``ENOTTY`` from the block means that this kernel does not have the call ``name`` yet."""

    def __init__(self, name: str) -> None:
        self._name = name

    def __enter__(self) -> None:
        pass

    def __exit__(self, _kind: object, error: BaseException | None, _traceback: object) -> None:
        if isinstance(error, OSError) and error.errno == errno.ENOTTY:
            raise CheckSkipped(f"{self._name} is not in this kernel") from error
