# SPDX-License-Identifier: GPL-2.0-only
"""All commands: in which list of ``--help`` each is, its module in ``harness.cli``, and what it is for in one line.

They are here so that ``--help`` need not load them all: only the module of the command that was typed is loaded.
"""

from __future__ import annotations

from harness.paths import PROJECT_FILE

COMMANDS = {
    "commands": {
        "run": ("run", "test a kernel with a patch"),
        "show": ("show", "show what run would test, without testing it"),
        "report": ("report", "show a run again and rewrite its junit.xml and report.html"),
        "compare": ("compare", "hold two runs against each other"),
        "bisect": ("bisect", "find the commit, patch or option that broke a test"),
        "doctor": ("doctor", "check what this machine needs; KVM is proved by booting a kernel"),
        "list": ("listing", "show the names of suites, variants, series and checks"),
        "coverage": ("coverage", "show which test reaches which line"),
        "shell": ("shell", "a shell, or a command, in a guest of a run"),
        "reproduce": ("reproduce", "what failed in a run once more, in fresh guests"),
        "matrix": ("matrix", "test many series on many bases, here or on many machines"),
        "worker": ("cluster_worker", "let this machine do the work of a matrix that runs elsewhere"),
        "watch": ("watch", "test a kernel tree while you work in it"),
        "mcp": ("mcp", "the harness as tools for a coding agent"),
        "init": ("init", f"write a {PROJECT_FILE}, for options that hold in a tree"),
        "clean": ("clean", "show what the cache holds, and remove what is old or too much"),
        "completion": ("completion", "print what makes a shell complete commands, options and names"),
    },
    "commands for scripts, and for work on the harness itself": {
        "bisect-step": ("bisect_step", "one step for git bisect run"),
        "expect": ("expect", "propose expectations for what went wrong in a run"),
        "faults": ("faults", "plant known bugs and see that they are found"),
        "mutants": ("mutants", "make mistakes in the kernel on purpose, and see which of them the tests notice"),
        "bench": ("bench", "measure the main job"),
    },
}
"""Title -> command -> (module, line), in the order of ``--help``."""
