"""A real daemon before a Notion: its alerts, its schedule, what is wrong there, and that dev mode leaves it alone."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from tests.fakes.notion import NotionFake, Row
from tests.fakes.notion_music import Workspace, music_workspace
from tests.fakes.running import Running, running, write_wave
from tests.fakes.waiting import wait_for

PACE = "requests_per_second = 100\nlag = 0\n"


@pytest.fixture
def ws() -> Iterator[Workspace]:
    with NotionFake() as fake:
        yield music_workspace(fake)
        assert fake.faults == []


def settings(ws: Workspace, **more: Any) -> str:
    lines = "".join(f'{name} = "{value}"\n' for name, value in more.items())
    return f'[notion]\nbase_url = "{ws.fake.url}"\n{PACE}{lines}[alerts]\nvolume_grace = 0\nsettle = 0\n'


def tasks(ws: Workspace) -> dict[str, Row]:
    """The open and closed pages of the tasks, by key."""
    rows = ws.fake.pages(ws.tasks)
    found = {row["External Key"]: row for row in rows}
    assert len(found) == len(rows), "a finding has two pages"
    return found


def alerts(daemon: Running) -> dict[str, dict[str, Any]]:
    return {one["key"]: one for one in daemon.client.get("/v1/alerts?all=true")["alerts"]}


def seen_oftener(daemon: Running, looks: int) -> bool:
    """Whether the volume was found away by more looks than these."""
    return bool(alerts(daemon)["volume:second"]["count"] > looks)


def test_dev_mode_leaves_notion_alone(ws: Workspace, tmp_path: Path) -> None:
    """Whatever is configured: no request at all, rows in the scratch catalog, and it says so."""
    ws.fake.row(ws.config, {"Name": "incremental", "Sync Enabled": True, "Cron Active": True, "Sync Interval": 1})
    extra = settings(ws, config_db=ws.config.id)
    with running(tmp_path, volumes=("main", "second"), extra=extra) as daemon:
        daemon.stop()
        daemon.library("second").rename(tmp_path / "away")
        ws.fake.requests.clear()
        daemon.environment |= ws.environment() | {"MUSICSYNCD_MODE": "dev"}
        daemon.start()
        _, report = daemon.sync(write_wave(tmp_path / "music" / "A - B.wav"))
        assert report["tracks"][0]["details"]["targets"]["catalog:local"] == "standing"
        status = daemon.ctl("status").stdout
        assert "scratch catalog: dev mode does not open Notion" in status
        assert "SCHEDULE" not in status
        assert alerts(daemon)["volume:second"]["told"].keys() == {"log"}
        assert ws.fake.requests == []
        assert "scratch catalog" in daemon.ctl("doctor").stdout


def test_what_is_wrong_becomes_a_task_and_an_issue_once(ws: Workspace, tmp_path: Path) -> None:
    """Over kills and lost answers; closed when it is in order again."""
    with running(tmp_path, volumes=("main", "second"), extra=settings(ws)) as daemon:
        daemon.stop()
        daemon.library("second").rename(tmp_path / "away")
        daemon.environment |= ws.environment()
        daemon.start()
        task = wait_for(lambda: tasks(ws).get("volume:second"))
        assert (task["Status"], task["Priority"], task["Assigned-Agent"]) == ("Not Started", "High", [ws.agent])
        wait_for(lambda: ws.fake.pages(ws.issues))
        for looks in (1, 2):
            daemon.kill()
            daemon.start()
            wait_for(partial(seen_oftener, daemon, looks))
        assert len(tasks(ws)) == len(ws.fake.pages(ws.issues)) == 1
        daemon.stop()
        (tmp_path / "away").rename(daemon.library("second"))
        daemon.start()
        wait_for(lambda: tasks(ws)["volume:second"]["Status"] == "Completed")
        wait_for(lambda: ws.fake.pages(ws.issues)[0]["Status"] == "Resolved")


def test_a_database_that_is_wrong_stops_its_side_only(ws: Workspace, tmp_path: Path) -> None:
    """The track is kept and waits for its row; one alert says why; mended, the row is written."""
    ws.fake.delete_property(ws.tracks, "Downloaded")
    with running(tmp_path, extra=settings(ws)) as daemon:
        daemon.stop()
        daemon.environment |= ws.environment()
        daemon.start()
        wait_for(lambda: tasks(ws).get("notion:tracks_db"))
        code, report = daemon.sync(write_wave(tmp_path / "music" / "A - B.wav"))
        targets = report["tracks"][0]["details"]["targets"]
        assert (code, targets["volume:main"]) == (6, "standing")
        assert "has no property 'Downloaded'" in targets["catalog:notion"]
        assert ws.fake.pages(ws.tracks) == []
        (item,) = daemon.client.get("/v1/status")["attention_items"]
        assert (item["key"], item["severity"], "Downloaded" in item["what"]) == ("notion:tracks_db", "critical", True)
        assert list(tasks(ws)) == ["notion:tracks_db"]
        ws.fake.add_property(ws.tracks, "Downloaded", "checkbox")
        daemon.stop()
        daemon.start()
        wait_for(lambda: ws.fake.pages(ws.tracks))


def test_the_schedule_is_the_owners_table(ws: Workspace, tmp_path: Path) -> None:
    """Read at the start; status says where it comes from, and what makes no sense needs a person."""
    ws.fake.row(ws.config, {"Name": "full", "Sync Enabled": False, "Trigger": "Cron"})
    ws.fake.row(ws.config, {"Name": "incremental", "Sync Enabled": True, "Cron Active": True, "Sync Interval": -3})
    ws.fake.row(ws.config, {"Name": "Spotify sync", "Trigger": "GAS", "Sync Interval": 60})
    with running(tmp_path, extra=settings(ws, config_db=ws.config.id)) as daemon:
        daemon.stop()
        daemon.start(NOTION_TOKEN=ws.fake.token)
        schedule = wait_for(lambda: (now := daemon.client.get("/v1/status")["schedule"])["others"] and now)
        assert (schedule["origin"], schedule["others"]) == ("Notion: Sync Configuration", ["The row Spotify sync"])
        assert (set(schedule["next"]) & {"full", "incremental"}) == {"incremental"}
        assert "SCHEDULE       Notion: Sync Configuration" in daemon.ctl("status").stdout
        (item,) = daemon.client.get("/v1/status")["attention_items"]
        assert "-3" in item["what"]
