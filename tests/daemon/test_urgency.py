"""Who goes first at Notion."""

from __future__ import annotations

from collections.abc import Mapping
from types import SimpleNamespace
from typing import Any, cast

import pytest

from musicsyncd.daemon.notion import urgent
from musicsyncd.jobs.base import JobContext
from musicsyncd.jobs.job import Lane
from musicsyncd.notion.client import URGENCY, Urgency


@pytest.mark.parametrize(("lane", "expected"), [(Lane.USER, Urgency.USER), (Lane.BACKLOG, Urgency.BACKLOG)])
async def test_a_job_asks_as_urgently_as_it_was_asked_for(lane: Lane, expected: Urgency) -> None:
    """A person's job goes before the backlog's, and what it returns is handed on."""

    async def handler(context: JobContext, args: Mapping[str, Any]) -> dict[str, Any]:
        return {"urgency": URGENCY.get()}

    context = cast(JobContext, SimpleNamespace(job=SimpleNamespace(lane=lane)))
    assert await urgent(handler)(context, {}) == {"urgency": expected}
