"""How a log is followed and made readable, where a running process is not needed to see it."""

from __future__ import annotations

import argparse
import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import IO

import pytest

from musicsyncd.ctl import logs
from musicsyncd.errors import Permanent


def test_what_is_written_as_the_file_is_moved_away_is_not_lost(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A line that comes between the last look at the old file and its rotation is read before the new file."""
    log = tmp_path / "m.log"
    log.write_text("one\n")
    rotate = logs._is_another

    def as_it_happens(path: Path, current: IO[str]) -> bool:
        if "two" not in log.read_text() and not (tmp_path / "m.log.1").exists():
            with log.open("a") as opened:
                opened.write("two\n")
            log.rename(tmp_path / "m.log.1")
            log.write_text("three\n")
        return rotate(path, current)

    monkeypatch.setattr(logs, "LOOK", 0.001)
    monkeypatch.setattr(logs, "_is_another", as_it_happens)
    followed = logs._followed(log, 0)
    assert [next(followed) for _ in range(3)] == ["one\n", "two\n", "three\n"]
    followed.close()  # type: ignore[attr-defined]


def test_half_a_line_waits_for_its_other_half(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A line is told when it is whole."""
    log = tmp_path / "m.log"
    log.write_text("ha")

    def write_on(seconds: float) -> None:
        with log.open("a") as opened:
            opened.write("lf\n")

    monkeypatch.setattr("musicsyncd.ctl.logs.time.sleep", write_on)
    followed = logs._followed(log, 0)
    assert next(followed) == "half\n"
    followed.close()  # type: ignore[attr-defined]


def test_a_line_is_readable_whatever_it_holds() -> None:
    """JSON becomes time, level, event and fields on one clean line; anything else comes as it is, cleaned."""
    line = logs.readable(
        '{"timestamp": "2026-01-01T10:00:00Z", "level": "info", "event": "kept", "volume": "\\u001b[2J"}'
    )
    assert line.split("  ", 1)[1] == "info      kept  volume= [2J"
    assert logs.readable("no \x1b JSON") == "no   JSON"
    assert logs.readable("[1]") == "[1]"


@pytest.mark.parametrize("file", ["", "/nowhere/m.log", "/"])
def test_a_log_that_cannot_be_read_is_a_sentence(file: str) -> None:
    """Not set, not there yet, not a file."""
    with pytest.raises(Permanent):
        logs.print_log(file, logs.Wanted(), lines=5, follow=False, as_json=False)


def test_a_job_without_a_line_is_said_to_have_none(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Silence would look like a broken command."""
    (tmp_path / "m.log").write_text('{"event": "ready"}\n')
    assert logs.print_log(str(tmp_path / "m.log"), logs.Wanted(job="1q"), lines=None, follow=False, as_json=False) == 0
    assert capsys.readouterr().err == f"{tmp_path}/m.log says nothing about job 1q.\n"


def test_what_a_person_need_not_read_is_left_out() -> None:
    """A reason is its sentences; who logged it and what tells requests apart are not told."""
    fields = {
        "timestamp": "2026-01-01T10:00:00Z",
        "level": "warning",
        "event": "job-ended",
        "logger": "musicsyncd.jobs.worker",
        "job": "1q",
        "track": "url||/music",
        "state": "failed",
        "next": None,
        "reason": {"class": "BadInput", "what": "It is no audio", "why": "It is empty", "fix": ""},
    }
    said = logs.readable(json.dumps(fields)).split("  ", 1)[1]
    assert said == "warning   job-ended  job=1q  state=failed  It is no audio. It is empty."
    said = logs.readable(json.dumps({**fields, "track": "9abc", "reason": "why not"})).split("  ", 1)[1]
    assert said == "warning   job-ended  job=1q  track=9abc  state=failed  reason=why not"


LINES = (
    '{"timestamp": "2026-01-01T10:00:00Z", "level": "info", "event": "early"}\n'
    '{"timestamp": "2026-01-01T12:00:00Z", "level": "error", "event": "late", "job": "1q2w"}\n'
    "no JSON\n"
)


@pytest.mark.parametrize(
    ("wanted", "events"),
    [
        (logs.Wanted(), ["early", "late", "no JSON"]),
        (logs.Wanted(level="warning"), ["late"]),
        (logs.Wanted(since=datetime(2026, 1, 1, 11, tzinfo=UTC)), ["late"]),
        (logs.Wanted(job="1q"), ["late"]),
        (logs.Wanted(job="1q", level="critical"), []),
    ],
)
def test_lines_are_chosen(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], wanted: logs.Wanted, events: list[str]
) -> None:
    """By level, time and job; nothing is said in a sentence."""
    (tmp_path / "m.log").write_text(LINES)
    logs.print_log(str(tmp_path / "m.log"), wanted, lines=None, follow=False, as_json=True)
    said = capsys.readouterr()
    assert [json.loads(line)["event"] if line.startswith("{") else line for line in said.out.splitlines()] == events
    assert ("says nothing" in said.err) is not bool(events)


@pytest.mark.parametrize("text", ["soon", "10", "10y", "-5m"])
def test_a_time_that_is_none_is_a_usage_error(text: str) -> None:
    """Exit 2 with examples."""
    with pytest.raises(argparse.ArgumentTypeError, match="10m"):
        logs._moment(text)


def test_a_span_and_a_moment_are_times() -> None:
    """A span is counted back from now."""
    assert timedelta(hours=1.9) < datetime.now(UTC) - logs._moment("2h") < timedelta(hours=2.1)
    assert logs._moment("2026-01-01T12:00:00+00:00") == datetime(2026, 1, 1, 12, tzinfo=UTC)
