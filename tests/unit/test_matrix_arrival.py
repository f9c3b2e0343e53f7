# SPDX-License-Identifier: GPL-2.0-only
"""What comes from another machine counts only if it is what was sent, and a run that ends so."""

from __future__ import annotations

import io
import tarfile
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from harness.matrix.cell_arrival import DamagedArrival, packed, take_in, tree_digest, unpack
from harness.matrix.cell_order import CellEnd
from harness.report import write_reports
from tests.support.sample_reports import bad_report, run_report, variant_report


@pytest.fixture
def sent(tmp_path: Path) -> Path:
    directory = tmp_path / "sent" / "cell"
    directory.mkdir(parents=True)
    write_reports(run_report(variant_report()), directory)
    (directory / "logs").mkdir()
    (directory / "logs" / "\udcff.txt").write_bytes(b"a name that is no UTF-8\n")
    (directory / "link").symlink_to("/etc/passwd")
    return directory


def end_of(directory: Path, code: int = 0) -> CellEnd:
    return CellEnd(code, "", 1.0, tree_digest(directory), archive=packed(directory))


def test_a_run_arrives_as_it_was(sent: Path, tmp_path: Path) -> None:
    target = tmp_path / "cells" / "cell"
    report = take_in(end_of(sent), target)
    assert report is not None and not report.is_bad
    assert tree_digest(target) == tree_digest(sent)
    assert not (target / "link").exists(), "links are not sent"
    assert [path.name for path in target.parent.iterdir()] == ["cell"]


def test_it_takes_the_place_of_what_was_there(sent: Path, tmp_path: Path) -> None:
    target = tmp_path / "cells" / "cell"
    (target / "old").mkdir(parents=True)
    take_in(end_of(sent), target)
    assert not (target / "old").exists()


def test_by_a_shared_directory_it_is_moved(sent: Path, tmp_path: Path) -> None:
    end = replace(end_of(sent), archive=b"", place=str(sent))
    assert take_in(end, tmp_path / "cells" / "cell") is not None
    assert not sent.exists()


@pytest.mark.parametrize(
    ("damage", "said"),
    [
        (lambda end, sent: replace(end, digest="0" * 64), "not what was sent (sha256)"),
        (lambda end, sent: replace(end, archive=end.archive[: len(end.archive) // 2]), "cannot be unpacked"),
        (lambda end, sent: replace(end, archive=b"x"), "cannot be unpacked"),
        (lambda end, sent: replace(end, code=1), "ended with 1, and its results say 0"),
        (lambda end, sent: replace(end, archive=b"", place="/nowhere/at/all"), "cannot be read here"),
    ],
)
def test_what_is_damaged_does_not_count(
    sent: Path, tmp_path: Path, damage: Callable[[CellEnd, Path], CellEnd], said: str
) -> None:
    with pytest.raises(DamagedArrival) as error:
        take_in(damage(end_of(sent), sent), tmp_path / "cells" / "cell")
    assert said in str(error.value)
    assert not list((tmp_path / "cells").iterdir())


def test_a_byte_that_was_changed_is_noticed(sent: Path, tmp_path: Path) -> None:
    digest = tree_digest(sent)
    (sent / "logs" / "more.txt").write_text("x")
    with pytest.raises(DamagedArrival, match="sha256"):
        take_in(replace(end_of(sent), digest=digest), tmp_path / "cell")


def test_red_results_of_a_green_run_are_not_believed(sent: Path, tmp_path: Path) -> None:
    write_reports(bad_report(), sent)
    with pytest.raises(DamagedArrival, match="its results say 1"):
        take_in(end_of(sent), tmp_path / "cell")


def test_a_run_that_left_nothing_is_none(tmp_path: Path) -> None:
    assert take_in(CellEnd(2, "no such patch", 1.0), tmp_path / "cell") is None
    assert not (tmp_path / "cell").exists()


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("../out", tarfile.REGTYPE),
        ("/tmp/out", tarfile.REGTYPE),
        ("a/../../out", tarfile.REGTYPE),
        ("out", tarfile.SYMTYPE),
        ("out", tarfile.LNKTYPE),
        ("out", tarfile.CHRTYPE),
    ],
)
def test_an_archive_writes_nowhere_else(name: str, kind: bytes, tmp_path: Path) -> None:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w:gz") as archive:
        member = tarfile.TarInfo(name)
        member.type, member.linkname = kind, "/etc/passwd"
        archive.addfile(member, io.BytesIO(b""))
    with pytest.raises(DamagedArrival):
        unpack(buffer.getvalue(), tmp_path / "in" / "cell")
    assert [path.name for path in tmp_path.iterdir()] == ["in"] and not list((tmp_path / "in" / "cell").iterdir())
