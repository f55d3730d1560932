"""What status prints for people: what to do first, nothing wider than the terminal, nothing that is not there."""

from __future__ import annotations

from typing import Any

import pytest

from musicsyncd.ctl import main, show, status

SHARE = {"have": 999, "of": 1000}
CATALOG: dict[str, Any] = {
    "name": "notion", "target": "catalog:notion", "rows": 14354, "mirrored": True, "read_whole_at": None,
    "read_until": "2026-01-01T00:00:00+00:00", "note": "", "in_step": 14000, "lacking": 354, "parked": 12, "unsure": 0,
    "unable": dict.fromkeys("abcdefgh", "It is a formula"),
    "service": {
        "name": "Notion", "requests_last_minute": 140, "allowed_per_minute": 150.0, "waiting": 12,
        "resting_until": None, "why": "",
    },
}  # fmt: skip


def source(name: str, state: str, **more: Any) -> dict[str, Any]:
    empty = ("paused_since", "resting_until", "last_pass_at", "last_found", "last_new", "next_pass_at", "signed_in")
    return dict.fromkeys(empty) | {"name": name, "state": state, "note": ""} | more


def trouble(severity: str, what: str) -> dict[str, Any]:
    return {"key": what, "severity": severity, "what": what, "why": "It is so", "fix": "Mend it", "subject": ""}


def answer(**more: Any) -> dict[str, Any]:
    """A busy house."""
    return {
        "version": "1.0", "mode": "prod", "pid": 1, "uptime": 60.0, "memory": 70_000_000, "managed_by": "systemd",
        "jobs": {"track": {"done": 1}}, "running": [], "parts": [], "schedule": {}, "volumes": [],
        "tracks": {"tracks": 14354, "duplicates": 3, "failed": 15, "parked": 0, "standing": 14000},
        "attention_items": [], "accounts": [], "sources": [source("folder", "ok", last_found=12, last_new=0)],
        "queue": {
            "waiting": 41, "backing_off": 1, "running": 3, "failed": 15, "oldest_waiting": 125.0, "next_due": None,
            "ended_last_hour": 0, "failed_last_hour": 0,
        },
        "catalog_standing": [CATALOG],
        "coverage": dict.fromkeys(("standing", "files", "bpm", "key", "fingerprint", "catalog"), SHARE),
    } | more  # fmt: skip


def test_what_a_person_should_see_to_comes_first(capsys: pytest.CaptureFixture[str]) -> None:
    """The worst of all before the rest, each with what to do; what is too much for a screen is counted."""
    items = [trouble("info", "A little"), trouble("critical", "A lot"), *[trouble("error", f"E{n}") for n in range(9)]]
    status.screen(answer(attention_items=items))
    lines = capsys.readouterr().out.splitlines()
    assert lines[2:5] == ["Attention (11):", "  - A lot. It is so.", "    do: Mend it"]
    assert "  and 3 more: musicsyncctl alerts" in lines
    assert "A little" not in "".join(lines)


def test_numbers_are_told_as_they_are(capsys: pytest.CaptureFixture[str]) -> None:
    """A share is whole only when nothing is missing; a catalog tells its rows, its pace and what it cannot hold."""
    status.screen(answer())
    said = capsys.readouterr().out
    assert "CATALOG        notion  14,354 rows  14,000 in step  354 lacking  12 waiting  read " in said
    assert "140 of 150 requests a minute  12 waiting" in said
    assert "cannot hold: a, b, c, d, e, f and 2 more" in said
    assert "complete 99.9%  files 99.9%  BPM 99.9%" in said
    assert "QUEUE          running 3  waiting 41 (oldest 2m 05s)  failed 15" in said


def test_a_source_says_who_is_signed_in(capsys: pytest.CaptureFixture[str]) -> None:
    """Also where nothing of it is wanted; what hinders it is more to the point, and so is a pause."""
    account = {"service": "spotify", "state": "signed in", "account": "ada", "days_left": 179}
    for more, note in (
        ({"state": "on demand"}, "signed in as ada, 179 days left"),
        ({"state": "ok", "paused_since": "2026-01-01T00:00:00+00:00"}, "paused since 2026-01-01"),
        ({"state": "resting", "note": "It is overloaded"}, "It is overloaded"),
    ):
        one = {**source("spotify", "ok", signed_in=True), **more}
        status.screen(answer(accounts=[account], sources=[one]))
        row = next(line for line in capsys.readouterr().out.splitlines() if line.startswith("spotify"))
        assert note in row


def test_an_empty_house_says_what_to_do(capsys: pytest.CaptureFixture[str]) -> None:
    """Without volumes, sources and tracks."""
    sources = [source("spotify", "not set up", note="Register an app"), source("url", "on demand")]
    tracks = dict.fromkeys(("tracks", "duplicates", "failed", "parked", "standing"), 0)
    status.screen(answer(sources=sources, tracks=tracks, jobs={}, catalog_standing=[]))
    said = capsys.readouterr().out
    assert "SOURCES on demand  url" in said
    assert "VOLUMES        none: musicsyncctl volumes add PATH NAME" in said
    assert said.endswith("Nothing yet. Ask for music: musicsyncctl sync --url URL-OR-PATH\n")


def test_an_older_daemon_is_no_failure(capsys: pytest.CaptureFixture[str]) -> None:
    """What it does not tell of is left out."""
    told = answer()
    for name in ("sources", "queue", "catalog_standing", "coverage", "managed_by"):
        del told[name]
    status.screen(told)
    assert "LIBRARY        14,354 tracks" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("have", "of", "told"),
    [(0, 0, "-"), (0, 5, "0%"), (5, 5, "100%"), (1, 100_000, "0.1%"), (99_999, 100_000, "99.9%"), (1, 2, "50.0%")],
)
def test_a_share(have: int, of: int, told: str) -> None:
    """Never rounded to all or nothing."""
    assert show.share(have, of) == told


def test_a_narrow_terminal(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    """Lines are broken between facts, never within one; 80 columns hold everything."""
    monkeypatch.setattr(show, "_terminal_columns", lambda: 80)
    volume = {"name": "VIBES", "condition": "ready", "free": 1, "parked": 2, "path": "/mnt/" + "x" * 100, "usual": ""}
    note = source("youtube", "blocked", note="A bot wall. " * 20)
    status.screen(answer(volumes=[volume], sources=[note], attention_items=[trouble("error", "word " * 40)]))
    lines = capsys.readouterr().out.splitlines()
    assert max(map(len, lines)) <= 80
    assert len(lines) < 24


def test_long_sentences_are_wrapped_on_a_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    """Under each other, and no line is wider than the terminal."""
    monkeypatch.setattr(show, "_terminal_columns", lambda: 40)
    lines = show.wrapped("  - " + "word " * 30, indent=4)
    assert all(len(line) <= 40 for line in lines)
    assert all(line.startswith("    word") for line in lines[1:])


@pytest.mark.parametrize(("typed", "meant"), [("statsu", "status"), ("dctor", "doctor"), ("duplicate", "duplicates")])
def test_a_word_that_is_none_leads_to_the_nearest(typed: str, meant: str, capsys: pytest.CaptureFixture[str]) -> None:
    """Exit 2."""
    with pytest.raises(SystemExit, match="2"):
        main([typed])
    assert f"did you mean {meant}?" in capsys.readouterr().err
