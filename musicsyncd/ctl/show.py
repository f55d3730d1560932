"""How things are printed for people: aligned tables, sizes, ages; colour and moving lines only on a terminal."""

from __future__ import annotations

import itertools
import json
import os
import sys
import unicodedata
from collections.abc import Sequence
from contextlib import suppress
from datetime import UTC, datetime
from typing import IO, Any, Final

from musicsyncd.errors import MusicsyncError

UNITS: Final = ("B", "kB", "MB", "GB", "TB")
JOINERS: Final = "\u200c\u200d"
"""Invisible, and part of how words and emoji are spelt."""
WIDEST: Final = 100
"""Columns of a cell that may be clipped, where there is no terminal to say how many there are."""
NARROWEST: Final = 20
"""Columns that such a cell keeps on the narrowest terminal."""
COLOURS: Final = {"red": 31, "green": 32, "yellow": 33, "dim": 2, "bold": 1}


def as_json(answer: Any) -> None:
    """One JSON document on stdout."""
    unicode = (sys.stdout.encoding or "").lower().replace("-", "") == "utf8"
    print(json.dumps(answer, indent=2, ensure_ascii=not unicode))


def as_line(answer: Any) -> None:
    """One JSON document on one line of stdout: it may stand at the end of a stream of such lines."""
    print(json.dumps(answer))


def complaint(error: MusicsyncError) -> None:
    """An error on stderr, for people; a stderr that cannot be written is no second error."""
    with suppress(OSError):
        for line in str(error).splitlines():
            print(one_line(f"musicsyncctl: {line}"), file=sys.stderr)


def table(rows: Sequence[Sequence[str]], head: Sequence[str] = (), *, clip: Sequence[int] = ()) -> None:
    """Columns as wide as they need, nothing at the end of a line; those named in `clip` share what room there is."""
    lines = [[one_line(cell) for cell in row] for row in ([head] if head else []) + [*rows]]
    widths = [max(map(width, column)) for column in zip(*lines, strict=True)]
    rooms = fitted(widths, clip, _terminal_columns())
    for line in lines:
        cells = [clipped(cell, room) for cell, room in zip(line, rooms, strict=True)]
        print("  ".join(cell + " " * (room - width(cell)) for cell, room in zip(cells, rooms, strict=True)).rstrip())


def fitted(widths: Sequence[int], clip: Sequence[int], columns: int | None) -> list[int]:
    """Room for each column of a table, the widest of those that may be clipped made smaller first.

    `columns` is what the terminal has, None where there is none.
    """
    rooms = [min(room, columns or WIDEST) if number in clip else room for number, room in enumerate(widths)]
    while columns and clip and sum(rooms) + 2 * (len(rooms) - 1) > columns:
        widest = max(clip, key=rooms.__getitem__)
        if rooms[widest] <= NARROWEST:
            break
        rooms[widest] -= 1
    return rooms


def _terminal_columns() -> int | None:
    return (os.get_terminal_size(sys.stdout.fileno()).columns or 80) if sys.stdout.isatty() else None


def width(text: str) -> int:
    """Columns that a text takes on a terminal: wide characters take two, combining ones none."""
    return len(text) if text.isascii() else sum(map(_columns, text))


def _columns(one: str) -> int:
    if unicodedata.category(one) in ("Mn", "Me", "Cf"):
        return 0
    return 2 if unicodedata.east_asian_width(one) in "WF" else 1


def one_line(text: str) -> str:
    """Text from outside without what would move the cursor, colour the screen or turn the direction of writing."""
    return "".join(one if one.isprintable() or one in JOINERS else " " for one in str(text))


def is_text(text: str) -> bool:
    """Whether UTF-8 can spell it: half a surrogate pair stands for a byte that could not be decoded."""
    return not any("\ud800" <= one <= "\udfff" for one in text)


def clipped(text: str, columns: int) -> str:
    """As much of the text as fits into so many columns."""
    if width(text) <= columns:
        return text
    kept = itertools.takewhile(lambda end: width(text[:end]) < columns, range(1, len(text)))
    return text[: max(kept, default=0)] + "…"


def coloured(text: str, colour: str, stream: IO[str] | None = None) -> str:
    """The text in a colour, where the stream is a terminal and NO_COLOR does not forbid it."""
    stream = stream or sys.stdout
    if not stream.isatty() or os.environ.get("NO_COLOR") or os.environ.get("TERM") == "dumb":
        return text
    return f"\x1b[{COLOURS[colour]}m{text}\x1b[0m"


def size(count: int | None) -> str:
    """Bytes in powers of 1000, as volumes are sold."""
    if count is None:
        return "-"
    value, unit = float(count), 0
    while value >= 999.5 and unit < len(UNITS) - 1:
        value, unit = value / 1000, unit + 1
    return f"{value:.0f} {UNITS[unit]}" if unit == 0 or value >= 99.5 else f"{value:.1f} {UNITS[unit]}"


def span(seconds: float) -> str:
    """How long, in its two greatest units."""
    whole = int(seconds)
    days, hours, minutes = whole // 86400, whole // 3600 % 24, whole // 60 % 60
    if days:
        return f"{days}d {hours:02}h"
    if hours:
        return f"{hours}h {minutes:02}m"
    return f"{minutes}m {whole % 60:02}s" if minutes else f"{whole} s"


def ago(moment: str | None) -> str:
    """How long ago a moment is, in its greatest unit; a dash for none."""
    if not moment:
        return "-"
    seconds = (datetime.now(UTC) - datetime.fromisoformat(moment)).total_seconds()
    for size_, unit in ((86400, "d"), (3600, "h"), (60, "min")):
        if seconds >= size_:
            return f"{int(seconds // size_)} {unit} ago"
    return "just now"


def counted(count: int, word: str) -> str:
    """`1 track`, `14,354 tracks`."""
    return f"{count:,} {word}" if count == 1 else f"{count:,} {word}s"


def share(have: int, of: int) -> str:
    """So many of so many, in percent: 100 only where nothing is missing, 0 only where nothing is there."""
    if have in (0, of):
        return "-" if not of else f"{100 if have else 0}%"
    return f"{min(max(100 * have / of, 0.1), 99.9):.1f}%"


def flowing(parts: Sequence[str], *, indent: int) -> list[str]:
    """Parts two blanks apart, none of them broken, in lines that fit the terminal behind so many columns; one line
    where there is no terminal.
    """
    columns, lines = _terminal_columns(), list[str]()
    for part in parts:
        longer = f"{lines[-1]}  {part}" if lines else part
        fits = columns is None or width(longer) + indent <= columns
        lines[-1:] = [longer] if fits or not lines else [lines[-1], part]
    return lines


def wrapped(text: str, *, indent: int) -> list[str]:
    """The text in lines that fit the terminal, all but the first indented; as one line where there is no terminal."""
    if not (columns := _terminal_columns()):
        return [text]
    import textwrap

    return textwrap.wrap(
        text, max(columns, 2 * NARROWEST), subsequent_indent=" " * indent, break_long_words=False,
        break_on_hyphens=False, drop_whitespace=True, replace_whitespace=False,
    )  # fmt: skip


def account(standing: dict[str, Any]) -> str:
    """How it stands with an account, in one line."""
    if standing["state"] != "signed in":
        return str(standing["state"])
    whose = f" as {standing['account']}" if standing["account"] else ""
    days = standing["days_left"]
    return f"signed in{whose}" + ("" if days is None else ", 1 day left" if days == 1 else f", {days} days left")


def clock_time(moment: str | None) -> str:
    """A moment of the daemon's, as this machine's wall clock says it."""
    if not moment:
        return "-"
    local = datetime.fromisoformat(moment).astimezone()
    today = datetime.now(UTC).astimezone().date()
    return local.strftime("%H:%M:%S" if local.date() == today else "%Y-%m-%d %H:%M")


def sentence(error: dict[str, Any] | None) -> str:
    """What, why and what to do, of an error in an answer."""
    if not error:
        return ""
    parts = [str(error.get(key) or "") for key in ("what", "why", "fix")]
    return " ".join(part if part.endswith((".", "!", "?")) else f"{part}." for part in parts if part)


def refusal(refused: dict[str, Any]) -> str:
    """Something that was not taken, and why; its name is not said twice."""
    name, why = str(refused["name"]).rstrip("/"), sentence(refused["error"])
    return why if name.rpartition("/")[2] in why else f"{name}: {why}"
