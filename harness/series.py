# SPDX-License-Identifier: GPL-2.0-only
"""What is tested, as values: a kernel tree, the patches, and what they say and touch. Frozen, typed, without I/O."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from harness.unified_diff import Diff


@dataclass(frozen=True)
class Tree:
    """A kernel source tree that is ours to change: a git work tree in the cache.

    ``path``: absolute and stable for a base, so that kbuild's recorded paths stay valid.
    ``commit``: the commit that holds the unpatched base. ``version``: ``make kernelversion``, e.g. "6.12.117".
    ``spec``: how the user named it ("debian:6.12"). ``notes``: what should be known of where it comes from.
    ``fixups``: what ``commit`` holds besides, one line each.
    """

    spec: str
    path: Path
    commit: str
    version: str
    notes: tuple[str, ...] = ()
    fixups: tuple[str, ...] = ()


@dataclass(frozen=True)
class Commit:
    """A patch as git has it: the diff apart from what is said about it, so that neither can be taken for the other.

    ``origin``: what it was made from, for messages. ``date``: as in a mail. ``message``: without the subject.
    """

    origin: str
    subject: str
    diff: bytes
    author: str = ""
    date: str = ""
    message: str = ""


@dataclass(frozen=True)
class MailHead:
    """What the header of a patch's mail says, as far as an answer needs it; each text is on one line.

    ``subject``: as sent, with its "[PATCH v2 1/3]". ``sender``, ``to``, ``cc``: "Name <user@host>"; ``sender`` is who
    wants the answers. ``message_id``, ``references``: without angle brackets, the mail itself not among them.
    ``date``: ISO 8601 if it could be read, else as written.
    """

    subject: str
    sender: str
    message_id: str = ""
    date: str = ""
    to: tuple[str, ...] = ()
    cc: tuple[str, ...] = ()
    references: tuple[str, ...] = ()

    @property
    def was_sent(self) -> bool:
        """False for a file that only has the form of a mail, as git format-patch writes it."""
        return bool(self.sender and (self.message_id or self.to))


@dataclass(frozen=True)
class Patch:
    """One patch as taken in: its diff, read once, and what its mail said about it.

    ``date``: ISO 8601 if it could be read, else as written. ``tags``: "Reviewed-by: A <a@b>", in order, each once.
    ``patch_id``: what ``git patch-id --stable`` says. ``known``: the series of ``patches/series`` that it is, with
    its release, else empty. ``base_commit`` and ``prerequisites`` (patch-ids): what git format-patch --base wrote.
    ``notes``: what a reader of the report should know about how it was taken in.
    ``message``: of the commit, without its subject; empty if there was none.
    ``mail``: the head of the mail that it was in, ``cover``: that of the cover letter of its series, if there were any.
    """

    origin: str  # file (and message number) it came from, for messages
    subject: str
    author: str
    parsed: Diff
    date: str = ""
    tags: tuple[str, ...] = ()
    patch_id: str = ""
    known: str = ""
    base_commit: str = ""
    prerequisites: tuple[str, ...] = ()
    message: str = ""
    notes: tuple[str, ...] = ()
    mail: MailHead | None = None
    cover: MailHead | None = None

    @property
    def diff(self) -> bytes:
        """The exact bytes of its diff, without the text around it."""
        return self.parsed.data

    @property
    def files(self) -> tuple[str, ...]:
        """The paths, relative to the tree, that it touches."""
        return self.parsed.paths

    @property
    def added(self) -> Mapping[str, frozenset[int]]:
        """Path to the line numbers (1-based, in the patched file) that it adds: whose fault an error is."""
        return self.parsed.added


@dataclass(frozen=True)
class PatchFacts:
    """What a report shows of one ``Patch``; fields as there. ``digest``: sha256 of its diff as applied, in hex.

    ``diff``: its text, with bytes that are no UTF-8 kept as surrogates; empty if it is too long to be shown.
    """

    subject: str
    author: str = ""
    date: str = ""
    tags: tuple[str, ...] = ()
    patch_id: str = ""
    known: str = ""
    digest: str = ""
    mail: MailHead | None = None
    diff: str = ""


@dataclass(frozen=True)
class SeriesFacts:
    """What a series says and touches, read off its patches alone: each name once, in order of appearance.

    ``symbols_*``: Kconfig symbols without CONFIG_. ``exports_*``: names in EXPORT_SYMBOL lines that come or go.
    ``functions``: those whose body is touched, as far as the hunks show it. ``base_commit``: of its first patch.
    ``cover``: the head of its cover letter.
    """

    patches: tuple[PatchFacts, ...] = ()
    files: tuple[str, ...] = ()
    symbols_added: tuple[str, ...] = ()
    symbols_removed: tuple[str, ...] = ()
    symbols_changed: tuple[str, ...] = ()
    exports_added: tuple[str, ...] = ()
    exports_removed: tuple[str, ...] = ()
    functions: tuple[str, ...] = ()
    base_commit: str = ""
    prerequisites: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    cover: MailHead | None = None


@dataclass(frozen=True)
class Applied:
    """A tree with a series applied. ``tree_id`` is git's id of the content: equal id, equal source."""

    tree: Tree
    patches: tuple[Patch, ...]
    tree_id: str
    already_in_base: tuple[str, ...] = ()  # subjects of patches that the base has already
    added: Mapping[str, frozenset[int]] = field(default_factory=dict)  # lines of the whole series

    @property
    def touched(self) -> tuple[str, ...]:
        """Paths that the series touches, sorted, each once."""
        return tuple(sorted({name for patch in self.patches for name in patch.files}))
