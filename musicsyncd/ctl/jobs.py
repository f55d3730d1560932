"""musicsyncctl jobs: what was asked, what runs, what waits and why, what failed and how."""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from typing import Any, Final
from urllib.parse import quote

from musicsyncd.ctl import asking, show

MOMENTS: Final = {"asked": "created_at", "again at": "not_before", "began": "started_at", "ended": "ended_at"}


def register(groups: Any) -> None:
    """Add the commands."""
    parser = asking.command(groups, "jobs", jobs, "requests and the work on each track, the newest first")
    parser.add_argument(
        "--state",
        default="",
        metavar="STATE[,STATE]",
        help="only these states: waiting, running, done, partial, failed, cancelled",
    )
    parser.add_argument("--limit", type=asking.count, metavar="N", default=50, help="how many (default 50)")
    verbs = parser.add_subparsers(metavar="VERB")
    for verb, func, text in (
        ("show", show_job, "everything about one job"),
        ("cancel", cancel, "end a waiting or running job"),
        ("retry", retry, "try a job again, now"),
        ("logs", logs, "what was logged of one job"),
    ):
        one = asking.verb(verbs, verb, func, text)
        one.add_argument("id", metavar="ID", help="a job's id, or the beginning of one")


def jobs(args: argparse.Namespace) -> int:
    """List them."""
    answer = asking.client(args).get(f"/v1/jobs?state={quote(args.state)}&limit={args.limit}")
    if args.json:
        show.as_json(answer)
        return 0
    rows = [
        [job["id"], job["state"], job["kind"], show.clock_time(job["created_at"]), job["label"], _note(job)]
        for job in answer["jobs"]
    ]
    if rows:
        show.table(rows, head=("ID", "STATE", "KIND", "ASKED", "ABOUT", "NOTE"))
    else:
        print(f"No jobs are {args.state}." if args.state else "No jobs yet. Ask for music: musicsyncctl sync --url URL")
    return 0


def show_job(args: argparse.Namespace) -> int:
    """One job, field by field."""
    return _print(asking.client(args).get(f"/v1/jobs/{quote(args.id, safe='')}"), args.json)


def cancel(args: argparse.Namespace) -> int:
    """Ask the daemon to end it."""
    return _print(asking.client(args).post(f"/v1/jobs/{quote(args.id, safe='')}/cancel"), args.json)


def retry(args: argparse.Namespace) -> int:
    """Ask the daemon to try it again."""
    return _print(asking.client(args).post(f"/v1/jobs/{quote(args.id, safe='')}/retry"), args.json)


def logs(args: argparse.Namespace) -> int:
    """The log's lines about it."""
    from musicsyncd.ctl.logs import print_log

    asked = asking.client(args)
    job = asked.get(f"/v1/jobs/{quote(args.id, safe='')}")["id"]
    return print_log(asked.get("/v1/status")["log_file"], job=job, lines=None, follow=False, as_json=args.json)


def _print(job: dict[str, Any], as_json: bool) -> int:
    if as_json:
        show.as_json(job)
        return 0
    show.table([[name, value] for name, value in _facts(job) if value])
    return 0


def _facts(job: dict[str, Any]) -> Iterator[tuple[str, str]]:
    yield "id", job["id"]
    yield "kind", job["kind"]
    yield "about", job["label"]
    yield "track", job["key"] if job["kind"] == "track" else ""
    yield "state", job["state"]
    yield "step", job["step"]
    for name, when in MOMENTS.items():
        yield name, show.clock_time(job[when]) if job[when] else ""
    yield "tries", str(job["attempts"])
    yield "asked by", f"job {job['parent']}" if job["parent"] else ""
    yield "reason", show.sentence(job["reason"])
    result = job["result"] or {}
    yield "note", _outcome(result)
    for track in result.get("tracks", []) if job["kind"] == "request" else []:
        yield "found", "  ".join(part for part in (track["track"], track["label"], track.get("note", "")) if part)
    for refused in result.get("refused", []):
        yield "refused", show.refusal(refused)


def _note(job: dict[str, Any]) -> str:
    if job["state"] == "running":
        return str(job["step"])
    if job["reason"] and job["state"] != "done":
        later = (
            f"again at {show.clock_time(job['not_before'])}: "
            if job["state"] == "waiting" and job["not_before"]
            else ""
        )
        return later + str(job["reason"].get("what", ""))
    return _outcome(job["result"] or {})


def _outcome(result: dict[str, Any]) -> str:
    if missing := result.get("partial"):
        return f"missing {', '.join(missing)}"
    if result.get("duplicate_of"):
        return f"the same recording as {result['duplicate_of']}"
    return ""
