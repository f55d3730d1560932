"""Eagle end to end: the real daemon, a played Eagle that is closed, comes back, and is killed under."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import taglib
from mutagen.aiff import AIFF
from mutagen.id3 import TBPM

from musicsyncd.crashpoints import ENVIRONMENT, IN_EAGLE, CrashPoint
from tests.fakes.eagle import Eagle
from tests.fakes.running import Running, running, write_wave
from tests.fakes.waiting import wait_for

CANARY = "canary-90ab"
ADD = ("/api/v2/item/add", "/api/item/addFromPath")
DEMO = Path(__file__).parent.parent / "musicsyncd" / "demo" / "tracks"


@pytest.fixture(params=[pytest.param("v1", marks=pytest.mark.full), "v2"])  # tests/library speaks both versions
def eagle(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Eagle]:
    with Eagle(tmp_path / "eagle", newer=request.param == "v2", token=CANARY) as eagle:
        yield eagle


@pytest.fixture
def daemon(eagle: Eagle, tmp_path: Path) -> Iterator[Running]:
    """Not started yet."""
    extra = f"""[output]\nformats = ["wav", "aiff"]
[eagle]\nenabled = true\nbase_url = {json.dumps(eagle.base_url)}\ntoken = "{CANARY}"\n"""
    with running(tmp_path, start=False, extra=extra) as daemon:
        yield daemon


def targets(daemon: Running) -> dict[str, str]:
    """How the one track stands."""
    (listed,) = daemon.client.get("/v1/tracks")["tracks"]
    found: dict[str, str] = daemon.client.get(f"/v1/tracks/{listed['id']}")["targets"]
    return found


def added(eagle: Eagle) -> int:
    return sum(call.path in ADD for call in eagle.calls)


def shelf(daemon: Running) -> dict[str, Any]:
    """What `volumes` says of Eagle."""
    (one,) = [one for one in daemon.client.get("/v1/volumes")["volumes"] if one["name"] == "eagle"]
    return dict(one)


def test_an_outage_parks_and_the_return_completes(daemon: Running, eagle: Eagle, tmp_path: Path) -> None:
    """The volume has its files, Eagle's wait; when it is back they come unasked, and a second run writes nothing."""
    music = write_wave(tmp_path / "music" / "Nina Vale - Tidal.wav")
    eagle.stop()
    daemon.start()
    code, report = daemon.sync(music)
    assert (code, report["state"]) == (6, "partial")
    assert len(daemon.files()) == 2
    assert (shelf(daemon)["condition"], shelf(daemon)["parked"], shelf(daemon)["fix"]) == ("absent", 1, "Start Eagle")
    status, doctor = daemon.ctl("status"), daemon.ctl("doctor")
    assert "Start Eagle" in status.stdout
    assert "Start Eagle" in doctor.stdout

    eagle.start()
    wait_for(lambda: targets(daemon)["volume:eagle"] == "standing")
    assert sorted(row["ext"] for row in eagle.standing()) == ["aiff", "wav"]
    wait_for(lambda: shelf(daemon)["parked"] == 0)
    for row in eagle.standing():
        kept = daemon.library() / next(name for name in daemon.files() if name.endswith(row["ext"]))
        assert eagle.file_of(row["id"]).read_bytes() == kept.read_bytes()

    before = json.dumps(eagle.library.items)
    eagle.calls.clear()
    code, again = daemon.sync(music)
    assert (code, again["summary"]) == (0, "nothing to do: it stands everywhere")
    assert json.dumps(eagle.library.items) == before
    assert {call.path for call in eagle.calls if call.method == "POST"} <= {"/api/v2/item/get"}
    assert daemon.ctl("doctor").returncode == 0
    said = [status, doctor, daemon.ctl("tracks", "--json"), daemon.ctl("config", "show"), daemon.ctl("logs")]
    texts = [one.stdout + one.stderr for one in said]
    assert CANARY not in "\n".join([*texts, daemon.log.read_text(), daemon.output()])


def test_doctor_looks_for_eagle_without_the_daemon(daemon: Running, eagle: Eagle) -> None:
    """Whether somebody answers there, and what to do if not."""
    assert f"{eagle.base_url} answers" in daemon.ctl("doctor").stdout
    eagle.stop()
    told = daemon.ctl("doctor").stdout
    assert f"{eagle.base_url} does not answer" in told
    assert "Start Eagle, or look at eagle.base_url" in told


def test_another_library_is_named_and_left_alone(daemon: Running, eagle: Eagle, tmp_path: Path) -> None:
    """The person opens ours again, and what waited comes."""
    daemon.start()
    ours, other = eagle.libraries
    assert shelf(daemon)["path"] == str(ours), "met"
    eagle.open = other
    code, _ = daemon.sync(write_wave(tmp_path / "music" / "Nina Vale - Tidal.wav"))
    assert code == 6
    assert shelf(daemon)["condition"] == "foreign"
    assert f"Open {ours} in Eagle" in daemon.ctl("status").stdout
    assert eagle.libraries[other].items == {}
    eagle.open = ours
    wait_for(lambda: targets(daemon)["volume:eagle"] == "standing")
    assert len(eagle.libraries[ours].items) == 2


def test_eagle_is_given_a_file_that_stays(daemon: Running, eagle: Eagle, tmp_path: Path) -> None:
    """It reads when it comes to it: from the volume, not from staging."""
    daemon.start()
    code, _ = daemon.sync(write_wave(tmp_path / "music" / "Nina Vale - Tidal.wav"))
    assert code == 0
    told = [one["path"] for call in eagle.calls if call.path in ADD for one in call.body.get("items", [call.body])]
    assert len(told) == 2
    assert all(path.startswith(str(daemon.library())) for path in told)


@pytest.mark.parametrize("point", sorted(IN_EAGLE))
def test_a_kill_leaves_no_item_twice(point: CrashPoint, daemon: Running, eagle: Eagle, tmp_path: Path) -> None:
    """Before the question, after it, and after the answer was read back."""
    music = write_wave(tmp_path / "music" / "Nina Vale - Tidal.wav")
    daemon.extra += "import_timeout = 3\n"
    daemon.write_config()
    daemon.start(**{ENVIRONMENT: point.value})
    daemon.ctl("sync", "--url", str(music))
    assert daemon.wait_for_death() == -9, "the crash point was never passed"
    daemon.start()
    code, report = daemon.sync(music)
    assert code == 0, report
    assert sorted(row["ext"] for row in eagle.library.items.values()) == ["aiff", "wav"]
    assert added(eagle) == 2


def test_a_correction_reaches_eagle(daemon: Running, eagle: Eagle, tmp_path: Path) -> None:
    """A DJ's tempo in one file: each item becomes a newer one with the person's tags, the older lies in the trash."""
    daemon.start()
    daemon.sync(write_wave(tmp_path / "music" / "Nina Vale - Tidal.wav"))
    for row in eagle.standing():
        row["tags"].append("Closing")
    edited = daemon.library() / next(name for name in daemon.files() if name.endswith("aiff"))
    file = AIFF(str(edited))
    file.tags.add(TBPM(encoding=3, text=["126.5"]))
    file.save()
    track = daemon.client.get("/v1/tracks")["tracks"][0]["id"]
    done = daemon.ctl("tracks", "retry", track, "--step", "tag", "--wait")
    assert done.returncode == 0, done.stdout + done.stderr
    assert sorted(row["ext"] for row in eagle.standing()) == ["aiff", "wav"]
    assert len(eagle.library.items) == 4
    for row in eagle.standing():
        assert {"Closing", "BPM126"} <= set(row["tags"]) or {"Closing", "BPM127"} <= set(row["tags"])
        with taglib.File(str(eagle.file_of(row["id"]))) as tagged:
            assert tagged.tags["BPM"] == ["126.5"]
    before = json.dumps(eagle.library.items)
    assert daemon.ctl("tracks", "retry", track, "--step", "tag", "--wait").returncode == 0
    assert json.dumps(eagle.library.items) == before


def test_duplicates_and_undo_reach_eagle(daemon: Running, eagle: Eagle) -> None:
    """A recording that is kept twice loses one pair of items to Eagle's trash, where it can have it back."""
    daemon.extra += "[duplicates]\nleave_out = false\n"
    daemon.write_config()
    daemon.start()
    code, report = daemon.sync(*sorted(DEMO.glob("Ada Voss*")))
    assert code == 0, report
    assert len(eagle.standing()) == 6
    plan = json.loads(daemon.ctl("duplicates", "plan", "--json").stdout)["plan"]
    applied = daemon.ctl("duplicates", "apply", plan, "--json")
    assert (applied.returncode == 0) is eagle.newer, applied.stdout + applied.stderr
    assert len(eagle.standing()) == (4 if eagle.newer else 6)
    assert len(eagle.library.items) == 6, "soft: nothing is deleted"
    undone = daemon.ctl("undo", json.loads(applied.stdout)["job"])
    assert undone.returncode == 0, undone.stdout + undone.stderr
    assert len(eagle.standing()) == 6
    if not eagle.newer:
        assert "to Eagle's trash yourself" in applied.stdout
