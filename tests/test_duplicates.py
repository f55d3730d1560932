"""Duplicates through the real daemon: the plan is what is applied and journalled, and undo brings every byte back."""

from __future__ import annotations

import hashlib
import json
import shutil
import sqlite3
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from musicsyncd.crashpoints import ENVIRONMENT, MERGING, CrashPoint
from musicsyncd.library.recycle import RECYCLE
from tests.audio import sounds
from tests.fakes.running import Running, running
from tests.test_crash import settle

DEMO = Path(__file__).parents[1] / "musicsyncd" / "demo" / "tracks"
KEEP_ALL = "[duplicates]\nleave_out = false\n"
UNDOING = {CrashPoint.FILE_RESTORED, CrashPoint.RESTORATION_RECORDED, CrashPoint.ROW_REVIVED, CrashPoint.MERGE_UNDONE}


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A daemon's folders, with one recording from two encodings and another one beside it, all kept."""
    folder = tmp_path_factory.mktemp("home")
    with running(folder, extra=KEEP_ALL) as daemon:
        code, report = daemon.sync(*sorted(DEMO.glob("Ada Voss*")), flags=())
        assert code == 0, report
        daemon.stop()
    return folder


@pytest.fixture
def daemon(home: Path, tmp_path: Path) -> Iterator[Running]:
    """A daemon on a copy of that home."""
    shutil.copytree(home, tmp_path, dirs_exist_ok=True)
    with running(tmp_path, extra=KEEP_ALL, start=False) as daemon:
        yield daemon


def standing(daemon: Running) -> dict[str, str]:
    """SHA-256 of every file outside the recycle area."""
    root = daemon.library()
    return {
        name: hashlib.sha256((root / name).read_bytes()).hexdigest()
        for name in daemon.files()
        if not name.startswith(RECYCLE)
    }


def recycled(daemon: Running) -> list[str]:
    return [name for name in daemon.files() if name.startswith(RECYCLE)]


def asked(daemon: Running, *args: str, code: int = 0) -> dict[str, Any]:
    done = daemon.ctl(*args, "--json")
    assert done.returncode == code, done.stdout + done.stderr
    answer: dict[str, Any] = json.loads(done.stdout)
    return answer


def queried(daemon: Running, query: str) -> list[Any]:
    connection = sqlite3.connect(f"file:{daemon.state / 'musicsyncd.db'}?mode=ro", uri=True)
    try:
        return connection.execute(query).fetchall()
    finally:
        connection.close()


def test_the_plan_is_applied_journalled_and_undone(daemon: Running) -> None:
    """Planning moves nothing; applying moves exactly the planned files; undo brings back exactly those."""
    daemon.start()
    before = standing(daemon)
    assert len(before) == 9
    plan = asked(daemon, "duplicates", "plan")
    assert (standing(daemon), recycled(daemon)) == (before, [])
    (group,) = plan["groups"]
    (loser,) = group["losers"]
    planned = {(one["shelf"], one["path"], one["sha256"]) for one in loser["files"]}
    assert len(planned) == 3
    assert "lossy" in loser["audio"]
    assert loser["why"]

    applied = asked(daemon, "duplicates", "apply", plan["plan"])
    assert {(one["shelf"], one["path"], one["sha256"]) for one in applied["moved"]} == planned
    assert applied["left"] == []
    journal = queried(daemon, "SELECT before FROM journal WHERE what = 'recycled'")
    assert {(one["shelf"], one["path"], one["sha256"]) for (text,) in journal for one in [json.loads(text)]} == planned
    assert standing(daemon) == {
        path: digest for path, digest in before.items() if ("main", path, digest) not in planned
    }
    assert len(recycled(daemon)) == 3
    assert queried(daemon, "SELECT count(*) FROM catalog_row WHERE retired_at IS NULL") == [(2,)]

    # What is left out stays left out, and neither a sync nor a second application does anything more.
    code, report = daemon.sync(DEMO / "Ada Voss - Night Ferry.mp3", DEMO / "Ada Voss - Night Ferry.opus")
    assert code == 0, report
    assert asked(daemon, "duplicates", "apply", plan["plan"])["moved"] == []
    assert asked(daemon, "duplicates", "plan")["groups"] == []
    (left_out,) = asked(daemon, "duplicates")["duplicates"]
    assert (left_out["track"], left_out["keeper"]) == (loser["track"], group["keeper"]["track"])

    undone = asked(daemon, "undo", applied["job"])
    assert {(one["shelf"], one["path"], one["sha256"]) for one in undone["restored"]} == planned
    assert (standing(daemon), recycled(daemon)) == (before, [])
    assert queried(daemon, "SELECT count(*) FROM catalog_row WHERE retired_at IS NULL") == [(3,)]
    assert asked(daemon, "undo", applied["job"])["restored"] == []
    (operation,) = asked(daemon, "undo")["operations"]
    assert (operation["operation"], operation["open"]) == (applied["job"], 0)
    track = asked(daemon, "tracks", "show", loser["track"])
    assert (track["state"], len(track["files"])) == ("standing", 3)
    assert asked(daemon, "duplicates", "plan")["groups"] == plan["groups"]


@pytest.mark.parametrize("point", sorted(MERGING))
def test_a_kill_in_the_middle_changes_nothing_in_the_end(point: CrashPoint, daemon: Running) -> None:
    """Wherever an application or an undo is killed, after a restart it ends as an undisturbed one does."""
    daemon.start()
    before = standing(daemon)
    plan = asked(daemon, "duplicates", "plan")
    planned = {one["path"] for one in plan["groups"][0]["losers"][0]["files"]}
    if point not in UNDOING:
        restart(daemon, point)
        (job,) = daemon.client.post("/v1/duplicates/apply", {"plan": plan["plan"]})["jobs"]
        revived(daemon)
    else:
        job = asked(daemon, "duplicates", "apply", plan["plan"])["job"]
    applied = daemon.client.get(f"/v1/jobs/{job}")
    assert (applied["state"], applied["result"]["left"]) == ("done", [])
    assert {one["path"] for one in applied["result"]["moved"]} == planned
    assert standing(daemon) == {path: digest for path, digest in before.items() if path not in planned}
    assert queried(daemon, "SELECT count(*) FROM catalog_row WHERE retired_at IS NULL") == [(2,)]
    if point in UNDOING:
        restart(daemon, point)
        (undo,) = daemon.client.post("/v1/undo", {"operation": job})["jobs"]
        revived(daemon)
        assert daemon.client.get(f"/v1/jobs/{undo}")["state"] == "done"
    else:
        asked(daemon, "undo", job)
    assert (standing(daemon), recycled(daemon)) == (before, [])
    assert queried(daemon, "SELECT count(*) FROM catalog_row WHERE retired_at IS NULL") == [(3,)]
    assert queried(daemon, "SELECT count(*) FROM track WHERE duplicate_of IS NOT NULL") == [(0,)]
    code, report = daemon.sync(*sorted(DEMO.glob("Ada Voss*")))
    assert (code, {one["state"] for one in report.get("tracks", [])} or {"standing"}) == (0, {"standing"})


def restart(daemon: Running, point: CrashPoint) -> None:
    """Start it anew, to die at this point."""
    daemon.stop()
    daemon.start(**{ENVIRONMENT: point.value})


def revived(daemon: Running) -> None:
    """It died; start it again, and let it finish what it had begun."""
    assert daemon.wait_for_death() == -9, "the crash point was never passed"
    daemon.start()
    settle(daemon)


def test_a_refusal_says_what_to_do(daemon: Running) -> None:
    """No such plan, no such operation, no plan at all."""
    daemon.start()
    for args, code in (
        (("duplicates", "apply", "nosuchplan"), 1),
        (("undo", "nosuchoperation"), 1),
        (("duplicates", "apply"), 2),
    ):
        done = daemon.ctl(*args)
        assert done.returncode == code, (args, done)
        assert "Traceback" not in done.stderr
    assert "musicsyncctl duplicates plan" in daemon.ctl("duplicates", "apply", "nosuchplan").stderr
    assert "musicsyncctl undo" in daemon.ctl("undo", "nosuchoperation").stderr
    job = daemon.client.get("/v1/jobs")["jobs"][0]["id"]
    refused = daemon.ctl("duplicates", "apply", job)
    assert refused.returncode == 1
    assert "no finished plan" in refused.stderr


def test_people_read_the_whole_plan(daemon: Running) -> None:
    """Every file with its size and place, which stays and why, and how to go on."""
    daemon.start()
    assert "Nothing is left out" in daemon.ctl("duplicates").stdout
    shown = daemon.ctl("duplicates", "plan").stdout
    assert "Ada Voss - Night Ferry" in shown
    assert shown.count("main  Ada Voss/") == 6
    plan = shown.rsplit(" ", 1)[-1].strip()
    assert f"Do it: musicsyncctl duplicates apply {plan}" in shown
    applied = daemon.ctl("duplicates", "apply", plan)
    assert applied.returncode == 0
    assert "3 files moved to the recycle areas" in applied.stdout
    operation = applied.stdout.rsplit(" ", 1)[-1].strip()
    listed = daemon.ctl("undo").stdout
    assert operation in listed
    assert "3 files recycled" in listed
    undone = daemon.ctl("undo", operation)
    assert (undone.returncode, undone.stdout.splitlines()[-1]) == (0, "3 files brought back.")


def test_a_copy_that_was_left_out_comes_home_when_a_person_says_so(tmp_path: Path) -> None:
    """It is told at its arrival that it has the better audio; kept, it stands, and a plan leaves the poorer one out."""
    flac, mp3 = sounds.LOSSLESS["flac16"], sounds.LOSSY["mp3"]
    (tmp_path / "more").mkdir()
    samples = np.repeat(sounds.decoded(DEMO / "Ada Voss - Lantern Street (Dub).flac")[:, :1], 2, axis=1)
    poor = sounds.write(tmp_path / "Mara - Tide.mp3", mp3, samples)
    good = sounds.write(tmp_path / "more" / "Mara - Tide.flac", flac, samples)
    with running(tmp_path) as daemon:
        (kept,) = daemon.sync(poor)[1]["tracks"]
        _, report = daemon.sync(good)
        (left,) = report["tracks"]
        assert left["state"] == "duplicate"
        assert f"musicsyncctl duplicates keep {left['track']}" in left["note"]
        (job,) = asked(daemon, "duplicates", "keep", left["track"])["jobs"]
        settle(daemon)
        assert daemon.client.get(f"/v1/jobs/{job}")["state"] == "done"
        assert asked(daemon, "tracks", "show", left["track"])["state"] == "standing"
        assert asked(daemon, "duplicates")["duplicates"] == []
        (group,) = asked(daemon, "duplicates", "plan")["groups"]
        assert (group["keeper"]["track"], [one["track"] for one in group["losers"]]) == (left["track"], [kept["track"]])
        assert "lossless before lossy audio" in group["losers"][0]["why"]
