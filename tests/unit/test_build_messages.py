# SPDX-License-Identifier: GPL-2.0-only
"""Reading the output of kernel builds, as gcc 12, binutils 2.40, modpost and make 4.3 print it."""

from __future__ import annotations

from pathlib import Path

import pytest

from harness.build.messages import Located, is_compilation, parse, target_of
from harness.model import CompilerMessage

TREE = Path("/src/linux")


def messages(text: str, added: dict[str, frozenset[int]] | None = None) -> list[CompilerMessage]:
    return [located.message for located in parse(text.splitlines(), TREE, added or {})]


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        (
            "/src/linux/drivers/dma-buf/dma-buf.c:14:9: error: 'x' undeclared (first use in this function)",
            CompilerMessage("drivers/dma-buf/dma-buf.c", 14, "error", "'x' undeclared (first use in this function)"),
        ),
        (
            "/src/linux/a.c:1:10: fatal error: nope.h: No such file or directory",
            CompilerMessage("a.c", 1, "error", "nope.h: No such file or directory"),
        ),
        (
            "/src/linux/a.c:1:21: error: implicit declaration of function 'g' [-Werror=implicit-function-declaration]",
            CompilerMessage(
                "a.c", 1, "error", "implicit declaration of function 'g' [-Werror=implicit-function-declaration]"
            ),
        ),
        (
            "/src/linux/a.c:7:6: warning: unused variable 'y' [-Wunused-variable]",
            CompilerMessage("a.c", 7, "warning", "unused variable 'y' [-Wunused-variable]"),
        ),
        (
            './include/generated/x.h:3: warning: "X" redefined',
            CompilerMessage("include/generated/x.h", 3, "warning", '"X" redefined'),
        ),
        (
            "/src/linux/a.S:1: Error: no such instruction: `badop %eax'",
            CompilerMessage("a.S", 1, "error", "no such instruction: `badop %eax'"),
        ),
        (
            "/src/linux/a.c:5:1: internal compiler error: Segmentation fault",
            CompilerMessage("a.c", 5, "error", "Segmentation fault"),
        ),
        (
            "gcc: error: unrecognized command-line option '--foo'",
            CompilerMessage("", 0, "error", "unrecognized command-line option '--foo'"),
        ),
        (
            "ld: cannot find missing.o: No such file or directory",
            CompilerMessage("", 0, "error", "cannot find missing.o: No such file or directory"),
        ),
        (
            "ld: e.o:(.bss+0x0): multiple definition of `x'; d.o:(.bss+0x0): first defined here",
            CompilerMessage("e.o", 0, "error", "multiple definition of `x'"),
        ),
        (
            'ERROR: modpost: "dma_buf_nope" [drivers/dma-buf/dmabuf_selftests.ko] undefined!',
            CompilerMessage(
                "drivers/dma-buf/dmabuf_selftests.ko",
                0,
                "error",
                '"dma_buf_nope" [drivers/dma-buf/dmabuf_selftests.ko] undefined!',
            ),
        ),
        (
            "WARNING: modpost: vmlinux: section mismatch in reference: f+0x5 (section: .text) -> g (section: .init)",
            CompilerMessage(
                "",
                0,
                "warning",
                "vmlinux: section mismatch in reference: f+0x5 (section: .text) -> g (section: .init)",
            ),
        ),
        (
            "drivers/dma-buf/dma-buf.o: warning: objtool: f+0x12: unreachable instruction",
            CompilerMessage("drivers/dma-buf/dma-buf.o", 0, "warning", "f+0x12: unreachable instruction"),
        ),
        (
            "drivers/dma-buf/Kconfig:12: syntax error",
            CompilerMessage("drivers/dma-buf/Kconfig", 12, "error", "syntax error"),
        ),
        (
            "drivers/dma-buf/Kconfig:12:error: recursive dependency detected!",
            CompilerMessage("drivers/dma-buf/Kconfig", 12, "error", "recursive dependency detected!"),
        ),
        (
            "/src/linux/drivers/dma-buf/Makefile:2: *** missing separator.  Stop.",
            CompilerMessage("drivers/dma-buf/Makefile", 2, "error", "missing separator."),
        ),
        (
            "make[4]: *** No rule to make target 'drivers/dma-buf/x.o', needed by 'drivers/dma-buf/'.  Stop.",
            CompilerMessage(
                "", 0, "error", "No rule to make target 'drivers/dma-buf/x.o', needed by 'drivers/dma-buf/'"
            ),
        ),
    ],
)
def test_a_message_is_recognised(line: str, expected: CompilerMessage) -> None:
    assert messages(line) == [expected]


@pytest.mark.parametrize(
    "line",
    [
        "  CC      drivers/dma-buf/dma-buf.o",
        "make[3]: *** [/src/linux/scripts/Makefile.build:244: drivers/dma-buf/dma-buf.o] Error 1",
        "make: *** [Makefile:224: __sub-make] Error 2",
        "make: *** [/src/linux/Makefile:224: __sub-make] Error 2",
        "compilation terminated.",
        "      |     ^~~~~~~~ error: no",
        "/src/linux/drivers/dma-buf/dma-buf.c: In function 'dma_buf_pin':",
        "/src/linux/a.c:9:5: note: declared here",
        "In file included from /src/linux/a.c:3:",
        "  LD      vmlinux.o",
        "*** The source tree is not clean",
        "",
    ],
)
def test_other_lines_are_no_messages(line: str) -> None:
    assert messages(line) == []


def test_the_linker_names_the_object_before_the_symbol() -> None:
    text = (
        "  LD      .tmp_vmlinux1\n"
        "ld: drivers/dma-buf/dma-buf.o: in function `dma_buf_pin':\n"
        "dma-buf.c:(.text+0x5): undefined reference to `g'\n"
        "ld: dma-buf.c:(.text+0x15): undefined reference to `h'\n"
        "ld: net/core/dev.o: in function `f':\n"
        "dev.c:(.text+0x0): multiple definition of `f'; x.o:x.c:(.text+0x0): first defined here\n"
    )
    assert [(m.path, m.text) for m in messages(text)] == [
        ("drivers/dma-buf/dma-buf.o", "undefined reference to `g'"),
        ("drivers/dma-buf/dma-buf.o", "undefined reference to `h'"),
        ("net/core/dev.o", "multiple definition of `f'"),
    ]


def test_added_lines_are_marked() -> None:
    text = "/src/linux/a.c:3:1: error: one\n/src/linux/a.c:4:1: error: two\n/src/linux/b.c:3:1: error: three\n"
    assert [m.added for m in messages(text, {"a.c": frozenset({3})})] == [True, False, False]


def test_messages_belong_to_the_object_announced_before() -> None:
    text = (
        "  CC [M]  drivers/dma-buf/selftest.o\n"
        "/src/linux/include/linux/x.h:1:1: warning: w\n"
        "  CC      drivers/dma-buf/dma-buf.o\n"
        "/src/linux/include/linux/x.h:1:1: warning: w\n"
        "/src/linux/include/linux/x.h:1:1: warning: w\n"
    )
    warning = CompilerMessage("include/linux/x.h", 1, "warning", "w")
    assert list(parse(text.splitlines(), TREE, {})) == [
        Located("drivers/dma-buf/selftest.o", warning),
        Located("drivers/dma-buf/dma-buf.o", warning),
    ]


@pytest.mark.parametrize(
    ("line", "target", "compiles"),
    [
        ("  CC      mm/slub.o", "mm/slub.o", True),
        ("  CC [M]  drivers/dma-buf/selftest.o", "drivers/dma-buf/selftest.o", True),
        ("  AS      arch/x86/lib/memcpy_64.o", "arch/x86/lib/memcpy_64.o", True),
        ("  AR      built-in.a", "built-in.a", False),
        ("  HOSTCC  scripts/mod/modpost.o", "scripts/mod/modpost.o", False),
        ("  LD [M]  drivers/dma-buf/dmabuf_selftests.ko", "drivers/dma-buf/dmabuf_selftests.ko", False),
        ("make[1]: Entering directory '/objects'", "", False),
        ("    1 | int x = y;", "", False),
    ],
)
def test_announcements(line: str, target: str, compiles: bool) -> None:
    assert target_of(line) == target
    assert is_compilation(line) == compiles


LOGS = Path(__file__).parent.parent / "data" / "build"


@pytest.mark.parametrize(
    ("log", "expected"),
    [
        ("implicit", [("drivers/dma-buf/dma-buf.c", 130, "error"), ("drivers/dma-buf/dma-buf.c", 130, "warning")]),
        ("makefile", [("", 0, "error")]),
        ("module", [("drivers/dma-buf/dmabuf_selftests.ko", 0, "error")]),
        ("undefined", [("drivers/dma-buf/dma-buf.o", 0, "error")]),
    ],
)
def test_logs_of_real_builds_that_failed(log: str, expected: list[tuple[str, int, str]]) -> None:
    found = messages((LOGS / f"6.12-{log}.log").read_text())
    assert [(message.path, message.line, message.severity) for message in found] == expected
