# SPDX-License-Identifier: GPL-2.0-only
"""What a series is said to touch, and which series are known."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path

import pytest

from harness.cli.main import parser
from harness.errors import UserError
from harness.intake import (
    added_symbols,
    all_series,
    bundled_series,
    facts_of,
    load_series,
    patch_from_mail,
    read_text,
    series_catalogue,
)
from harness.intake.series_catalogue import KnownSeries
from harness.report.series_report import touched

KCONFIG = b"""\
diff --git a/drivers/dma-buf/Kconfig b/drivers/dma-buf/Kconfig
--- a/drivers/dma-buf/Kconfig
+++ b/drivers/dma-buf/Kconfig
@@ -10,3 +10,6 @@ config UDMABUF
 \t  Text.
\x20
+config NEW_ONE
+\tbool "x"
+
 config SELFTESTS
@@ -30,4 +33,2 @@ menuconfig HEAPS
 \tbool
-config OLD_ONE
-\tbool
 endmenu
@@ -50,3 +51,3 @@ config CHANGED
 \tbool
-\tdefault n
+\tdefault y
 endif
"""
CODE = b"""\
diff --git a/drivers/dma-buf/dma-buf.c b/drivers/dma-buf/dma-buf.c
--- a/drivers/dma-buf/dma-buf.c
+++ b/drivers/dma-buf/dma-buf.c
@@ -10,9 +10,13 @@ int above(void)
 \treturn 0;
 }
\x20
+struct thing {
+\tint x;
+};
+
 static struct x *
 touched(struct x *x,
-\tint y)
+\tlong y)
 {
 \tcall(x);
 }
@@ -40,6 +44,6 @@ int inside(void)
 \ta();
-\tb();
+\tc();
 \td();
 }
-EXPORT_SYMBOL(gone);
+EXPORT_SYMBOL_GPL(come);
 /* x */
@@ -60,2 +64,3 @@ EXPORT_SYMBOL_GPL(kept);
 int declared(void);
+int only_declared(int x);
 int also(void);
"""


def test_symbols_exports_and_functions() -> None:
    found = facts_of(read_text(KCONFIG + CODE, "x"))
    assert found.symbols_added == ("NEW_ONE",)
    assert found.symbols_removed == ("OLD_ONE",)
    assert found.symbols_changed == ("CHANGED",)
    assert (found.exports_added, found.exports_removed) == (("come",), ("gone",))
    assert found.functions == ("touched", "inside")
    assert found.files == ("drivers/dma-buf/Kconfig", "drivers/dma-buf/dma-buf.c")


def kconfig(*lines: str, section: str = "config LAST") -> bytes:
    """A diff that adds ``lines`` at the end of a Kconfig file; those that begin with "=" are there already."""
    marked = [f" {line[1:]}" if line.startswith("=") else f"+{line}" for line in lines]
    old = sum(line.startswith(" ") for line in marked)
    hunk = f"@@ -30,{old} +30,{len(marked)} @@ {section}\n"
    return ("--- a/drivers/dma-buf/Kconfig\n+++ b/drivers/dma-buf/Kconfig\n" + hunk + "\n".join(marked) + "\n").encode()


@pytest.mark.parametrize(
    ("lines", "added", "changed"),
    [
        (("=\t  Help.", "=", 'source "drivers/dma-buf/heaps/Kconfig"'), (), ()),
        (("=", 'menu "x"', "", "endmenu"), (), ()),
        (("=", "if FOO", "endif # FOO"), (), ()),
        (("=", "choice", '\tprompt "x"', "", "endchoice"), (), ()),
        (("=", 'comment "x"'), (), ()),
        (("=", "if FOO", "\tconfig INDENTED", "\t\tbool", "endif"), ("INDENTED",), ()),
        (("=", "  config BLANKS # why", "    bool"), ("BLANKS",), ()),
        (
            ("=", "config NEW", "\tbool", "\thelp", "\t  Say", "\t  config FOO", "\t  if so.", "", "\t  source"),
            ("NEW",),
            (),
        ),
        (("=\thelp", "=\t\tOld.", "\t\tconfig FOO", "\t\tmenu"), (), ("LAST",)),
        (("=\t  Help that began above", "\t  config FOO"), (), ("LAST",)),
        (("=\tbool", "\tdefault y if FOO", "\tselect BAR"), (), ("LAST",)),
        (("=\thelp", "=\t  Text.", "=", "\tdepends on FOO"), (), ("LAST",)),
    ],
)
def test_lines_belong_to_the_entry_that_they_stand_in(
    lines: tuple[str, ...], added: tuple[str, ...], changed: tuple[str, ...]
) -> None:
    patches = read_text(kconfig(*lines), "x")
    found = facts_of(patches)
    assert (found.symbols_added, found.symbols_changed) == (added, changed)
    assert added_symbols(patches) == added


def code(*lines: str) -> bytes:
    """A diff that adds ``lines`` to a C file; those that begin with "=" are there already."""
    return kconfig(*lines, section="int above(void)").replace(b"dma-buf/Kconfig", b"dma-buf/x.c")


@pytest.mark.parametrize(
    ("lines", "functions"),
    [
        (("=", "=EXPORT_SYMBOL_GPL(above);", "=", "static const struct x y = {", "\t.a = 1,", "};"), ()),
        (("=", "struct x {", "\tint (*call)(int);", "};"), ()),
        (("=", "static struct x y[] __aligned(8) = {", "\t{ 1 },", "};"), ()),
        (("=\ta();", "\tb();"), ("above",)),
        (("=\ta();", "out:", "\tb();"), ("above",)),
        (("=", "=static void", "=long_name(int a,", "=int b) {", "\tc();"), ("long_name",)),
        (("=EXPORT_SYMBOL_GPL(above);", "=int next(void)", "={", "\ta();"), ("next",)),
    ],
)
def test_what_stands_between_functions_is_in_none(lines: tuple[str, ...], functions: tuple[str, ...]) -> None:
    assert facts_of(read_text(code(*lines), "x")).functions == functions


def test_what_is_moved_is_neither_new_nor_gone() -> None:
    moved = KCONFIG.replace(b"OLD_ONE", b"NEW_ONE")
    found = facts_of(read_text(moved, "x"))
    assert (found.symbols_added, found.symbols_removed) == ((), ())
    assert found.symbols_changed == ("NEW_ONE", "CHANGED")


def test_report_tells_it_in_a_few_lines() -> None:
    told = dict(touched(facts_of(read_text(KCONFIG + CODE, "x"))))
    assert told["Kconfig"] == "CONFIG_NEW_ONE (added), CONFIG_OLD_ONE (removed), CONFIG_CHANGED (changed)"
    assert told["exports"] == "come (added), gone (removed)"
    assert "known" not in told


def known_as_v15(monkeypatch: pytest.MonkeyPatch) -> KnownSeries:
    """A series that is known by its patch-id alone, like v15, made of our own diff."""
    [patch] = read_text(CODE, "x")
    series = replace(all_series()["dynamic-dma-buf-v15"], patch_ids=(patch.patch_id,))
    monkeypatch.setattr(patch_from_mail, "known_patches", lambda: {patch.patch_id: series})
    return series


def test_known_patch_is_recognised(monkeypatch: pytest.MonkeyPatch) -> None:
    series = known_as_v15(monkeypatch)
    [patch] = read_text(CODE.replace(b"@@ -60", b"@@ -70").replace(b"+64", b"+74"), "x")
    assert patch.known == "dynamic-dma-buf-v15, released in v5.7"
    assert ("known", "this is dynamic-dma-buf-v15, released in v5.7") in touched(facts_of([patch]))
    mail = f"From: A <a@b>\nSubject: [PATCH] {series.title}\n\n".encode() + KCONFIG
    [other] = read_text(mail, "x")
    assert other.known == ""
    assert "has the subject of dynamic-dma-buf-v15, released in v5.7, but is another patch" in other.notes[0]


def test_given_text_has_to_be_that_series(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    series = known_as_v15(monkeypatch)
    monkeypatch.setattr("harness.intake.patch_reader.all_series", lambda: {series.name: series})
    (tmp_path / "good.diff").write_bytes(CODE)
    (tmp_path / "bad.diff").write_bytes(KCONFIG)
    assert load_series(Path(series.name), [tmp_path / "good.diff"])[0].diff == CODE
    with pytest.raises(UserError, match=r"bad\.diff: is not dynamic-dma-buf-v15: its patch-id is"):
        load_series(Path(series.name), [tmp_path / "bad.diff"])
    with pytest.raises(UserError, match="dynamic-dma-buf-v15: ships without its text; get it: -p FILE"):
        load_series(Path(series.name))


def test_list_says_how_to_get_it(capsys: pytest.CaptureFixture[str]) -> None:
    arguments = parser().parse_args(["list", "series"])
    assert arguments.handler(arguments) == 0
    said = capsys.readouterr().out
    assert "dynamic-dma-buf-v15: dma-buf: add dynamic DMA-buf handling v15 (for 5.5 or newer, before 5.7;" in said
    assert "bufinfo-dynamic: " in said
    assert "-p lore:" in said


def test_author_of_a_bundled_patch_signed_it_off_and_is_nobody_in_particular() -> None:
    """checkpatch asks for the first; the second: what git on somebody's machine is set to has no place here."""
    bundled = [patch for directory in bundled_series().values() for patch in load_series(directory)]
    assert bundled
    for patch in bundled:
        assert patch.author == "dmabuf-harness developers <dmabuf-harness@example.org>"
        assert patch.tags == (f"Signed-off-by: {patch.author}",)


def test_upstream_commits_of_known_series_are_full_ids() -> None:
    commits = [series.commit for series in all_series().values() if series.released]
    assert commits
    assert all(re.fullmatch("[0-9a-f]{40}", commit) for commit in commits)


@pytest.mark.parametrize("text", ["", "patches = []", "patches = [1]", "patches = ['../x']", "patch_ids = 'x'", "= x"])
def test_description_that_cannot_be_used(text: str, tmp_path: Path) -> None:
    (tmp_path / "series.toml").write_text(text)
    with pytest.raises(UserError, match="see patches/series"):
        series_catalogue.read_series(tmp_path)


def test_pick_needs_a_patch() -> None:
    arguments = parser().parse_args(["run", "--pick", "1"])
    with pytest.raises(UserError, match="--pick: there is nothing to pick from; say with -p where the patch is"):
        arguments.handler(arguments)
