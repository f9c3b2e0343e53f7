# SPDX-License-Identifier: GPL-2.0-only
"""A walk in words: a line for each decision, how far it is, and the report at its end."""

from __future__ import annotations

import math
import shlex
from collections.abc import Sequence
from pathlib import Path

from harness.bisect import odds
from harness.bisect.observation import ObservationKind, observe
from harness.bisect.state import BisectRequest, CommitTest, CommitVerdict, End, Role, State, Symptom, SymptomKind, Trail
from harness.bisect.targets import Target
from harness.report.text import duration, one_line, plural

_STEP_WORDS = {CommitVerdict.SKIP: "cannot be tested"}


def reference(commit: str, subject: str) -> str:
    """A commit as kernel developers write it: ``0123456789ab ("dma-buf: move it")``."""
    return f'{commit[:12]} ("{one_line(subject)}")'


def step_line(step: CommitTest, state: State) -> str:
    """Which commit, why it was tested, and what was decided: one line."""
    return f"{step.role.value} {reference(step.commit, step.subject)}: {decision(step, state)}"


def decision(step: CommitTest, state: State) -> str:
    """What was decided about a commit, why, and how sure it is: one line."""
    if step.verdict is None:
        return "not decided yet"
    word = _STEP_WORDS.get(step.verdict, step.verdict.value)
    same = f"the same kernel as {step.same_as[:12]}, not booted again" if step.same_as else ""
    told = [f"{word}: {one_line(step.why)}", same, _counted(step, state), _odds(step), duration(step.seconds)]
    return ", ".join(filter(None, told))


def _counted(step: CommitTest, state: State) -> str:
    """ "3 of 3 runs"; how many of them are known from before."""
    if not step.attempts or step.same_as:
        return ""
    runs = len(step.attempts)
    seen = [observe(state.question.symptom, attempt).seen for attempt in step.attempts]
    bad, again = seen.count(ObservationKind.BAD), sum(attempt.again for attempt in step.attempts)
    known = f", {again} known from before" if again else ""
    return f"{bad} of {runs} {'run' if runs == 1 else 'runs'} bad{known}"


def _odds(step: CommitTest) -> str:
    if step.verdict is CommitVerdict.GOOD and step.odds:
        return f"a bad one does that in {odds.in_words(step.odds)} of all cases"
    return (
        f"a good one does that in {odds.in_words(step.odds)} of all cases"
        if step.verdict is CommitVerdict.BAD and step.odds
        else ""
    )


def progress(state: State, left: int, steps: int) -> str:
    """How far it is, as git reckons, and how long about."""
    seconds = seconds_per_step(state)
    about = f", about {duration(max(1, steps) * seconds)}" if seconds else ""
    commits = "1 commit" if left == 1 else f"{left} commits"
    return f"{commits} left, {f'{steps} or {steps + 1} steps' if steps else '1 step at most'}{about}"


def seconds_per_step(state: State) -> float:
    """Wall time of a step so far; the first end has a build of everything, so steps count alone once there are some."""
    steps = [step for step in state.steps if step.role is Role.STEP and step.verdict is not None]
    used = steps or [step for step in state.steps if step.verdict is not None]
    return sum(step.seconds for step in used) / len(used) if used else 0.0


# --- the end ----------------------------------------------------------------------------------


def confidence(state: State) -> float:
    """The chance that no decision is wrong, as far as it can be reckoned."""
    decisions = (CommitVerdict.GOOD, CommitVerdict.BAD)
    decided = [step for step in state.steps if step.verdict in decisions and not step.same_as]
    return math.prod(1 - step.odds for step in decided)


def builds_and_boots(state: State) -> tuple[int, int]:
    """Kernels that were compiled, and guests that were booted."""
    boots = sum(not attempt.again for step in state.steps for attempt in step.attempts)
    return sum(step.built for step in state.steps), boots


def headline(state: State, target: Target) -> str:
    """One line: how the walk ended."""
    ending = state.ending
    if ending is None:
        return "not at its end yet"
    names = [_short(commit, target) for commit in ending.commits[:1]]
    if ending.end is End.RANGE:
        return f"{ending.end.value}: {len(ending.commits)} commits: {one_line(ending.detail)}"
    return ": ".join(filter(None, [ending.end.value, *names, one_line(ending.detail)]))


def neighbours(state: State, target: Target) -> list[CommitTest]:
    """The steps that the answer stands on: the culprit (or each of a range), and the nearest good commits."""
    if state.ending is None:
        return []
    if state.ending.end not in (End.FOUND, End.RANGE):
        return list(state.steps)
    parents = {parent for commit in state.ending.commits for parent in target.git.parents(commit)}
    near = [*state.ending.commits, *sorted(parents - set(state.ending.commits))]
    return [step for commit in near if (step := state.step(commit)) is not None]


def check_again(state: State, target: Target, commit: str) -> str:
    """A shell command that tests ``commit`` as the walk did; empty if there is none."""
    arguments = target.again(commit)
    if not arguments:
        return ""
    question = state.question
    own = [word for path in question.pytest for word in ("--pytest", str(path))]
    if arguments[0] == "bisect":
        suites = ["--suite", *question.suites] if question.suites else []
        return shlex.join(["dmabuf-harness", *arguments, *_looked_for(question.symptom), *suites, *own])
    how = ["--variant", question.variant, "--no-base", *_tests(question), *own]
    return shlex.join(["dmabuf-harness", *arguments, *how])


def _looked_for(symptom: Symptom) -> list[str]:
    """The options that name ``symptom``."""
    if symptom.kind is SymptomKind.SPLAT:
        test = symptom.moment.around
        return ["--splat", symptom.name, *(["--test", test] if test and symptom.needs_tests else [])]
    return ["--test", "boot" if symptom.kind is SymptomKind.BOOT else str(symptom)]


def _tests(question: BisectRequest) -> list[str]:
    """Options of run that leave only what shows the symptom, as far as its name says that."""
    symptom = question.symptom
    suite, name = symptom.suite, symptom.name
    if symptom.kind is SymptomKind.SPLAT:
        moment = symptom.moment
        suite, name = (moment.suite, moment.test) if moment.test else ("", moment.around)
    if not suite:
        return ["--suite", *question.suites] if question.suites else []
    return ["--suite", suite, *(["--only", name] if name else [])]


def summary(state: State, target: Target, directory: Path) -> str:
    """The report for the terminal."""
    builds, boots = builds_and_boots(state)
    lines = [one_line(headline(state, target)), ""]
    lines += _culprit(state, target)
    lines += [f"looked for: {state.question.symptom}", *_table(neighbours(state, target), state), ""]
    took = f"{plural(builds, 'build')}, {plural(boots, 'boot')}, {duration(state.seconds)}"
    lines.append(f"{plural(state.total, 'commit')}, {len(state.steps)} tested: {took}{_sure(state)}")
    lines += [f"again:   {command}" for command in _commands(state, target)]
    lines.append(f"results: {directory}")
    return "\n".join(lines) + "\n"


def _sure(state: State) -> str:
    """How sure an answer is; where an end is not what it was said to be, there is none."""
    answered = state.ending is not None and state.ending.end in (End.FOUND, End.RANGE)
    return f"; all of that is right with {odds.in_words(confidence(state))}" if answered else ""


def _culprit(state: State, target: Target) -> list[str]:
    if state.ending is None or state.ending.end not in (End.FOUND, End.RANGE):
        return []
    lines = []
    for commit in state.ending.commits:
        told = target.git.show(commit, "commit %H%nauthor %an <%ae>%ndate %ad%n%n    %s").splitlines()
        stat = [f" {line.strip()}" for line in target.stat(commit).splitlines()]
        lines += (
            [*map(_indented, told), "", *stat, ""] if state.ending.end is End.FOUND else [f"  {_short(commit, target)}"]
        )
    return lines


def _indented(line: str) -> str:
    return f"    {one_line(line)}" if line.startswith("    ") else one_line(line)


def _short(commit: str, target: Target) -> str:
    return reference(commit, target.git.show(commit, "%s"))


def _table(steps: Sequence[CommitTest], state: State) -> list[str]:
    return [f"  {reference(step.commit, step.subject)}\n      {decision(step, state)}" for step in steps]


def _commands(state: State, target: Target) -> list[str]:
    """For the culprit, and for the good commits before it. Of a config the first has both."""
    if state.ending is None or state.ending.end is not End.FOUND:
        return []
    near = [step.commit for step in neighbours(state, target)]
    near = near[:1] if state.question.trail is Trail.CONFIG else near  # its own two configs hold both ends
    return list(filter(None, (check_again(state, target, commit) for commit in near)))


# --- a mail -----------------------------------------------------------------------------------


def markdown(state: State, target: Target) -> str:
    """To paste in a mail: the answer, what it stands on, and git's own log."""
    builds, boots = builds_and_boots(state)
    lines = [f"# {headline(state, target)}", "", f"Looked for: {state.question.symptom}", ""]
    lines += [f"    {line}".rstrip() for line in _culprit(state, target)]
    lines += ["", "What this stands on:", ""]
    lines += [
        f"- {reference(step.commit, step.subject)}: {decision(step, state)}" for step in neighbours(state, target)
    ]
    lines += ["", f"{plural(builds, 'build')} and {plural(boots, 'boot')} for {plural(state.total, 'commit')}."]
    lines += _section("To check it again", _commands(state, target))
    lines += _section("git bisect log", target.git.log.splitlines())
    return "\n".join(lines) + "\n"


def _section(title: str, lines: Sequence[str]) -> list[str]:
    return ["", f"{title}:", "", *(f"    {line}" for line in lines)] if lines else []
