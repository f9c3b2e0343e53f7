# SPDX-License-Identifier: GPL-2.0-only
"""Fetching over HTTP: small files whole, large ones in parts that a later run takes up again."""

from __future__ import annotations

import hashlib
import http.client
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import cast

from harness.errors import InfrastructureError
from harness.machine_failures import disk_trouble
from harness.source.mirrors import SETTING, apt_proxies

Notify = Callable[[str], None]
_TIMEOUT = 30.0  # seconds without a byte
_CHUNK = 1 << 18
_ATTEMPTS = 4  # in a row without progress
_NETWORK_TROUBLE = (urllib.error.URLError, http.client.HTTPException, TimeoutError, ConnectionError)


class Unreachable(InfrastructureError):
    """The server does not answer, or answers with an error of its own."""


def fetch_bytes(url: str, setting: str = SETTING) -> bytes | None:
    """The whole of a small file, or None if the server does not have it. Raises ``Unreachable``.

    ``setting``: the environment variable that names another server, for the message.
    """
    with _reported(url, setting), _absent_is_none(), _open(url) as response:
        return response.read()
    return None


def size_of(url: str, setting: str = SETTING) -> int | None:
    """Bytes of a file as the server says, or None if it does not have it. Otherwise as ``fetch_bytes``."""
    with _reported(url, setting), _absent_is_none(), _open(url, method="HEAD") as response:
        said = response.headers.get("Content-Length", "")
        if not said.isdecimal():
            raise Unreachable("does not say how large it is", where=url, hint=_hint(setting))
        return int(said)
    return None


@contextmanager
def _absent_is_none() -> Iterator[None]:
    """End the block quietly if the server does not have the file."""
    try:
        yield
    except urllib.error.URLError as error:
        if getattr(error, "code", 0) not in (403, 404, 410) and not isinstance(error.reason, FileNotFoundError):
            raise


@dataclass(frozen=True)
class _Wanted:
    """A file to fetch. ``size`` in bytes, ``pause`` in seconds."""

    url: str
    size: int
    pause: float
    setting: str


def fetch_file(
    url: str,
    target: Path,
    *,
    size: int,
    sha256: str,
    notify: Notify,
    pause: float = 1.0,
    setting: str = SETTING,
) -> None:
    """Fetch ``url`` into ``target``, unless a run before did; resumes the ``target``.part that one left.

    ``size`` in bytes. ``pause``: seconds before trying again after the connection broke. ``setting``: as above.
    Raises ``Unreachable``, or ``InfrastructureError`` if what comes does not have the checksum.
    """
    if target.exists() and _sha256(target) == sha256:
        return
    part = target.with_name(target.name + ".part")
    wanted = _Wanted(url, size, pause, setting)
    resumed = part.exists()
    _complete(wanted, part, notify)
    if _sha256(part) != sha256 and resumed:
        # The part was of another file, or damaged: only a whole new one tells whether the server is to blame.
        part.unlink()
        _complete(wanted, part, notify)
    if _sha256(part) != sha256:
        part.unlink()
        raise InfrastructureError("has not the checksum that the index names", where=url, hint="run again")
    part.replace(target)


def _complete(wanted: _Wanted, part: Path, notify: Notify) -> None:
    """Append to ``part`` until it holds ``wanted.size`` bytes."""
    url, size = wanted.url, wanted.size
    idle = 0
    while (before := _length(part)) != size:
        trouble: Exception | None = None
        try:
            _append(url, part, size, notify)
        except _NETWORK_TROUBLE as error:
            trouble = error
        idle = 0 if _length(part) > before else idle + 1
        if _length(part) == size:
            return
        if idle >= _ATTEMPTS or _refused(trouble):
            reason = _reason(trouble) if trouble else "it ends early"
            raise Unreachable(f"cannot be fetched whole: {reason}", where=url, hint=_hint(wanted.setting)) from trouble
        time.sleep(wanted.pause)


def _append(url: str, part: Path, size: int, notify: Notify) -> None:
    """One request for what ``part`` lacks; returns when the server ends it."""
    if _length(part) > size:
        part.unlink()
    start = _length(part)
    headers = {"Range": f"bytes={start}-"} if start else {}
    with _open(url, headers) as response, disk_trouble(part), part.open("ab") as out:
        content_range = response.headers.get("Content-Range", "")
        if not content_range.startswith(f"bytes {start}-"):
            out.truncate(0)  # it sends the whole file, whatever was asked for
            start = 0
        for chunk in _chunks(response):
            out.write(chunk)
            start += len(chunk)
            notify(f"{start / 1e6:.0f} MB of {size / 1e6:.0f} MB")


def _chunks(response: http.client.HTTPResponse) -> Iterator[bytes]:
    return iter(lambda: response.read(_CHUNK), b"")


def _open(url: str, headers: dict[str, str] | None = None, method: str = "GET") -> http.client.HTTPResponse:
    """The environment's proxies come first, then apt's."""
    proxies = {**apt_proxies(), **urllib.request.getproxies()}
    opener = urllib.request.build_opener(urllib.request.ProxyHandler(proxies))
    told = {"User-Agent": "dmabuf-harness", **(headers or {})}
    request = urllib.request.Request(url, headers=told, method=method)
    return cast(http.client.HTTPResponse, opener.open(request, timeout=_TIMEOUT))


@contextmanager
def _reported(url: str, setting: str) -> Iterator[None]:
    try:
        yield
    except _NETWORK_TROUBLE as error:
        raise Unreachable(f"cannot be reached: {_reason(error)}", where=url, hint=_hint(setting)) from error


def _hint(setting: str) -> str:
    return f"check the network (or set {setting}) and run again: what was fetched is kept"


def _refused(trouble: Exception | None) -> bool:
    """The server understood and will not: asking again is of no use."""
    return isinstance(trouble, urllib.error.HTTPError) and 400 <= trouble.code < 500


def _reason(error: Exception) -> str:
    if isinstance(error, urllib.error.HTTPError):
        return f"HTTP {error.code}"
    reason = getattr(error, "reason", None) or error
    return str(getattr(reason, "strerror", None) or reason) or type(error).__name__


def _length(path: Path) -> int:
    return path.stat().st_size if path.exists() else 0


def _sha256(path: Path) -> str:
    with path.open("rb") as handle:
        return hashlib.file_digest(handle, "sha256").hexdigest()
