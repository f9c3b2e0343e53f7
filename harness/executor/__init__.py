# SPDX-License-Identifier: GPL-2.0-only
"""Where the tests of a kernel run: a job goes in, findings come out, both plain data.

``local_executor`` boots guests on this machine, and is the only module here that names what boots them. Runs, repeats,
planted faults and bisections hand their jobs to an ``Executor`` and do not know which.
``python -m harness.executor`` does one job in a process of its own (``worker``).
"""

from harness.executor.kernel_job import Executor, Findings, JobSource, KernelJob, Machine

__all__ = ["Executor", "Findings", "JobSource", "KernelJob", "Machine"]
