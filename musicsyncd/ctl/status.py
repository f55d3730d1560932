"""musicsyncctl status: how the daemon is, on one screen."""

from __future__ import annotations

import argparse
from typing import Any

from musicsyncd.ctl import asking, show

PLANS_NAMED = 3
"""Changed plans that are called by their names."""


def register(groups: Any) -> None:
    """Add the command."""
    parser = asking.command(groups, "status", status, "how the daemon is, what it does and what needs a person")
    parser.add_argument(
        "--watch",
        action="store_true",
        help="show what changes, until interrupted; not on a terminal: changed lines only",
    )


def status(args: argparse.Namespace) -> int:
    """Print it once, or until interrupted."""
    asked = asking.client(args)
    if args.watch:
        from musicsyncd.ctl import watching

        return watching.watch(asked, as_json=args.json)
    answer = asked.get("/v1/status")
    show.as_json(answer) if args.json else print("\n".join([head(answer), *lines(answer)]))
    asking.warn_if_older(asked)
    return 0


def head(answer: dict[str, Any]) -> str:
    """The first line, which never stands still."""
    told = f"{title(answer)}  up {show.span(answer['uptime'])}  pid {answer['pid']}"
    return show.coloured(f"{told}  mem {show.size(answer['memory'])}", "bold")


def title(answer: dict[str, Any]) -> str:
    """Which daemon answers."""
    mode = "" if answer["mode"] == "prod" else f"  {answer['mode']} mode"
    return f"musicsyncd {answer['version']}{mode}"


def lines(answer: dict[str, Any]) -> list[str]:
    """The rest of the answer, for people."""
    told: list[str] = []
    jobs, tracks = answer["jobs"], answer["tracks"]
    for kind, states in jobs.items():
        told.append(f"{kind.upper()} JOBS".ljust(15) + "  ".join(f"{state} {count}" for state, count in states.items()))
    if answer["next_due"]:
        told.append(f"NEXT TRY       {show.clock_time(answer['next_due'])}")
    told += _schedule(answer.get("schedule", {}))
    told.append(f"TRACKS         {'  '.join(f'{name} {count}' for name, count in tracks.items())}")
    for part in answer["parts"]:
        if part["state"] != "running":
            failed = f"  failed {part['failures']} times" if part["failures"] else ""
            line = f"PART           {part['name']}  {part['state']}{failed}  {show.one_line(part['why'])}"
            told.append(line.rstrip())
    scratch = "  scratch catalog: dev mode does not open Notion" if answer["mode"] == "dev" else ""
    told.append(f"CATALOG        {', '.join(answer['catalogs'])}{scratch}")
    for account in answer["accounts"]:
        if account["state"] != "not set up":
            told.append(f"ACCOUNT        {account['title']}  {show.one_line(show.account(account))}")
    for volume in answer["volumes"]:
        parked = f"  {volume['parked']} parked" if volume["parked"] else ""
        free = f"  {show.size(volume['free'])} free" if volume["free"] is not None else ""
        told.append(
            f"VOLUME         {volume['name']}  {volume['condition']}{free}{parked}  {show.one_line(volume['path'])}"
        )
    for job in answer["running"]:
        told.append(f"RUNNING        {job['id']}  {job['step'] or job['kind']}  {show.one_line(job['label'])}")
    if answer["attention"]:
        told.append("")
        told.append(show.coloured(f"Needs a person ({len(answer['attention'])}):", "yellow"))
        for sentence in answer["attention"]:
            told.append(f"  - {show.one_line(sentence)}")
    if not jobs and not tracks["tracks"]:
        told += ["", "Nothing yet. Ask for music: musicsyncctl sync --url URL-OR-PATH"]
    return told


def _schedule(schedule: dict[str, Any]) -> list[str]:
    """What begins by itself, in lines; an older daemon tells nothing."""
    lines = []
    if due := schedule.get("next"):
        times = sorted(due.items(), key=lambda one: str(one[1]))
        lines.append("NEXT RUNS      " + "  ".join(f"{name} {show.clock_time(at)}" for name, at in times))
    if (origin := schedule.get("origin")) and origin != "config.toml":
        others = f"  (left to others: {len(schedule.get('others') or ())})" if schedule.get("others") else ""
        lines.append(show.one_line(f"SCHEDULE       {origin}{others}"))
    if paused := schedule.get("paused"):
        told = "  ".join(f"{name} since {show.clock_time(since)}" for name, since in paused.items())
        lines.append(show.coloured(f"PAUSED         {show.one_line(told)}", "yellow"))
    if plans := schedule.get("changed_plans"):
        more = f" and {len(plans) - PLANS_NAMED} more" if len(plans) > PLANS_NAMED else ""
        lines.append(show.one_line(f"PLANS CHANGED  {len(plans)}  {', '.join(plans[:PLANS_NAMED])}{more}"))
    return lines
