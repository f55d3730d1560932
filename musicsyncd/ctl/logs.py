"""musicsyncctl logs: the daemon's log file, for people or as it is; it can be read while the daemon is down."""

from __future__ import annotations

import argparse
import json
import os
import re
import sys
import time
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import IO, Any

from musicsyncd.control.client import NotRunning
from musicsyncd.ctl import asking, show
from musicsyncd.errors import Permanent

LOOK = 0.5
"""Seconds between two looks at a followed file."""
USUAL_LINES = 50
LEVELS = ("debug", "info", "warning", "error", "critical")
UNITS = {"s": timedelta(seconds=1), "m": timedelta(minutes=1), "h": timedelta(hours=1), "d": timedelta(days=1)}
FIRST_FIELDS = ("timestamp", "level", "event")


def register(groups: Any) -> None:
    """Add the command."""
    parser = asking.command(groups, "logs", logs, "what the daemon wrote down", json=False)
    parser.add_argument(
        "--json",
        action="store_true",
        help="the log's own lines as they are, one JSON object each, without a schema",
    )
    parser.add_argument("-f", "--follow", action="store_true", help="go on until interrupted")
    parser.add_argument(
        "-n",
        "--lines",
        type=asking.count,
        metavar="N",
        help=f"how many of the last lines (default {USUAL_LINES}; with --since all)",
    )
    parser.add_argument("--job", default="", metavar="ID", help="only lines about this job")
    parser.add_argument(
        "--since", type=_moment, metavar="WHEN", help="only lines from then on: 10m, 2h or 3d ago, or an ISO time"
    )
    parser.add_argument("--level", choices=LEVELS, default=LEVELS[0], help="only lines of this level and above")


def logs(args: argparse.Namespace) -> int:
    """Print the end of the log."""
    wanted = Wanted(job=args.job, since=args.since, level=args.level)
    lines = None if args.since and args.lines is None else args.lines or USUAL_LINES
    return print_log(_log_file(args), wanted, lines=lines, follow=args.follow, as_json=args.json)


def _moment(text: str) -> datetime:
    """When a span before now began, or the moment itself; ArgumentTypeError for neither."""
    if found := re.fullmatch(r"(\d{1,6})\s*([smhd])", text.strip()):
        return datetime.now(UTC) - int(found[1]) * UNITS[found[2]]
    try:
        return datetime.fromisoformat(text.strip()).astimezone()
    except (ValueError, OverflowError) as error:
        raise argparse.ArgumentTypeError(
            f"{text!r} is neither 10m, 2h or 3d nor a time such as 2026-01-31T12:00"
        ) from error


@dataclass(frozen=True, kw_only=True)
class Wanted:
    """Which lines are told."""

    job: str = ""
    since: datetime | None = None
    level: str = LEVELS[0]

    def takes(self, line: str) -> bool:
        """Whether this line is told. One that is no JSON is part of what stands before it, and has no time of its own:
        it is told where nothing is asked for.
        """
        if self == Wanted():
            return True
        fields = _fields(line)
        return _about(fields, self.job) and self._late_enough(fields) and self._grave_enough(fields)

    def _late_enough(self, fields: dict[str, Any]) -> bool:
        if self.since is None:
            return True
        try:
            return datetime.fromisoformat(str(fields.get("timestamp", ""))) >= self.since
        except (ValueError, TypeError):
            return False

    def _grave_enough(self, fields: dict[str, Any]) -> bool:
        level = str(fields.get("level", ""))
        return (LEVELS.index(level) if level in LEVELS else 0) >= LEVELS.index(self.level)


def _log_file(args: argparse.Namespace) -> str:
    """As the running daemon says; else as its settings say."""
    try:
        return str(asking.client(args).get("/v1/status")["log_file"])
    except NotRunning:
        from musicsyncd.settings import load  # the daemon is down: only now are the settings worth their time

        found = load(Path(args.config) if args.config else None, overrides={"daemon.mode": args.mode}).settings.log.file
        return str(found or "")


def print_log(file: str, wanted: Wanted, *, lines: int | None, follow: bool, as_json: bool) -> int:
    """The last lines of the file (None: all), and what comes after them when followed."""
    if not file:
        raise Permanent("The daemon writes no log file", fix="Set log.file in config.toml")
    with _opened(Path(file)) as opened:
        found = deque((line for line in opened if wanted.takes(line)), lines)
        for line in found:
            print(line.rstrip() if as_json else readable(line))
        if wanted != Wanted() and not found and not follow:
            about = f" about job {wanted.job}" if wanted.job else ""
            print(f"{file} says nothing{about or ' of that kind'}.", file=sys.stderr)
        position = opened.tell() if follow else 0
    if follow:
        sys.stdout.flush()
        for line in _followed(Path(file), position):
            if wanted.takes(line):
                print(line.rstrip() if as_json else readable(line), flush=True)
    return 0


def _opened(file: Path) -> IO[str]:
    try:
        return file.open(encoding="utf-8", errors="replace")
    except FileNotFoundError as error:
        raise Permanent(f"There is no log at {file} yet", fix="Start the daemon: musicsyncd") from error
    except OSError as error:
        raise Permanent(f"The log {file} cannot be read", why=str(error)) from error


def _followed(path: Path, position: int) -> Iterator[str]:
    """New lines from a position on, as they come; where the file is rotated, the old one to its end, then the new."""
    while True:
        with _opened(path) as current:
            current.seek(position)
            yield from _until_rotated(current, path)
        position = 0


def _until_rotated(current: IO[str], path: Path) -> Iterator[str]:
    rest, rotated = "", False
    while True:
        rest += current.readline()
        if rest.endswith("\n"):
            yield rest
            rest = ""
        elif rotated:
            return
        else:
            time.sleep(LOOK)
            rotated = _is_another(path, current)  # what was written before that is still to be read


def _is_another(path: Path, current: IO[str]) -> bool:
    """Whether a new file has taken the path; False in the moment in which none has."""
    try:
        return path.stat().st_ino != os.fstat(current.fileno()).st_ino
    except FileNotFoundError:
        return False


def _about(fields: dict[str, Any], job: str) -> bool:
    return not job or any(str(fields.get(name, "")).startswith(job) for name in ("job", "parent"))


def readable(line: str) -> str:
    """A JSON line, for people."""
    fields = _fields(line)
    if not fields:
        return show.one_line(line)
    when, level, event = (str(fields.get(name, "")) for name in FIRST_FIELDS)
    rest = "  ".join(f"{key}={_said(value)}" for key, value in fields.items() if _tells(key, value))
    why = show.sentence(fields["reason"]) if isinstance(fields.get("reason"), dict) else ""
    said = "  ".join(part for part in (event, rest, why) if part)
    return show.one_line(f"{show.clock_time(when)}  {level:<8}  {said}".rstrip())


def _tells(key: str, value: object) -> bool:
    """Whether a field says something to people that is not said elsewhere on the line."""
    if key in FIRST_FIELDS or key == "logger" or value is None:
        return False
    if key == "track" and "|" in str(value):  # what a request's job is told apart by: no track
        return False
    return not (key == "reason" and isinstance(value, dict))


def _said(value: object) -> str:
    return json.dumps(value, ensure_ascii=False) if isinstance(value, dict | list) else str(value)


def _fields(line: str) -> dict[str, Any]:
    try:
        fields = json.loads(line)
    except ValueError:
        return {}
    return fields if isinstance(fields, dict) else {}
