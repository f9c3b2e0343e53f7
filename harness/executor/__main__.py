# SPDX-License-Identifier: GPL-2.0-only
"""``python -m harness.executor``: one job, from standard input."""

import sys

from harness.executor.worker import main

sys.exit(main())
