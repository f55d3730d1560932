"""musicsyncctl sync: ask for music, and see it come home."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any
from urllib.parse import quote

from musicsyncd.control.client import Client
from musicsyncd.ctl import asking, show
from musicsyncd.errors import BadInput


def register(groups: Any) -> None:
    """Add the command."""
    parser = asking.command(
        groups, "sync", sync, "bring music home: a URL, a file, a folder, or what the sources offer"
    )
    scope = parser.add_mutually_exclusive_group()
    scope.add_argument(
        "--url", nargs="+", action="extend", default=[], metavar="URL", help="http(s) URLs, files or folders"
    )
    scope.add_argument(
        "--playlist",
        nargs="+",
        action="extend",
        default=[],
        metavar="P",
        help="playlists, sets or albums by URL, or by the name of one in the settings",
    )
    scope.add_argument(
        "--next", dest="scope", action="store_const", const="next", help="what plays, or the newest (the default)"
    )
    scope.add_argument(
        "--recent", dest="scope", action="store_const", const="recent", help="what was listened to lately"
    )
    scope.add_argument(
        "--unfinished",
        dest="scope",
        action="store_const",
        const="unfinished",
        help="what waits for a volume or was left",
    )
    scope.add_argument(
        "--incremental", dest="scope", action="store_const", const="incremental", help="all that is new or unfinished"
    )
    scope.add_argument("--full", dest="scope", action="store_const", const="full", help="look at everything anew")
    parser.add_argument("--source", default="", metavar="NAME", help="ask only this source")
    parser.add_argument(
        "--dry-run", action="store_true", help="print what would be done, and do nothing (implies --wait)"
    )
    parser.add_argument(
        "--wait", action="store_true", help="follow the work to its end; the exit code tells how it ended"
    )


def sync(args: argparse.Namespace) -> int:
    """Drop the request; with --wait follow it."""
    asked = asking.client(args)
    scope = "url" if args.url else "playlist" if args.playlist else args.scope or "next"
    question = {
        "scope": scope,
        "urls": [plain(url) for url in args.url] + [named(name) for name in args.playlist],
        "source": args.source,
        "dry_run": args.dry_run,
    }
    jobs = list(dict.fromkeys(asked.post("/v1/sync", question)["jobs"]))
    asking.warn_if_older(asked)
    return seen_through(args, asked, jobs)


def seen_through(args: argparse.Namespace, asked: Client, jobs: Sequence[str]) -> int:
    """Say which jobs were asked for; with --wait (or --dry-run) follow them, print their reports, and exit as they
    ended.
    """
    if not (args.wait or args.dry_run):
        if args.json:
            show.as_json({"schema": "musicsyncd.accepted/1", "jobs": jobs})
        else:
            print(f"Asked: {', '.join(jobs)}. See how it goes: musicsyncctl jobs, or musicsyncctl events")
        return 0
    reports: list[dict[str, Any]] = []
    try:
        for job in jobs:
            reports.append(follow(asked, job, Ticker()))
    except KeyboardInterrupt:
        cancelling = "; ".join(f"musicsyncctl jobs cancel {job}" for job in jobs[len(reports) :])
        print(f"\nThe work goes on without you. To end it: {cancelling}", file=sys.stderr)
        raise
    if args.json:
        show.as_json(reports[0] if len(reports) == 1 else {"schema": "musicsyncd.reports/1", "reports": reports})
    else:
        for report in reports:
            print_report(report)
    return combined([report["exit_code"] for report in reports])


def plain(url: str) -> str:
    """A URL as it is; a path made absolute here, because the daemon works in another folder.

    A path that is not UTF-8 becomes a file:// URL, since JSON cannot hold its bytes; BadInput for such a URL.
    """
    if not url or "://" in url or url.lower().startswith("spotify:"):
        return named(url)
    path = os.path.abspath(os.path.expanduser(url))  # noqa: PTH100, PTH111  as the person spelt it: no links followed
    return path if show.is_text(path) else Path(path).as_uri()


def named(text: str) -> str:
    """A URL or a name as it is; BadInput when it is no text."""
    if not show.is_text(text):
        fix = "Spell what is not ASCII in it with % signs"
        raise BadInput(f"{text!r} cannot be sent", why="It is not UTF-8 text", fix=fix)
    return text


def follow(asked: Client, job: str, ticker: Ticker) -> dict[str, Any]:
    """The report at the end of a request; its progress goes to stderr on the way."""
    for name, data in asked.events(f"/v1/events?job={quote(job)}"):
        if name == "report":
            ticker.end()
            if not data["settled"]:
                print(f"musicsyncctl: The daemon stops; job {job} goes on when it runs again.", file=sys.stderr)
            return data
        ticker.tell(name, data)
    ticker.end()
    return asked.get(f"/v1/jobs/{quote(job)}/report")  # the daemon died while we listened, and may be back


class Ticker:
    """Progress on stderr: one moving line on a terminal, elsewhere a line for each step and each end."""

    def __init__(self) -> None:
        self._moving = sys.stderr.isatty() and os.environ.get("TERM") != "dumb"
        self._last: dict[str, str] = {}

    def tell(self, name: str, data: dict[str, Any]) -> None:
        """One event."""
        if not (phase := _phase(name, data)):
            return
        about = show.one_line(f"{data['label'] or data['key']}: {phase}")
        if self._moving:
            share = f" {data['share']:4.0%}" if data.get("share") is not None else ""
            text = show.one_line(f"{about}{share}  {data['text']}".rstrip())
            columns = os.get_terminal_size(sys.stderr.fileno()).columns or 80
            print(f"\r\x1b[K{show.clipped(text, columns - 1)}", end="", file=sys.stderr, flush=True)
        elif self._last.get(data["job"]) != phase:
            self._last[data["job"]] = phase
            print(about, file=sys.stderr, flush=True)

    def end(self) -> None:
        """Clear the moving line."""
        if self._moving:
            print("\r\x1b[K", end="", file=sys.stderr, flush=True)


def _phase(name: str, data: dict[str, Any]) -> str:
    """What a job has come to, in a word or a sentence; empty where a line would say nothing."""
    match name:
        case "step" | "progress":
            return str(data["step"])
        case "ended":
            return str(data["state"])
        case "put-back":
            when = f"again at {show.clock_time(data['not_before'])}" if data.get("not_before") else "again soon"
            return f"{when}: {show.sentence(data.get('reason'))}" if data.get("reason") else when
    return ""


def print_report(report: dict[str, Any]) -> None:
    """How a request ended, for people."""
    for rung in report["rungs"]:
        print(show.one_line(f"{rung['source']}: {rung['said']}"))
    for track in report["tracks"]:
        print_track(track)
    for refused in report["refused"]:
        print(show.coloured("refused", "yellow") + show.one_line(f"  {show.refusal(refused)}"))
    if report["reason"] and report["state"] != "done":
        if report["tracks"]:
            print(show.one_line(report["summary"]))
        print(show.coloured(report["state"], "red") + show.one_line(f"  {show.sentence(report['reason'])}"))
    elif report["summary"]:
        print(show.one_line(report["summary"]))


def print_track(track: dict[str, Any]) -> None:
    """One track asked for: what became of it, and where it stands."""
    colour = {"done": "green", "standing": "green", "duplicate": "dim", "failed": "red", "cancelled": "red"}.get(
        track["state"], "yellow"
    )
    note = f"  {track['note']}" if track["note"] else ""
    print(
        show.coloured(f"{track['state']:<9}", colour)
        + show.one_line(f"  {track['label']}  {track['track']}{note}").rstrip()
    )
    if track["state"] == "planned":
        for action in track["actions"]:
            parts = f" {','.join(action['parts'])}" if action["parts"] else ""
            print(show.one_line(f"    {action['verb']}{parts} {action['target']}: {action['why']}"))
    if track["reason"]:
        print(show.one_line(f"    {show.sentence(track['reason'])}"))
    details = track["details"] or {}
    for target, state in details.get("targets", {}).items():
        if state not in ("standing", "missing"):
            print(show.one_line(f"    {state}" if state.startswith(target) else f"    {target}: {state}"))
    if track["state"] in ("done", "partial"):
        for file in details.get("files", []):
            print(show.one_line(f"    {file['format']:<5} {file['path']}"))


def combined(codes: Sequence[int]) -> int:
    """One exit code for several requests: what they agree on, else 6 (partial)."""
    return codes[0] if len(set(codes)) == 1 else 6
