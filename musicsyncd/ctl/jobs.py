"""musicsyncctl jobs: what was asked, what runs, what waits and why, what failed and how."""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from typing import Any, Final
from urllib.parse import quote

from musicsyncd.control.client import Client
from musicsyncd.ctl import asking, show

STATES: Final = ("waiting", "running", "done", "partial", "failed", "cancelled")
"""The names in `musicsyncd.jobs.job.JobState`; a test holds the two against each other."""
SEE_JOBS: Final = "See: musicsyncctl jobs"
MOMENTS: Final = {"asked": "created_at", "again at": "not_before", "began": "started_at", "ended": "ended_at"}


def register(groups: Any) -> None:
    """Add the commands."""
    parser = asking.command(groups, "jobs", jobs, "requests and the work on each track, the newest first")
    parser.add_argument(
        "--state",
        type=states,
        default="",
        metavar="STATE[,STATE]",
        help=f"only these states: {', '.join(STATES)}",
    )
    parser.add_argument(
        "--limit",
        type=asking.listed,
        metavar="N",
        default=50,
        help=f"how many (default 50, at most {asking.MOST_LISTED})",
    )
    verbs = parser.add_subparsers(metavar="VERB")
    for verb, func, text in (
        ("show", show_job, "everything about one job"),
        ("cancel", cancel, "end a waiting or running job"),
        ("retry", retry, "try a job again, now"),
        ("logs", logs, "what was logged of one job"),
    ):
        one = asking.verb(verbs, verb, func, text)
        one.add_argument("id", type=asking.reference, metavar="ID", help="a job's id, or the beginning of one")


def states(text: str) -> str:
    """States with commas between them; ArgumentTypeError for a word that is none."""
    named = [state.strip() for state in text.split(",") if state.strip()]
    if unknown := [state for state in named if state not in STATES]:
        raise argparse.ArgumentTypeError(f"there is no state {unknown[0]!r}; states are: {', '.join(STATES)}")
    return ",".join(named)


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
        show.table(rows, head=("ID", "STATE", "KIND", "ASKED", "ABOUT", "NOTE"), clip=(4, 5))
    else:
        print(f"No jobs are {args.state}." if args.state else "No jobs yet. Ask for music: musicsyncctl sync --url URL")
    return 0


def show_job(args: argparse.Namespace) -> int:
    """One job, field by field."""
    return _print(_job(asking.client(args), args.id), args.json)


def cancel(args: argparse.Namespace) -> int:
    """Ask the daemon to end it, and what it asked for."""
    answer = _ask(args, "cancel")
    code = _print(answer, args.json)
    if not args.json and answer.get("cancelled") is not None:
        print(ended(answer["cancelled"]))
    return code


def ended(count: int) -> str:
    """How many jobs a cancelling ended, for people."""
    if not count:
        return "It had ended already: nothing was left to cancel."
    return "1 job ended." if count == 1 else f"{count} jobs ended."


def retry(args: argparse.Namespace) -> int:
    """Ask the daemon to try it again."""
    return _print(_ask(args, "retry"), args.json)


def logs(args: argparse.Namespace) -> int:
    """The log's lines about it."""
    from musicsyncd.ctl.logs import Wanted, print_log

    asked = asking.client(args)
    job = _job(asked, args.id)["id"]
    return print_log(asked.get("/v1/status")["log_file"], Wanted(job=job), lines=None, follow=False, as_json=args.json)


def _job(asked: Client, reference: str) -> dict[str, Any]:
    with asking.helped(SEE_JOBS):
        return asked.get(f"/v1/jobs/{quote(reference, safe='')}")


def _ask(args: argparse.Namespace, verb: str) -> dict[str, Any]:
    with asking.helped(SEE_JOBS):
        return asking.client(args).post(f"/v1/jobs/{quote(args.id, safe='')}/{verb}")


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
    yield "track", job["key"] if job["kind"] != "request" else ""
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
    return str(result.get("note", ""))
