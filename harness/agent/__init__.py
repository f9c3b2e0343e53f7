# SPDX-License-Identifier: GPL-2.0-only
"""The harness as tools for a coding agent: long work as jobs, each a process of its own."""

from harness.agent.agent_jobs import AgentJob, AgentJobs
from harness.agent.agent_requests import AgentRequest

__all__ = ["AgentJob", "AgentJobs", "AgentRequest"]
