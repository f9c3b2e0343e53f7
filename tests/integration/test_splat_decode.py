# SPDX-License-Identifier: GPL-2.0-only
"""Decoding with real binutils, on a small program that stands for the kernel and an object that stands for a module."""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path

import pytest

from harness.model import SYMBOLS, Frame, Kernel, Splat
from harness.splat import decode, find_splats
from harness.splat.addresses import SourceLocation
from harness.splat.decode import _called
from harness.splat.fingerprint import fingerprint
from harness.splat.stack import RawFrame

SOURCE = """
extern volatile int wanted;

static inline __attribute__((always_inline)) int check(int value)
{
	return value + wanted; /* inlined */
}

__attribute__((noinline)) int attach(int value)
{
	int sum = check(value);

	__asm__ volatile(".globl in_attach\\nin_attach: nop");
	return sum + wanted;
}

__attribute__((noinline)) int ioctl_entry(int value)
{
	int done = attach(value); /* the call */

	return done + wanted;
}

int last(void)
{
	return wanted;
}
"""
pytestmark = pytest.mark.skipif(shutil.which("gcc") is None, reason="needs gcc")


class Built:
    """A tree with one file, and a "kernel" and a "module" made of it."""

    def __init__(self, base: Path) -> None:
        self.tree = base / "linux"
        self.objects = base / "kernel"
        source = self.tree / "drivers" / "dma-buf" / "dma-buf.c"
        source.parent.mkdir(parents=True)
        source.write_text(SOURCE)
        self.objects.mkdir()
        self._run("gcc", "-O2", "-g1", "-fno-omit-frame-pointer", "-c", str(source), "-o", "part.o")
        main = (
            "volatile int wanted; int ioctl_entry(int); void _start(void) { wanted = ioctl_entry(wanted); for (;;); }"
        )
        (self.objects / "main.c").write_text(main)
        self._run("gcc", "-O2", "-nostdlib", "-static", "-fno-stack-protector", "main.c", "part.o", "-o", "vmlinux")
        self._run("objcopy", "--only-keep-debug", "vmlinux", SYMBOLS)
        modules = self.objects / "lib" / "modules" / "6.12.117" / "extra"
        modules.mkdir(parents=True)
        shutil.copy(self.objects / "part.o", modules / "my-module.ko")
        self.kernel = Kernel(
            "key",
            "6.12.117",
            self.objects / "vmlinux",
            self.objects / "config",
            self.objects,
            None,
            base / "log",
            "gcc",
        )

    def _run(self, *command: str) -> str:
        return subprocess.run(command, cwd=self.objects, check=True, capture_output=True, text=True).stdout

    def frame(self, function: str, offset: int) -> str:
        """As the kernel would print it: the size is up to the next symbol."""
        rows = sorted((int(a, 16), n) for a, _, n in re.findall(r"(\w+) ([tT]) (\w+)", self._run("nm", "vmlinux")))
        start = next(address for address, name in rows if name == function)
        end = next(address for address, _ in rows if address > start)
        return f"{function}+{offset:#x}/{end - start:#x}"

    def returns_to(self) -> int:
        """Offset in ``ioctl_entry`` of the instruction after its call."""
        listing = self._run("objdump", "-d", "--no-show-raw-insn", "--disassemble=ioctl_entry", "vmlinux")
        found = re.search(r"call.*<attach>\n\s*([0-9a-f]+):", listing)
        start = re.search(r"^([0-9a-f]+) <ioctl_entry>:", listing, re.MULTILINE)
        assert found and start
        return int(found[1], 16) - int(start[1], 16)


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Built:
    return Built(tmp_path_factory.mktemp("decode"))


def splat(*frames: str, first: str = "BUG: x", kind: str = "bug") -> Splat:
    text = "\n".join([first, "Call Trace:", *(f" {frame}" for frame in frames)])
    return Splat(kind, first, text, 1)


def line_of(text: str) -> int:
    return next(number for number, line in enumerate(SOURCE.split("\n"), 1) if text in line)


def test_functions_get_files_lines_and_what_is_inlined(built: Built) -> None:
    frames = (built.frame("attach", 0x2), built.frame("ioctl_entry", built.returns_to()), "elsewhere+0x1/0x2")
    ((found,), notes) = _decoded(built, splat(*frames))
    *inlined, attach, entry, elsewhere = found.stack
    assert notes == ()
    assert [frame.function for frame in (attach, entry, elsewhere)] == ["attach", "ioctl_entry", "elsewhere"]
    assert all(frame.inlined and frame.function == "check" for frame in inlined)
    assert (entry.path, entry.line) == ("drivers/dma-buf/dma-buf.c", line_of("the call"))
    assert entry.source == "int done = attach(value); /* the call */"
    assert (elsewhere.path, elsewhere.line) == ("", 0)


def _decoded(
    built: Built, *splats: Splat, added: dict[str, frozenset[int]] | None = None
) -> tuple[tuple[Splat, ...], tuple[str, ...]]:
    found = decode(splats, built.kernel, built.tree, added or {})
    return found.splats, found.notes


def test_a_line_of_the_patch_is_marked(built: Built) -> None:
    lines = {"drivers/dma-buf/dma-buf.c": frozenset({line_of("the call")})}
    ((found,), _) = _decoded(built, splat(built.frame("ioctl_entry", built.returns_to())), added=lines)
    assert [frame.added for frame in found.stack] == [True]


def test_a_module_is_decoded_from_its_own_file(built: Built) -> None:
    frame = built.frame("ioctl_entry", built.returns_to())
    ((found,), _) = _decoded(built, splat(f"{frame} [my_module]", "f+0x1/0x2 [absent]"))
    assert (found.stack[0].module, found.stack[0].path) == ("my_module", "drivers/dma-buf/dma-buf.c")
    assert found.stack[1] == Frame("f", "absent")


def test_the_line_that_a_warn_names_is_told_and_is_in_its_fingerprint(built: Built) -> None:
    """By its text: the same check at another line, above it a line that a patch adds, is the same trouble."""
    number = line_of("inlined")
    first = f"WARNING: CPU: 0 PID: 1 at drivers/dma-buf/dma-buf.c:{number} attach+0x1/0x2"
    warn = Splat("warn", first, f"{first}\nRIP: 0010:{built.frame('attach', 0x2)}\nCall Trace:\n f+0x1/0x2", 1)
    ((found,), _) = _decoded(built, warn)
    assert (found.stack[0].line, found.stack[0].source) == (number, "return value + wanted; /* inlined */")
    called = {"attach": ("check", "attach"), "f": ("f",)}
    site = "return value + wanted; /* inlined */"
    assert found.fingerprint == fingerprint("warn", first, warn.text, site, lambda frame: called[frame.function])
    ((other,), _) = _decoded(
        built, Splat("warn", first, warn.text.replace(f":{number} ", f":{line_of('the call')} "), 1)
    )
    assert other.fingerprint != found.fingerprint


def test_what_is_inlined_into_a_caller_counts_as_if_it_were_called(built: Built) -> None:
    """The same trouble in a build in which the compiler called ``middle``, and in one that inlined it."""
    inlined = (RawFrame("attach", 0x2, 0x40), RawFrame("outer", 0x9, 0x40))
    called = (RawFrame("attach", 0x2, 0x40), RawFrame("middle", 0x9, 0x20), RawFrame("outer", 0x9, 0x30))
    places = {
        inlined[1]: (
            SourceLocation("locks", "include/linux/x.h", 1),
            SourceLocation("middle", "a.c", 2),
            SourceLocation("outer", "a.c", 3),
        ),
    }
    texts = [
        "BUG: x\nCall Trace:\n" + "".join(f" {f.function}+{f.offset:#x}/{f.size:#x}\n" for f in frames)
        for frames in (inlined, called)
    ]
    names = [fingerprint("bug", "BUG: x", text, "", lambda frame: _called(frame, places)) for text in texts]
    assert names[0] == names[1]
    assert names[0] != fingerprint("bug", "BUG: x", texts[1].replace("middle", "other"))
    assert names[1] == fingerprint("bug", "BUG: x", texts[1])  # without line numbers, too


@pytest.mark.parametrize(
    ("kind", "first"),
    [
        ("warn", "WARNING: CPU: 1 PID: 7 at a.c:2 {}"),
        ("warn", "WARNING: a.c:2 at {}, CPU#1: sync_test/7"),
        ("kasan", "BUG: KASAN: slab-out-of-bounds in {}"),
        ("oops", "BUG: kernel NULL pointer dereference, address: 0000000000000008"),
    ],
)
def test_the_function_that_is_at_fault_is_the_same_inlined_or_called(kind: str, first: str) -> None:
    holder, own, caller = "holder+0x9/0x40", "check+0x9/0x20", "holder+0x12/0x30"
    inlined = f"{first.format(holder)}\nRIP: 0010:{holder}\nCall Trace:\n ioctl+0x1/0x2\n"
    called = f"{first.format(own)}\nRIP: 0010:{own}\nCall Trace:\n {caller}\n ioctl+0x1/0x2\n"
    inside = (SourceLocation("check", "a.c", 2), SourceLocation("holder", "a.c", 8))
    places = {RawFrame("holder", 9, 0x40, exact=True): inside}

    def name(text: str) -> str:
        return fingerprint(kind, text.partition("\n")[0], text, "", lambda frame: _called(frame, places))

    assert name(inlined) == name(called)
    assert name(inlined) != name(called.replace("check", "other"))
    assert name(inlined) != fingerprint(kind, inlined.partition("\n")[0], inlined), "nothing was inlined"


def test_the_panic_after_a_report_goes_by_the_name_that_decoding_gives_it(built: Built) -> None:
    number = line_of("inlined")
    lines = [
        f"kernel BUG at drivers/dma-buf/dma-buf.c:{number}!",
        "Call Trace:",
        f" {built.frame('attach', 0x2)}",
        "---[ end trace 0000000000000000 ]---",
        "Kernel panic - not syncing: Fatal exception",
    ]
    found = find_splats("".join(f"[   12.345678] {line}\n" for line in lines))
    ((bug, panic), _) = _decoded(built, *found)
    assert bug.fingerprint != found[0].fingerprint
    assert panic.fingerprint == f"panic-after-{bug.fingerprint}"


def test_many_are_decoded_at_once(built: Built) -> None:
    frame = built.frame("ioctl_entry", built.returns_to())
    splats, _ = _decoded(built, *(splat(frame, first=f"BUG: {number}") for number in range(200)))
    assert len(splats) == 200 and all(found.stack[0].path for found in splats)


# --- what goes wrong is said, once ------------------------------------------------------------


def test_without_line_numbers(built: Built, tmp_path: Path) -> None:
    bare = Kernel("key", "6.12.117", tmp_path / "image", tmp_path, tmp_path, None, tmp_path, "gcc")
    found = decode((splat("f.isra.0+0x1/0x2"), splat("f+0x1/0x2")), bare, built.tree, {})
    assert [one.stack for one in found.splats] == [(Frame("f"),), (Frame("f"),)]
    assert found.notes == ("stacks are not decoded: the kernel was built without line numbers",)


def test_without_splats_nothing_is_asked_or_said(tmp_path: Path) -> None:
    bare = Kernel("key", "6.12.117", tmp_path / "image", tmp_path, tmp_path, None, tmp_path, "gcc")
    assert decode((), bare, tmp_path, {}).notes == ()


def test_without_binutils(built: Built, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("harness.splat.addresses.process.which", lambda program: None)
    ((found,), notes) = _decoded(built, splat("attach+0x1/0x2"))
    assert found.stack == (Frame("attach"),)
    assert notes == ("stacks of the kernel are not decoded: nm is not installed (binutils)",)


def test_a_damaged_file(built: Built, tmp_path: Path) -> None:
    (tmp_path / SYMBOLS).write_bytes(b"\x7fELF and no more")
    damaged = Kernel("key", "6.12.117", tmp_path / "image", tmp_path, tmp_path, None, tmp_path, "gcc")
    found = decode((splat("f+0x1/0x2"),), damaged, built.tree, {})
    assert found.splats[0].stack == (Frame("f"),)
    (note,) = found.notes
    assert note.startswith("stacks of the kernel are not decoded: nm fails: ")


def test_a_tree_that_is_gone(built: Built, tmp_path: Path) -> None:
    frame = built.frame("ioctl_entry", built.returns_to())
    (found,) = decode((splat(frame),), built.kernel, tmp_path / "gone", {}).splats
    assert (found.stack[0].path, found.stack[0].source) == ("dma-buf/dma-buf.c", "")


def test_what_is_found_in_a_log_can_be_decoded(built: Built) -> None:
    lines = ["BUG: Bad page state in process x", "Call Trace:", f" {built.frame('ioctl_entry', built.returns_to())}"]
    found = find_splats("".join(f"[   12.345678] {line}\n" for line in lines))
    ((decoded,), _) = _decoded(built, *found)
    assert decoded.stack[0].line == line_of("the call") and decoded.fingerprint == found[0].fingerprint
