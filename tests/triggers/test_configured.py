"""The owner's table of schedules: what each row comes to, and that no row can break the others."""

from __future__ import annotations

from datetime import time
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from musicsyncd.triggers.configured import NAMES, Entry, configured
from musicsyncd.triggers.policy import JOBS, Policy

BASE = Policy(timezone="UTC")


def entry(name: str = "incremental", page: str = "p1", **more: Any) -> Entry:
    return Entry(page=page, name=name, **more)


def test_an_empty_table_changes_nothing() -> None:
    """Each job as the settings have it."""
    for base in (BASE, Policy(mode="full"), Policy(mode="incremental"), Policy(enabled=False)):
        found = configured(base, [])
        assert [job.rhythm(found.policy) for job in JOBS] == [job.rhythm(base) for job in JOBS]
        assert found.policy.enabled == base.enabled


@pytest.mark.parametrize(
    ("row", "job", "value"),
    [
        (entry(interval=15), "interval", 900.0),
        (entry(" Incremental ", interval="15"), "interval", 900.0),
        (entry("Music every 7 minutes", trigger="Cron", mode="incremental", interval=7), "interval", 420.0),
        (entry("Nightly reconcile", trigger="cron", interval=60), "reconcile", 3600.0),
        (entry(cron="*/10 * * * *"), "interval", 600.0),
        (entry(), "interval", 300.0),
        (entry(enabled=False, interval=15), "interval", 0.0),
        (entry(enabled=True, cron_active=False), "interval", 0.0),
        (entry(mode="manual"), "interval", 0.0),
        (entry("plans", interval=1440), "plans", 86400.0),
        (entry("full", cron="05:30"), "full_at", time(5, 30)),
        (entry("full", cron="30 4 * * *", interval=1440), "full_at", time(4, 30)),
        (entry("full"), "full_at", time(3)),
        (entry("full", enabled=False), "full_at", None),
    ],
)
def test_a_row_of_ours(row: Entry, job: str, value: Any) -> None:
    """By its name, or by its trigger with a job in its name or its mode."""
    found = configured(BASE, [row])
    assert getattr(found.policy, job) == value
    assert (list(found.rows.values()), found.faults, found.others) == (["p1"], {}, ())


@pytest.mark.parametrize(
    ("row", "said"),
    [
        (entry(interval=0), "interval"),
        (entry(interval=-5), "interval"),
        (entry(interval="soon"), "'soon'"),
        (entry(interval=True), "interval"),
        (entry(interval=float("nan")), "interval"),
        (entry(cron="03:00"), "time of day"),
        (entry("full", interval=30), "once a day"),
        (entry("full", cron="25:00"), "'25:00'"),
        (entry("full", cron="off"), "'off'"),
        (entry("Backup", trigger="Cron"), "names none of"),
        (entry("full or incremental", trigger="Cron"), "names none of"),
    ],
)
def test_what_makes_no_sense_is_told_and_counts_for_nothing(row: Entry, said: str) -> None:
    """The settings' value holds, and the rows beside it count."""
    found = configured(BASE, [row, entry("reconcile", page="p2", interval=30)])
    assert said in found.faults["p1"]
    assert found.policy == Policy(timezone="UTC", reconcile=1800.0)


def test_other_programs_rows_are_shown() -> None:
    """Also where they are called like a job of ours."""
    rows = [entry("incremental", trigger="GAS", interval=1), entry("Events", page="p2", trigger="Webhook")]
    found = configured(BASE, rows)
    assert (found.policy, found.rows, found.faults) == (BASE, {}, {})
    assert found.others == ("The row incremental", "The row Events")


def test_the_first_row_of_a_job_counts() -> None:
    """The other is told."""
    found = configured(BASE, [entry(interval=15), entry(page="p2", interval=60)])
    assert (found.policy.interval, list(found.faults)) == (900.0, ["p2"])


def test_a_row_switches_on_what_the_settings_leave_out() -> None:
    """And needs to say when, where they do not."""
    assert configured(Policy(mode="full"), [entry(interval=15)]).policy.interval == 900.0
    assert configured(Policy(mode="incremental"), [entry("full")]).policy.full_at == time(3)
    found = configured(Policy(interval=0), [entry(enabled=True)])
    assert (found.policy.interval, "no interval" in found.faults["p1"]) == (0, True)


WORDS = st.sampled_from(["", *NAMES, "Full", "manual", "Cron", "GAS", "Webhook", "sync full", "03:00", "*/5 * * * *"])
ANY = st.one_of(WORDS, st.text(max_size=20))
FLAGS = st.sampled_from([None, True, False])
NUMBERS = st.one_of(st.none(), st.floats(), st.integers(), st.booleans(), ANY)
ENTRIES = st.builds(
    Entry,
    page=st.uuids().map(str),
    name=ANY,
    trigger=ANY,
    enabled=FLAGS,
    mode=ANY,
    interval=NUMBERS,
    cron=ANY,
    cron_active=FLAGS,
)


@given(st.lists(ENTRIES, max_size=8))
def test_any_table_comes_to_a_policy_that_can_be_kept(entries: list[Entry]) -> None:
    """Every interval is none or at least a minute, and what is told of counts for nothing."""
    found = configured(BASE, entries)
    for seconds in (found.policy.interval, found.policy.reconcile, found.policy.plans):
        assert seconds == 0 or 60 <= seconds <= 366 * 86400
    assert found.policy.enabled
    assert set(found.rows) <= set(NAMES)
    assert len(set(found.rows.values())) == len(found.rows)
    without = [one for one in entries if one.page in found.rows.values() and one.page not in found.faults]
    assert configured(BASE, without).policy == found.policy


@given(st.lists(ENTRIES, max_size=6), st.integers(0, 5))
def test_a_row_of_another_program_never_matters(entries: list[Entry], place: int) -> None:
    """Wherever it stands."""
    found = configured(BASE, entries)
    more = [*entries[:place], entry("full", page="x", trigger="GAS", enabled=False), *entries[place:]]
    assert configured(BASE, more).policy == found.policy
