# SPDX-License-Identifier: GPL-2.0-only
"""From requests to a complete ``.config``."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from harness import process
from harness.architecture import ARCHITECTURE
from harness.cache_users import note_use
from harness.kconfig.config_inputs import inputs_digest, reads_sources
from harness.kconfig.history import load_history
from harness.kconfig.lost_symbols import ABSENT, problems, unknown
from harness.machine_failures import refuse_machine_failure
from harness.model import BuildFailure, CompilerMessage, ConfigProblem, ResolvedConfig, SymbolRequest, Variant
from harness.paths import cache_dir, write_atomic
from harness.scratch import scratch, unbroken
from harness.series import Applied

_RECIPE = "3"  # part of the cache key: change it with the way a config is made
_Remembered = tuple[str, tuple[ConfigProblem, ...], tuple[str, ...]]  # config, problems, unknown symbols
_KCONFIG_ERROR = re.compile(r"(?P<path>[\w./-]*Kconfig[\w.-]*):(?P<line>\d+):\s*(?:error:\s*)?(?P<text>.+)")


def resolve(applied: Applied, requests: Sequence[SymbolRequest], variant: Variant) -> ResolvedConfig | BuildFailure:
    """Have Kconfig work out ``requests`` and the variant's options, everything else off, and verify the outcome.

    An option of the variant overrides a request for the same symbol. The result is remembered for these requests, this
    compiler, and all sources that differ in nothing that Kconfig reads. ``BuildFailure`` (stage "config") if the tree's
    Kconfig files are broken. The caller holds the work tree. Raises ``InfrastructureError`` if there is no compiler.
    """
    asked = with_variant(requests, variant)
    wanted = "".join(_line(request) for request in asked)
    cached = cache_dir("configs") / f"{_key(applied, asked)}.json"
    remembered = _recall(cached, asked)
    if remembered is None:
        outcome = _run_kconfig(applied, wanted)
        if isinstance(outcome, BuildFailure):
            return outcome
        tree = applied.tree.path
        lost = _with_history(problems(asked, outcome, tree, applied.tree_id), applied.tree.version)
        remembered = outcome, lost, unknown(variant.options, outcome, tree, applied.tree_id)
        if not reads_sources(tree, applied.tree_id):
            _remember(cached, *remembered)
    text, lost, absent = remembered
    return ResolvedConfig(variant, text, hashlib.sha256(text.encode()).hexdigest(), lost, absent)


def with_variant(requests: Sequence[SymbolRequest], variant: Variant) -> tuple[SymbolRequest, ...]:
    """``requests`` with the options of ``variant`` in the place of theirs. A variant's symbol is not required."""
    origin = f"kernel-configs/variants.toml: {variant.name}"
    options = [
        SymbolRequest(symbol, value, origin, variant.title, required=False, if_present=True)
        for symbol, value in variant.options.items()
    ]
    return (*(request for request in requests if request.symbol not in variant.options), *options)


def _with_history(lost: Sequence[ConfigProblem], version: str) -> tuple[ConfigProblem, ...]:
    """``lost``, where a symbol does not exist with what became of it."""
    history = load_history()

    def why(problem: ConfigProblem) -> str:
        known = history.get(problem.request.symbol) if problem.why == ABSENT else None
        return ": ".join(filter(None, [problem.why, known.why_absent(version) if known is not None else ""]))

    return tuple(replace(problem, why=why(problem)) for problem in lost)


def _line(request: SymbolRequest) -> str:
    if request.value == "n":
        return f"# CONFIG_{request.symbol} is not set\n"
    return f"CONFIG_{request.symbol}={request.value}\n"


def _key(applied: Applied, asked: Sequence[SymbolRequest]) -> str:
    version = process.check([ARCHITECTURE.tool("gcc"), "--version"], what="compiler")
    wanted = [f"{request.symbol}={request.value} {request.if_present}" for request in asked]
    source = inputs_digest(applied.tree.path, applied.tree_id)
    return hashlib.sha256("\0".join([_RECIPE, source, version, *wanted]).encode()).hexdigest()


def _run_kconfig(applied: Applied, wanted: str) -> str | BuildFailure:
    """``allnoconfig`` from ``wanted``: what is not asked for is off, also where its default is on."""
    tree = applied.tree.path
    objects = cache_dir("configs", "programs", hashlib.sha256(str(tree).encode()).hexdigest()[:16])
    note_use(objects)
    with unbroken(objects), scratch("config") as place:
        asked, config = place / "asked", place / ".config"
        asked.write_text(wanted)
        env = process.clean_environment({"KCONFIG_ALLCONFIG": str(asked), "KCONFIG_CONFIG": str(config)})
        box = process.Sandbox((objects, place), (tree,))
        done = box.run(["make", "-C", tree, f"O={objects}", "allnoconfig"], env=env)
        if done.ok:
            return config.read_text()
        refuse_machine_failure(done.stdout, objects)
    log = objects / "config.log"
    write_atomic(log, done.stdout)  # where the build could put a link
    return BuildFailure("config", _messages(done.stdout, applied), log, done.stdout[-2000:])


def _messages(output: str, applied: Applied) -> tuple[CompilerMessage, ...]:
    found = []
    for line in output.splitlines():
        if match := _KCONFIG_ERROR.match(line):
            path = match["path"].removeprefix(f"{applied.tree.path}/")
            number = int(match["line"])
            added = number in applied.added.get(path, frozenset())
            found.append(CompilerMessage(path, number, "error", match["text"], added))
    return tuple(dict.fromkeys(found))


def _remember(cached: Path, text: str, lost: Sequence[ConfigProblem], absent: Sequence[str]) -> None:
    entries = [{"symbol": problem.request.symbol, "got": problem.got, "why": problem.why} for problem in lost]
    write_atomic(cached, json.dumps({"config": text, "problems": entries, "unknown": absent}))


def _recall(cached: Path, asked: Sequence[SymbolRequest]) -> _Remembered | None:
    requests = {request.symbol: request for request in asked}
    try:
        found = json.loads(cached.read_text())
        lost = tuple(ConfigProblem(requests[p["symbol"]], p["got"], p["why"]) for p in found["problems"])
        return str(found["config"]), lost, tuple(map(str, found["unknown"]))
    except (OSError, ValueError, KeyError, TypeError):
        return None  # never written, or by another version
