"""How a command sees work through: its progress on the way, its report at the end, and the exit code."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Sequence
from typing import Any
from urllib.parse import quote

from musicsyncd.control.client import Client
from musicsyncd.ctl import asking, show
from musicsyncd.errors import from_dict


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


def followed(asked: Client, path: str, question: dict[str, Any] | None) -> tuple[int, dict[str, Any]]:
    """Drop a question that is work for a job, and follow it to its end: its exit code and the job as it is then."""
    job = asked.post(path, question)["jobs"][0]
    asking.warn_if_older(asked)
    try:
        report = follow(asked, job, Ticker())
    except KeyboardInterrupt:
        print(f"\nThe work goes on without you. To end it: musicsyncctl jobs cancel {job}", file=sys.stderr)
        raise
    return int(report["exit_code"]), asked.get(f"/v1/jobs/{job}")


def outcome(job: dict[str, Any]) -> dict[str, Any]:
    """What a job came to, as JSON: its result's own fields beside its state and the reason when it failed."""
    return {"job": job["id"], "state": job["state"], "reason": job["reason"]} | (job["result"] or {})


def ended(code: int, job: dict[str, Any]) -> int:
    """The exit code; a failure is said on stderr."""
    if job["reason"] and job["state"] != "done":
        show.complaint(from_dict(job["reason"]))
    return code


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
