# SPDX-License-Identifier: GPL-2.0-only
"""Where the Debian archive is: told by the machine's own apt configuration (sources.list(5)) or a setting."""

from __future__ import annotations

import os
import re
import shlex
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from harness import process
from harness.errors import InfrastructureError

SETTING = "DMABUF_HARNESS_MIRROR"
_RELEASES = frozenset(
    {"oldoldstable", "oldstable", "stable", "testing", "unstable", "sid"}
    | {"bullseye", "bookworm", "trixie", "forky", "duke"}
)


@dataclass(frozen=True)
class Archive:
    """``mirrors``: addresses without a final slash. ``suites``: those that the machine itself names."""

    mirrors: tuple[str, ...]
    suites: tuple[str, ...] = ()


def find_archive(etc: Path = Path("/etc/apt")) -> Archive:
    """The archive's addresses: ``$DMABUF_HARNESS_MIRROR`` (several: separated by spaces), else apt's.

    Raises ``InfrastructureError`` if neither names one.
    """
    setting = os.environ.get(SETTING, "").split()
    if setting:
        return Archive(_with_security(setting))
    entries = [(uri, suite) for path in _source_files(etc) for uri, suite in _entries(path)]
    if not entries:
        raise InfrastructureError(
            "names no Debian mirror", where=str(etc), hint=f"set {SETTING} to one, or use a base of kind dir: or git:"
        )
    return Archive(_with_security([uri for uri, _ in entries]), tuple(dict.fromkeys(suite for _, suite in entries)))


def apt_proxies() -> dict[str, str]:
    """Scheme to proxy address, as apt is configured; empty without apt."""
    if process.which("apt-config") is None:
        return {}
    wanted = [word for scheme in ("http", "https") for word in (scheme, f"Acquire::{scheme}::Proxy")]
    done = process.run(["apt-config", "shell", *wanted])
    pairs = (word.partition("=") for word in shlex.split(done.stdout))
    return {scheme: value for scheme, _, value in pairs if value and value != "DIRECT"}


def _with_security(uris: list[str]) -> tuple[str, ...]:
    """Each once. Mirrors keep ``debian-security`` beside ``debian``: look there if the machine names none."""
    mirrors = [uri.rstrip("/") for uri in uris]
    if not any("security" in uri for uri in mirrors):
        mirrors += [f"{uri}-security" for uri in mirrors if uri.endswith("/debian")]
    return tuple(dict.fromkeys(mirrors))


def _source_files(etc: Path) -> list[Path]:
    parts = etc / "sources.list.d"
    files = [etc / "sources.list", *sorted(parts.glob("*.list")), *sorted(parts.glob("*.sources"))]
    return [path for path in files if path.is_file()]


def _entries(path: Path) -> Iterator[tuple[str, str]]:
    """(address, suite) of each entry that is a release of Debian with its ``main`` part."""
    text = path.read_text(errors="replace")
    triples = _deb822(text) if path.suffix == ".sources" else _one_line(text)
    for uris, suites, components in triples:
        for suite in suites:
            if "main" in components and re.split("[-/]", suite)[0] in _RELEASES:
                yield from ((uri, suite) for given in uris for uri in _usable(given))


def _one_line(text: str) -> Iterator[tuple[list[str], list[str], list[str]]]:
    """``deb [options] URI SUITE COMPONENT...``"""
    for line in text.splitlines():
        match = re.match(r"\s*deb(?:-src)?\s+(?:\[[^\]]*\]\s*)?([^#\s]+)\s+([^#\s]+)\s+([^#]+)", line)
        if match:
            yield [match[1]], [match[2]], match[3].split()


def _deb822(text: str) -> Iterator[tuple[list[str], list[str], list[str]]]:
    for stanza in re.split(r"\n\s*\n", re.sub(r"(?m)^#.*\n?", "", text)):
        fields = stanza_fields(stanza)
        if fields.get("enabled", "yes").lower() not in ("no", "false", "0", "off", "without", "disable"):
            yield fields.get("uris", "").split(), fields.get("suites", "").split(), fields.get("components", "").split()


def stanza_fields(stanza: str) -> Mapping[str, str]:
    """Field name in lower case to value, of one deb822(5) stanza; folded lines are joined by newlines."""
    found = re.findall(r"(?m)^([^\s:#][^\s:]*):((?:.*)(?:\n[ \t].*)*)", stanza)
    return {name.lower(): value.strip() for name, value in found}


def _usable(uri: str) -> Iterator[str]:
    """Addresses that can be fetched from; ``mirror+file:`` (apt-transport-mirror(1)) names a list of them."""
    listing = re.match(r"mirror\+file:(?://)?(/.*)", uri)
    if listing and Path(listing[1]).is_file():
        words = (line.split() for line in Path(listing[1]).read_text(errors="replace").splitlines())
        for line in words:
            if line:
                yield from _usable(line[0])
    elif re.match(r"(https?|file):", uri):
        yield uri
