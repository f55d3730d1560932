"""A real daemon that begins things by itself: its clock, its folders, its own settings, and a person's pause."""

from __future__ import annotations

import json
import os
import signal
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, TypeVar

import pytest

from musicsyncd.triggers.watching import STEP
from tests.fakes.running import Running, running, write_wave
from tests.fakes.waiting import wait_for

T = TypeVar("T")
QUICK = '[schedule]\nincremental = "1 s"\njitter = 0\n'


def requests(daemon: Running) -> list[dict[str, Any]]:
    """Every request, the newest first."""
    jobs: list[dict[str, Any]] = daemon.client.get("/v1/jobs?kind=request&limit=1000")["jobs"]
    return jobs


def logged(daemon: Running, event: str) -> list[dict[str, Any]]:
    """The lines of the log that tell of this."""
    lines = [json.loads(line) for line in daemon.log.read_text().splitlines()]
    return [line for line in lines if line["event"] == event]


def test_a_stopped_daemon_makes_up_for_what_it_missed_once(tmp_path: Path) -> None:
    with running(tmp_path, extra=QUICK) as daemon:
        assert daemon.process is not None
        wait_for(lambda: requests(daemon))
        daemon.process.send_signal(signal.SIGSTOP)
        slept = datetime.now(UTC)
        time.sleep(5)
        daemon.process.send_signal(signal.SIGCONT)
        woke = datetime.now(UTC)
        wait_for(lambda: [one for one in requests(daemon) if datetime.fromisoformat(one["created_at"]) > woke])
        made = [datetime.fromisoformat(one["created_at"]) for one in requests(daemon)]
        assert sum(slept < one and (one - woke).total_seconds() < 0.9 for one in made) <= 2
        assert {one["key"] for one in requests(daemon)} == {"incremental||"}


def test_a_pause_is_a_persons_and_survives_a_restart(tmp_path: Path) -> None:
    with running(tmp_path, extra=QUICK) as daemon:
        assert "all  since" in daemon.ctl("pause").stdout
        daemon.stop()
        daemon.start()
        done = len(requests(daemon))
        time.sleep(1.5)
        assert len(requests(daemon)) == done
        assert "PAUSED         all" in daemon.ctl("status").stdout
        asked = daemon.ctl("sync", "--next")
        assert (asked.returncode, "Paused: all." in asked.stderr) == (0, True)
        assert daemon.ctl("resume").stdout == "Nothing is paused.\n"
        wait_for(lambda: len(requests(daemon)) > done + 1)
        refused = daemon.ctl("pause", "tidal")
        assert (refused.returncode, "soundcloud" in refused.stderr) == (1, True)


def test_the_settings_are_read_anew_when_their_file_changes(tmp_path: Path) -> None:
    with running(tmp_path) as daemon:
        assert "full" in daemon.client.get("/v1/status")["schedule"]["next"]
        daemon.extra = '[schedule]\nfull = "off"\nincremental = "1 h"\n'
        daemon.write_config()
        (line,) = wait_for(lambda: logged(daemon, "settings reloaded"))
        assert line["changed"] == ["schedule.full", "schedule.incremental"]
        assert list(daemon.client.get("/v1/status")["schedule"]["next"]) == ["incremental", "reconcile"]
        daemon.extra = '[schedule]\nfull = "never"\n'
        daemon.write_config()
        wait_for(lambda: logged(daemon, "settings not reloaded"))
        time.sleep(2 * STEP / 1000)
        assert len(logged(daemon, "settings not reloaded")) == 1
        assert daemon.process is not None
        daemon.process.send_signal(signal.SIGHUP)
        wait_for(lambda: len(logged(daemon, "settings not reloaded")) == 2)
        assert list(daemon.client.get("/v1/status")["schedule"]["next"]) == ["incremental", "reconcile"]


def test_an_inbox_brings_its_files_home_and_plans_are_named(tmp_path: Path) -> None:
    inbox, plans = tmp_path / "inbox", tmp_path / "plans"
    inbox.mkdir()
    plans.mkdir()
    extra = f"[[inbox]]\npath = {json.dumps(str(inbox))}\n[plans]\ndir = {json.dumps(str(plans))}\n"
    with running(tmp_path, extra=extra) as daemon:
        whole = write_wave(tmp_path / "A - B.wav").read_bytes()
        with (inbox / "A - B.wav").open("wb") as file:
            for start in range(0, len(whole), len(whole) // 4 + 1):
                file.write(whole[start : start + len(whole) // 4 + 1])
                file.flush()
                os.fsync(file.fileno())
                time.sleep(0.05)
        (plans / "next.md").write_text("- [ ] a deliverable")
        wait_for(lambda: daemon.client.get("/v1/status")["tracks"]["standing"])
        assert [one["key"] for one in requests(daemon)] == ["incremental|folder|"]
        wait_for(lambda: daemon.client.get("/v1/status")["schedule"]["changed_plans"])
        assert "PLANS CHANGED  1  next.md" in daemon.ctl("status").stdout


@pytest.mark.parametrize("source", ["folder", "all"])
def test_nothing_is_taken_from_a_paused_inbox(tmp_path: Path, source: str) -> None:
    inbox = tmp_path / "inbox"
    inbox.mkdir()
    with running(tmp_path, extra=f"[[inbox]]\npath = {json.dumps(str(inbox))}\n") as daemon:
        daemon.ctl("pause", source)
        write_wave(inbox / "A - B.wav")
        time.sleep(2)
        assert requests(daemon) == []
        daemon.ctl("resume", source)
        wait_for(lambda: daemon.client.get("/v1/status")["tracks"]["standing"])
        assert [one["key"] for one in requests(daemon)] == ["incremental|folder|"]
