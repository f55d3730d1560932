"""Rows that stand twice through the real daemon: planned, merged, killed at every commit point, and taken back."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from musicsyncd.crashpoints import ENVIRONMENT, MERGING_ROWS, CrashPoint
from tests.fakes.notion import NotionFake
from tests.fakes.notion_music import Workspace, music_workspace
from tests.fakes.running import Running, running
from tests.test_crash import settle

ID = "4uLU6hMCjMI75M1A2tKUQC"
UNDOING = {CrashPoint.DONOR_BACK, CrashPoint.AMENDMENT_UNDONE}


@pytest.fixture
def workspace() -> Iterator[Workspace]:
    with NotionFake() as fake:
        found = music_workspace(fake)
        fake.row(found.tracks, {"Title": "Joga", "Spotify ID": ID, "Eagle File ID": "E1"})
        fake.row(found.tracks, {"Title": "Joga", "Spotify ID": ID, "Album": "Homogenic", "Popularity": 71})
        fake.row(found.tracks, {"Title": "Joga"})
        yield found
        assert fake.faults == []


@pytest.fixture
def daemon(tmp_path: Path, workspace: Workspace) -> Iterator[Running]:
    """With that book; not started."""
    extra = f'[notion]\nbase_url = "{workspace.fake.url}"\nlag = 0\nrequests_per_second = 100\nmirror_every = 1\n'
    with running(tmp_path, start=False, extra=extra, environment=workspace.environment()) as found:
        yield found


def said(workspace: Workspace) -> dict[str, tuple[bool, Mapping[str, Any]]]:
    rows = workspace.fake.pages(workspace.tracks, trashed=None)
    return {row.id: (row.in_trash, dict(row.values)) for row in rows}


def asked(daemon: Running, *args: str) -> dict[str, Any]:
    done = daemon.ctl(*args, "--json")
    assert done.returncode == 0, done.stdout + done.stderr
    answer: dict[str, Any] = json.loads(done.stdout)
    return answer


def test_the_plan_is_applied_and_undone(daemon: Running, workspace: Workspace) -> None:
    """As a person sees it."""
    daemon.start()
    before = said(workspace)
    shown = daemon.ctl("catalog", "duplicates")
    assert shown.returncode == 0, shown.stderr
    for words in ("Joga", "Eagle id +5", ID, "album: nothing becomes", "goes with it: Popularity 71", "written"):
        assert words in shown.stdout
    refused = daemon.ctl("catalog", "accept")
    assert (refused.returncode, "Nothing of the book waits" in refused.stderr) == (1, True)
    plan = asked(daemon, "catalog", "duplicates")
    assert (said(workspace), plan["rows"]) == (before, 1)
    assert daemon.ctl("catalog", "duplicates", "apply", "nothing").returncode == 1
    applied = daemon.ctl("catalog", "duplicates", "apply", plan["plan"])
    assert applied.returncode == 0, applied.stderr
    assert "1 row merged into others" in applied.stdout
    assert [trashed for trashed, _ in said(workspace).values()].count(True) == 1
    (operation,) = asked(daemon, "undo")["operations"]
    assert "1 row merged" in daemon.ctl("undo").stdout
    assert "1 row brought back" in daemon.ctl("undo", operation["operation"]).stdout
    assert said(workspace) == before


@pytest.mark.parametrize("point", sorted(MERGING_ROWS))
def test_a_kill_changes_nothing_in_the_end(daemon: Running, workspace: Workspace, point: CrashPoint) -> None:
    """The same end as undisturbed, once: when merging as when that is undone."""
    daemon.start()
    before = said(workspace)
    plan = asked(daemon, "catalog", "duplicates")
    if point in UNDOING:
        operation = asked(daemon, "catalog", "duplicates", "apply", plan["plan"])["job"]
    daemon.stop()
    daemon.start(**{ENVIRONMENT: point.value})
    if point in UNDOING:
        daemon.client.post("/v1/undo", {"operation": operation})
    else:
        (operation,) = daemon.client.post("/v1/catalog/duplicates/apply", {"plan": plan["plan"]})["jobs"]
    assert daemon.wait_for_death() == -9, "the crash point was never passed"
    daemon.start()
    settle(daemon)
    if point not in UNDOING:
        (group,) = plan["groups"]
        now = said(workspace)
        assert [page for page, (trashed, _) in now.items() if trashed] == [group["donors"][0]["page"]]
        assert now[group["keeper"]["page"]][1]["Album"] == "Homogenic"
        job = daemon.client.get(f"/v1/jobs/{operation}")
        assert (job["state"], len(job["result"]["merged"])) == ("done", 1)
        asked(daemon, "undo", operation)
    assert said(workspace) == before
    (told,) = asked(daemon, "undo")["operations"]
    assert told["open"] == 0
