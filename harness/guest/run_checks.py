#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-only
"""Start of the checks inside the guest: ``/usr/bin/python3 -I -S run_checks.py [--list] [--factor F] [NAME ...]``.

With ``-I -S`` the interpreter starts fastest and knows only the standard library, so the directory that holds the
``harness`` package is put on the path here. It is found from this file: the folder can be copied anywhere.
"""

from __future__ import annotations

import os
import sys

if __name__ == "__main__":
    sys.dont_write_bytecode = True
    sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__)))))  # noqa: PTH100, PTH120
    from harness.guest.runner import main

    sys.exit(main(sys.argv[1:]))
