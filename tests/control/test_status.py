"""What status tells of sources, queue, catalogs and the library: counted, and nobody outside is asked."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from musicsyncd.alerts.findings import Seen, findings
from musicsyncd.catalog.memory import MemoryCatalog
from musicsyncd.clock import ManualClock
from musicsyncd.control import attention
from musicsyncd.control.attention import Watched
from musicsyncd.control.messages_status import AccountAnswer, ScheduleAnswer, ServiceAnswer
from musicsyncd.control.status_answers import service_of, source_answer
from musicsyncd.database import MEMORY, Database
from musicsyncd.http.budget import Pace
from musicsyncd.http.budgets import MIGRATIONS as HTTP
from musicsyncd.http.budgets import Budgets
from musicsyncd.jobs.figures import Pass
from musicsyncd.jobs.job import JobState
from musicsyncd.ledger.journal import Change
from musicsyncd.ledger.mirror import Mirror, MirrorRow, MirrorState
from musicsyncd.ledger.standing import Evidence
from musicsyncd.sources.memory import MemorySource
from tests.control.door import Door, eventually, track_known

NOW = datetime(2026, 1, 1, tzinfo=UTC)


async def test_an_empty_house(door: Door) -> None:
    """Nothing is missing where nothing is wanted."""
    status = await door.get("/v1/status")
    assert status["queue"]["waiting"] == status["queue"]["running"] == 0
    assert status["queue"]["oldest_waiting"] is None
    assert status["coverage"]["files"] == {"have": 0, "of": 0}
    assert (status["alerts_open"], status["managed_by"], status["sources"]) == (None, "", [])


async def test_the_library_is_counted(door: Door) -> None:
    """Tracks that were heard, files and rows that were read back; a duplicate is wanted nowhere."""
    kept, other = await track_known(door.ledger, "One"), await track_known(door.ledger, "Two")
    copy = await track_known(door.ledger, "Copy")
    for track in (kept, copy):
        await door.ledger.record_analysis(track, {"duration": 2.0, "fingerprint": "", "bpm": 120.0, "key": ""})
    (shelf,), (catalog,) = door.operations.lookout.shelves.values(), door.operations.lookout.catalogs.values()
    for target, part in ((shelf.target, "wav"), (catalog.target, "row")):
        await door.ledger.record_evidence(kept, Evidence(target=target, part=part, proof="p"), None)
    await door.ledger.settle(kept)
    assert await door.ledger.mark_duplicate(copy, kept, {}, Change(operation="o", target="ledger", what="duplicate"))
    status = await door.get("/v1/status")
    shares = {name: (one["have"], one["of"]) for name, one in status["coverage"].items()}
    assert shares == {
        "standing": (1, 2), "files": (1, 2), "bpm": (1, 2), "key": (0, 2), "fingerprint": (0, 2), "catalog": (1, 2),
    }  # fmt: skip
    (row,) = status["catalog_standing"]
    assert (row["in_step"], row["lacking"], row["rows"], row["unable"]) == (1, 1, 1, {})
    await door.ledger.record_evidence(other, Evidence(target=catalog.target, part="row", proof="p"), None)
    assert (await door.get("/v1/status"))["catalog_standing"][0]["in_step"] == 2  # counted anew


async def test_the_queue_is_counted(door: Door) -> None:
    """What runs, waits and has failed, and how old the oldest is; requests are no work of their own."""
    await door.running()
    queue = (await door.get("/v1/status"))["queue"]
    assert (queue["running"], queue["waiting"], queue["ended_last_hour"]) == (1, 0, 0)
    later = datetime.now(UTC) + timedelta(hours=1)
    await door.jobs.enqueue("track", {}, key="t", not_before=later)
    queue = (await door.get("/v1/status"))["queue"]
    assert (queue["waiting"], queue["backing_off"]) == (1, 1)
    assert queue["oldest_waiting"] >= 0
    assert queue["next_due"] == later.isoformat(timespec="seconds")
    door.work.gate.set()

    async def over() -> bool:
        return bool((await door.get("/v1/status"))["queue"]["running"] == 0)

    await eventually(over)


class Picky(MemoryCatalog):
    """A mirrored book that cannot hold everything."""

    mirrored = True

    async def unable(self) -> dict[str, str]:
        return {"key": "It is a formula"}


async def test_a_mirrored_catalog(door: Door) -> None:
    """Its rows as they were read, until when, what it cannot hold, and how fast it is asked."""
    catalog, clock = Picky(), door.operations.clock
    mirror = Mirror(door.operations.database, clock)
    await mirror.put(catalog.name, [MirrorRow(page="p"), MirrorRow(page="q"), MirrorRow(page="r", trashed=True)])
    state = MirrorState(watermark="2026-01-01T00:00:00.000Z", full_at="2025-12-31T00:00:00.000Z", note="It is odd")
    await mirror.set_state(catalog.name, state)
    lookout = replace(door.operations.lookout, catalogs={catalog.target: catalog})
    memory = await Database.open(MEMORY, {"http": HTTP}, backups=Path(), clock=clock)
    budgets = Budgets(memory, clock)
    budget = await budgets.of(f"{catalog.name.title()} (connection 1)", Pace(rate=3.0))
    await budget.turn()
    await budget.asked_to_rest(600.0, "It is tired")
    watched = Watched(budgets=budgets)
    status = await replace(door.operations, lookout=lookout, watched=watched).status()
    await memory.close()
    (one,) = status.catalog_standing
    assert (one.rows, one.read_until, one.read_whole_at) == (2, state.watermark, state.full_at)
    assert (one.note, one.unable) == ("It is odd", {"key": "It is a formula"})
    assert one.service
    assert (one.service.requests_last_minute, one.service.allowed_per_minute) == (1, 180.0)
    assert (one.service.why, one.service.resting_until is not None) == ("It is tired", True)


def told(source: Any, *, account: AccountAnswer | None = None, paused: str = "", rests: bool = False) -> Any:
    """The source, after a pass in which it offered five tracks, two of them new, and a dry run that found none."""
    rung = {"source": source.name, "said": "offers 5 tracks", "found": 5, "new": 2}
    passes = [
        Pass(job="2", args={"scope": "incremental", "dry_run": True}, state=JobState.DONE, ended_at=NOW),
        Pass(job="1", args={"scope": "full"}, state=JobState.DONE, ended_at=NOW, rungs=(rung,)),
    ]
    schedule = ScheduleAnswer(
        enabled=True, paused={paused: NOW.isoformat()} if paused else {}, next={"incremental": NOW.isoformat()}
    )
    service = ServiceAnswer(
        name="Memory", requests_last_minute=0, allowed_per_minute=1.0, waiting=0, resting_until=NOW.isoformat(), why="w"
    )
    return source_answer(source, account, schedule, passes, service if rests else None)


class Idle(MemorySource):
    def offering(self) -> bool | None:
        return False


class Hindered(MemorySource):
    def hindrance(self) -> str:
        return "A bot wall. Do this"


def test_a_source_tells_of_its_last_pass() -> None:
    """When, how many, how many of them new; what was only tried out does not count."""
    one = told(MemorySource({}))
    assert (one.state, one.last_found, one.last_new) == ("ok", 5, 2)
    assert one.last_pass_at.startswith("2026-01-01")
    assert one.next_pass_at == NOW.isoformat()


@pytest.mark.parametrize(
    ("source", "more", "state"),
    [
        (MemorySource({}), {"paused": "memory"}, "paused"),
        (MemorySource({}), {"paused": "all"}, "paused"),
        (MemorySource({}), {"rests": True}, "resting"),
        (Hindered({}), {}, "blocked"),
        (Hindered({}), {"rests": True}, "resting"),
        (Idle({}), {}, "on demand"),
    ],
)
def test_what_hinders_a_source_most_is_its_state(source: Any, more: dict[str, Any], state: str) -> None:
    """A paused one begins nothing by itself."""
    one = told(source, **more)
    assert one.state == state
    if state in ("paused", "on demand"):
        assert one.next_pass_at is None


def test_a_service_is_known_by_its_name_before_the_credential() -> None:
    """What is asked beside it is another one."""
    names = ["The sign-in of Spotify", "Spotify's covers", "Spotify (app 12ab)"]
    services = [
        ServiceAnswer(name=one, requests_last_minute=0, allowed_per_minute=1, waiting=0, resting_until=None, why="")
        for one in names
    ]
    assert getattr(service_of("spotify", services), "name", "") == "Spotify (app 12ab)"
    assert service_of("folder", services) is None


async def test_turns_of_a_minute_are_counted() -> None:
    """Those that are older are forgotten."""
    clock = ManualClock()
    memory = await Database.open(MEMORY, {"http": HTTP}, backups=Path(), clock=clock)
    budget = await Budgets(memory, clock).of("x", Pace(rate=1.0, burst=3))
    for _ in range(3):
        await budget.turn()
    assert (budget.lately, budget.waiting) == (3, 0)
    await clock.advance(61)
    assert budget.lately == 0
    await memory.close()


def test_what_the_last_pass_could_not_take_is_told_of_with_its_job() -> None:
    """Of each source the last word counts, whichever pass it was; who took all says nothing."""

    def one(job: str, **rungs: int) -> Pass:
        told = tuple({"source": name, "said": "", "found": 1, "new": 0, "refused": n} for name, n in rungs.items())
        return Pass(job=job, args={"scope": "incremental"}, state=JobState.DONE, ended_at=NOW, rungs=told)

    seen = attention.refused([one("3", folder=30), one("2", folder=1, youtube=0), one("1", youtube=5)])
    assert seen == {"folder": (30, "3")}
    (found,) = findings(Seen(now=NOW, refused=seen))
    assert (found.what, "jobs show 3" in found.fix) == ("30 files in the inbox could not be taken", True)
