"""What is printed for people stays on its line and in its column, whatever a name holds."""

from __future__ import annotations

import io
import json
import re
import sys
import unicodedata
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from musicsyncd.ctl import show

NASTY = "\x1b[2J\x1b]0;owned\x07 line\nbreak\r\t\u202egnp.exe\u2066\u2028\x9b31m\ud800"


@pytest.mark.parametrize(
    ("text", "columns"),
    [
        ("plain", 5), ("東京", 4), ("ｗｉｄｅ", 8), ("e\u0301", 1), ("नमस्ते", 4),
        ("\u200b", 0), ("❤\ufe0f", 1), ("🎵", 2), ("", 0),
    ],
)  # fmt: skip
def test_a_width_is_what_a_terminal_gives_it(text: str, columns: int) -> None:
    """Wide characters take two columns, combining and invisible ones none."""
    assert show.width(text) == columns


@given(st.text())
def test_one_line_is_one_line(text: str) -> None:
    """Nothing is left that moves a cursor, breaks a line, turns the direction of writing or cannot be encoded."""
    line = show.one_line(text)
    assert len(line) == len(text)
    assert all(unicodedata.category(one) not in ("Cc", "Zl", "Zp", "Cs") for one in line)
    assert not re.search("[\u200e\u200f\u061c\u202a-\u202e\u2066-\u2069]", line)


def test_nothing_turns_a_line_around() -> None:
    """A name that ends in `gpj.exe` cannot be made to look like a picture, nor the rest of its row be reversed."""
    line = show.one_line(NASTY)
    assert line == " [2J ]0;owned  line break   gnp.exe   31m "


def test_words_and_emoji_keep_their_joiners() -> None:
    """Persian words and families of emoji are spelt with invisible joiners."""
    assert show.one_line("می‌خواهم 👨‍👩‍👧") == "می‌خواهم 👨‍👩‍👧"


@given(st.text(min_size=1), st.integers(1, 30))
def test_a_clipped_text_fits(text: str, columns: int) -> None:
    """Within the columns it is allowed, and untouched where it fits already."""
    clipped = show.clipped(show.one_line(text), columns)
    assert show.width(clipped) <= max(columns, 1)
    if show.width(show.one_line(text)) <= columns:
        assert clipped == show.one_line(text)


@given(st.lists(st.tuples(st.text(), st.text(), st.just("|")), min_size=1, max_size=8))
def test_a_table_keeps_its_columns(rows: list[tuple[str, str, str]]) -> None:
    """One line for each row, and the last column begins at one place in all of them."""
    stdout, sys.stdout = sys.stdout, io.StringIO()
    try:
        show.table([*rows, (NASTY, "東京", "|")], head=("A", "B", "C"))
        printed = sys.stdout.getvalue()
    finally:
        sys.stdout = stdout
    lines = printed.split("\n")[1:-1]
    assert len(lines) == len(rows) + 1
    assert len({show.width(line[: line.rindex("|")]) for line in lines}) == 1
    assert "\x1b" not in printed


def test_one_long_title_does_not_push_the_rest_away(capsys: pytest.CaptureFixture[str]) -> None:
    """Where there is no terminal a title has a hundred columns; an id is never clipped."""
    show.table([("i" * 200, "t" * 10_000, "x"), ("j", "東京", "y")], clip=(1,))
    first, second = capsys.readouterr().out.splitlines()
    assert first == f"{'i' * 200}  {'t' * 99}…  x"
    assert show.width(second) == len(first)


@given(
    st.lists(st.integers(0, 10_000), min_size=1, max_size=6),
    st.sets(st.integers(0, 5)),
    st.one_of(st.none(), st.integers(1, 300)),
)
def test_columns_share_what_a_terminal_has(widths: list[int], clip: set[int], columns: int | None) -> None:
    """Only those that may be are clipped, none below its least, and no more than it takes."""
    chosen = sorted(number for number in clip if number < len(widths))
    rooms = show.fitted(widths, chosen, columns)
    for number, (room, wanted) in enumerate(zip(rooms, widths, strict=True)):
        assert room == wanted or (number in chosen and room < wanted)
        assert room >= min(wanted, show.NARROWEST, columns or show.WIDEST)
    if columns is None:
        assert all(rooms[number] <= show.WIDEST for number in chosen)
    elif any(rooms[number] > show.NARROWEST for number in chosen):
        assert sum(rooms) + 2 * (len(rooms) - 1) <= columns


@pytest.mark.parametrize(
    ("count", "text"),
    [
        (None, "-"), (0, "0 B"), (999, "999 B"), (1000, "1.0 kB"), (99_500, "100 kB"), (999_499, "999 kB"),
        (999_500, "1.0 MB"), (4_050_000_000, "4.0 GB"), (5 * 10**15, "5000 TB"),
    ],
)  # fmt: skip
def test_sizes_are_in_powers_of_a_thousand(count: int | None, text: str) -> None:
    """Two or three digits and a unit."""
    assert show.size(count) == text


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(0, "0 s"), (59.9, "59 s"), (60, "1m 00s"), (3599, "59m 59s"), (3600, "1h 00m"), (90061, "1d 01h")],
)
def test_spans_have_two_units(seconds: float, text: str) -> None:
    """The two greatest."""
    assert show.span(seconds) == text


def test_a_moment_of_another_day_names_its_day() -> None:
    """Today's moments are a time; others say the date too; none is a dash."""
    now = datetime.now(UTC)
    assert re.fullmatch(r"\d\d:\d\d:\d\d", show.clock_time(now.isoformat()))
    assert re.fullmatch(r"\d{4}-\d\d-\d\d \d\d:\d\d", show.clock_time((now - timedelta(days=2)).isoformat()))
    assert show.clock_time(None) == "-"


@pytest.mark.parametrize(
    ("terminal", "environment", "colour"),
    [(True, {}, True), (True, {"NO_COLOR": "1"}, False), (True, {"TERM": "dumb"}, False), (False, {}, False)],
)
def test_colour_is_for_terminals_that_want_it(
    monkeypatch: pytest.MonkeyPatch, terminal: bool, environment: dict[str, str], colour: bool
) -> None:
    """NO_COLOR, TERM=dumb and pipes get plain text."""
    monkeypatch.delenv("NO_COLOR", raising=False)
    monkeypatch.setenv("TERM", "xterm")
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    stream = io.StringIO()
    monkeypatch.setattr(stream, "isatty", lambda: terminal, raising=False)
    assert show.coloured("x", "red", stream) == ("\x1b[31mx\x1b[0m" if colour else "x")


@pytest.mark.parametrize("encoding", ["utf-8", "ascii", "latin-1"])
def test_json_stays_json_on_every_terminal(monkeypatch: pytest.MonkeyPatch, encoding: str) -> None:
    """What cannot be written as it is, is escaped, never replaced by a question mark."""
    raw = io.BytesIO()
    monkeypatch.setattr(sys, "stdout", io.TextIOWrapper(raw, encoding=encoding, errors="replace"))
    show.as_json({"title": "東京 é"})
    sys.stdout.flush()
    assert json.loads(raw.getvalue().decode(encoding)) == {"title": "東京 é"}
    monkeypatch.undo()
