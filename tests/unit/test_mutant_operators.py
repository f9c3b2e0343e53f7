# SPDX-License-Identifier: GPL-2.0-only
"""Every kind of mistake: where it is made, and where it must not be."""

from __future__ import annotations

import pytest

from harness.mutants.mutation import Mutation, mutated
from harness.mutants.operators import mutants_of

FUNCTION = b"int f(struct dma_buf *dmabuf, struct dma_buf *other, int a, int b)\n{\n\tint ret;\n\n%b\n\treturn a;\n}\n"


def source_of(body: str) -> bytes:
    return FUNCTION % body.encode()


def made(body: str) -> list[Mutation]:
    return list(mutants_of("drivers/dma-buf/x.c", source_of(body)))


def operators(body: str) -> set[str]:
    return {mutation.operator for mutation in made(body)}


def texts(body: str, operator: str) -> set[str]:
    """The body as each mutant of ``operator`` has it, white space squeezed."""
    found = [one for one in made(body) if one.operator == operator]
    whole = [mutated(source_of(body), one.edits).decode() for one in found]
    return {" ".join(text.partition("int ret;")[2].rpartition("return a;")[0].split()) for text in whole}


@pytest.mark.parametrize(
    ("operator", "body", "expected"),
    [
        ("call-dropped", "dma_buf_begin(dmabuf);", {";"}),
        ("call-dropped", "dmabuf->ops->release(dmabuf);", {";"}),
        ("assignment-dropped", "a = b;", {";"}),
        ("assignment-dropped", "ret = dma_buf_begin(dmabuf);", {";"}),
        ("assignment-dropped", "dmabuf->count++;", {";"}),
        ("goto-dropped", "if (a)\n\t\tgoto err;\nerr:\n\tb = 0;", {"if (a) ; err: b = 0;"}),
        ("unlock-dropped", "mutex_unlock(&dmabuf->lock);", {";"}),
        ("lock-dropped", "spin_lock_irqsave(&dmabuf->lock, a);", {";"}),
        ("put-dropped", "dma_fence_put(fence);", {";"}),
        ("put-dropped", "fput(dmabuf->file);", {";"}),
        ("get-dropped", "get_file(dmabuf->file);", {";"}),
        ("unpin-dropped", "unpin_folio(folio);", {";"}),
        ("list-dropped", "list_del(&attach->node);", {";"}),
        ("free-dropped", "kfree(attach);", {";"}),
        ("memset-dropped", "memset(page, 0, PAGE_SIZE);", {";"}),
        ("condition-negated", "if (a)\n\t\tb = 1;", {"if (!(a)) b = 1;"}),
        ("condition-true", "if (IS_ERR(dmabuf))\n\t\tb = 1;", {"if (1) b = 1;"}),
        ("condition-false", "if (IS_ERR(dmabuf))\n\t\tb = 1;", {"if (0) b = 1;"}),
        ("condition-negated", "b = a ? 1 : 2;", {"b = !(a) ? 1 : 2;"}),
        ("condition-true", "b = a && ret;", {"b = 1 && ret;", "b = a && 1;"}),
        ("logical-operator", "b = a && ret;", {"b = a || ret;"}),
        ("relational-operator", "while (a < b)\n\t\ta++;", {"while (a <= b) a++;"}),
        ("relational-operator", "b = a == ret;", {"b = a != ret;"}),
        ("arithmetic-operator", "b = a << PAGE_SHIFT;", {"b = a >> PAGE_SHIFT;"}),
        ("off-by-one", "b = a - 1;", {"b = a - 0;"}),
        ("off-by-one", "for (a = 0; a < b; a++)\n\t\tg(a);", {"for (a = 1; a < b; a++) g(a);"}),
        ("error-replaced", "return -EINVAL;", {"return -EIO;"}),
        ("error-replaced", "return ERR_PTR(-EIO);", {"return ERR_PTR(-EINVAL);"}),
        ("error-cleared", "ret = -ENOMEM;", {"ret = 0;"}),
        ("error-cleared", "return ret;", {"return 0;"}),
        ("error-cleared", "return PTR_ERR(dmabuf);", {"return 0;"}),
        ("arguments-exchanged", "g(dmabuf, other);", {"g(other, dmabuf);"}),
        ("arguments-exchanged", "if (g(a, b))\n\t\treturn 0;", {"if (g(b, a)) return 0;"}),
        ("flag-left-out", "g(O_RDWR | O_CLOEXEC);", {"g(O_RDWR);", "g(O_CLOEXEC);"}),
        ("lock-late", "mutex_lock(&m);\n\ta = b;", {"; a = b;mutex_lock(&m);"}),
        ("unlock-early", "a = b;\n\tmutex_unlock(&m);", {"mutex_unlock(&m);a = b; ;"}),
        ("break-to-continue", "while (a) {\n\t\tbreak;\n\t}", {"while (a) { continue; }"}),
        (
            "continue-to-break",
            "list_for_each_entry(x, y, z) {\n\t\tcontinue;\n\t}",
            {"list_for_each_entry(x, y, z) { break; }"},
        ),
        (
            "break-dropped",
            "switch (a) {\n\tcase 1:\n\t\tbreak;\n\tdefault:\n\t\tb = 1;\n\t}",
            {"switch (a) { case 1: ; default: b = 1; }"},
        ),
        ("loop-once", "while (a) {\n\t\tg();\n\t}", {"while (a) { g(); break;}"}),
        (
            "loop-once",
            "list_for_each_entry(x, y, z) {\n\t\tg();\n\t}",
            {"list_for_each_entry(x, y, z) { g(); break;}"},
        ),
    ],
)
def test_a_mistake_is_made(operator: str, body: str, expected: set[str]) -> None:
    assert texts(body, operator) == expected


@pytest.mark.parametrize(
    ("operator", "body"),
    [
        # Logging, assertions about the caller, and what is not an expression.
        ("call-dropped", 'pr_debug("%d", a);'),
        ("call-dropped", 'dev_err(dev, "no");'),
        ("call-dropped", 'DMA_FENCE_TRACE(fence, "signaled");'),
        ("call-dropped", "WARN_ON(!a);"),
        ("call-dropped", "BUG_ON(a);"),
        ("call-dropped", "dma_resv_assert_held(dmabuf->resv);"),
        ("call-dropped", "lockdep_assert_held(&m);"),
        ("call-dropped", "might_sleep();"),
        # A lock that is given back where its block ends: in another block it would be given back at once.
        ("lock-dropped", "guard(mutex)(&m);"),
        ("call-dropped", "guard(mutex)(&m);"),
        ("call-dropped", "scoped_guard(mutex, &m)\n\t\ta = b;"),
        ("call-dropped", "DEFINE_DMA_BUF_EXPORT_INFO(info);"),
        ("call-dropped", "list_for_each_entry(x, y, z)\n\t\ta = b;"),
        ("call-dropped", "(void)a;"),
        ("condition-negated", "if (WARN_ON(!a))\n\t\treturn -EINVAL;"),
        ("error-replaced", "if (WARN_ON(!a))\n\t\treturn -EINVAL;"),
        ("condition-negated", "if (IS_ENABLED(CONFIG_DMABUF_MOVE_NOTIFY))\n\t\ta = b;"),
        ("condition-negated", "while (a)\n\t\ta--;"),
        # What is negated as a whole already.
        ("relational-operator", "if (a == b)\n\t\ta = 1;"),
        ("arithmetic-operator", "b = sizeof(a + 1);"),
        ("arithmetic-operator", "static int c = 1 + 2;"),
        ("error-replaced", "switch (a) {\n\tcase -EINVAL:\n\t\tb = 1;\n\t}"),
        ("error-replaced", "struct x y = { .z = -EINVAL };"),
        ("error-cleared", "return ERR_PTR(-ENOMEM);"),
        ("error-cleared", "return b;"),
        ("error-replaced", "b = -a;"),
        ("arguments-exchanged", "g(dmabuf, a);"),
        ("arguments-exchanged", "b = min(a, b);"),
        ("arguments-exchanged", "g(a, a);"),
        ("flag-left-out", "g(a | b);"),
        # Past a label, a declaration or the way out nothing is moved.
        ("lock-late", "mutex_lock(&m);\n\tif (a) {\nagain:\n\t\tb = 1;\n\t}"),
        ("lock-late", "mutex_lock(&m);\n\treturn b;"),
        ("unlock-early", "list_for_each_entry(x, y, z)\n\t\ta = b;\n\tmutex_unlock(&m);"),
        ("lock-late", "if (mutex_lock_interruptible(&m))\n\t\treturn -EINTR;"),
        ("break-to-continue", "switch (a) {\n\tcase 1:\n\t\tbreak;\n\t}"),
        ("loop-once", "while (a)\n\t\ta--;"),
        ("loop-once", "if (a) {\n\t\tb = 1;\n\t}"),
    ],
)
def test_no_mistake_is_made(operator: str, body: str) -> None:
    assert operator not in operators(body)


@pytest.mark.parametrize(
    "source",
    [
        b"#define F(x) do { if (x) g(x); } while (0)\n",
        b"static const struct o ops = { .pin = f, .flags = A | B };\n",
        b"static int __init f(void)\n{\n\treturn -EINVAL;\n}\n",
        b"static void __exit f(void)\n{\n\tg();\n}\n",
        b"int x = 1 + 2;\n",
        b"",
        b"\xff\xfe{{{ not C",
    ],
)
def test_nothing_outside_functions_that_tests_can_reach(source: bytes) -> None:
    assert mutants_of("x.c", source) == ()


def test_what_needs_a_line_of_its_own_is_not_duplicated() -> None:
    body = "if (g(a,\n#ifdef CONFIG_X\n\t\tb\n#endif\n\t\t))\n\t\treturn 0;"
    assert not any(one.edits[0].text.count(b"#") for one in made(body))


def test_a_mutant_knows_its_place() -> None:
    (mutation,) = [one for one in made("if (a)\n\t\tdma_fence_put(fence);") if one.operator == "put-dropped"]
    assert mutation.name == "drivers/dma-buf/x.c:6 f: put-dropped"
    assert (mutation.line, mutation.last_line) == (6, 6)


def test_each_mutant_is_there_once_and_they_are_in_order() -> None:
    found = made("if (a && b)\n\t\tmutex_unlock(&m);\n\twhile (a < b) {\n\t\ta++;\n\t}")
    assert len({one.edits for one in found}) == len(found)
    assert [one.line for one in found] == sorted(one.line for one in found)


def test_lines_keep_their_numbers() -> None:
    body = "g(a,\n\t  b,\n\t  ret);"
    for one in made(body):
        assert mutated(source_of(body), one.edits).count(b"\n") == source_of(body).count(b"\n")
