"""musicsyncctl status: how the daemon is, on one screen."""

from __future__ import annotations

import argparse
import sys
import time
from typing import Any

from musicsyncd.ctl import asking, show

REFRESH = 2.0
"""Seconds between two screens of --watch."""
PLANS_NAMED = 3
"""Changed plans that are called by their names."""


def register(groups: Any) -> None:
    """Add the command."""
    parser = asking.command(groups, "status", status, "how the daemon is, what it does and what needs a person")
    parser.add_argument("--watch", action="store_true", help=f"show it anew every {REFRESH:g} s")


def status(args: argparse.Namespace) -> int:
    """Print it once, or until interrupted."""
    asked = asking.client(args)
    while True:
        answer = asked.get("/v1/status")
        if args.watch and sys.stdout.isatty():
            print("\x1b[2J\x1b[H", end="")
        show.as_json(answer) if args.json else screen(answer)
        asking.warn_if_older(asked)
        if not args.watch:
            return 0
        sys.stdout.flush()
        time.sleep(REFRESH)


def screen(answer: dict[str, Any]) -> None:
    """The answer, for people."""
    mode = "" if answer["mode"] == "prod" else f"  {answer['mode']} mode"
    head = f"musicsyncd {answer['version']}{mode}  up {show.span(answer['uptime'])}  pid {answer['pid']}"
    print(show.coloured(f"{head}  mem {show.size(answer['memory'])}", "bold"))
    jobs, tracks = answer["jobs"], answer["tracks"]
    for kind, states in jobs.items():
        print(f"{kind.upper()} JOBS".ljust(15) + "  ".join(f"{state} {count}" for state, count in states.items()))
    if answer["next_due"]:
        print(f"NEXT TRY       {show.clock_time(answer['next_due'])}")
    for line in _schedule(answer.get("schedule", {})):
        print(line)
    print(f"TRACKS         {'  '.join(f'{name} {count}' for name, count in tracks.items())}")
    for part in answer["parts"]:
        if part["state"] != "running":
            failed = f"  failed {part['failures']} times" if part["failures"] else ""
            print(f"PART           {part['name']}  {part['state']}{failed}  {show.one_line(part['why'])}".rstrip())
    scratch = "  scratch catalog: dev mode does not open Notion" if answer["mode"] == "dev" else ""
    print(f"CATALOG        {', '.join(answer['catalogs'])}{scratch}")
    for account in answer["accounts"]:
        if account["state"] != "not set up":
            print(f"ACCOUNT        {account['title']}  {show.one_line(show.account(account))}")
    for volume in answer["volumes"]:
        parked = f"  {volume['parked']} parked" if volume["parked"] else ""
        free = f"  {show.size(volume['free'])} free" if volume["free"] is not None else ""
        print(f"VOLUME         {volume['name']}  {volume['condition']}{free}{parked}  {show.one_line(volume['path'])}")
    for job in answer["running"]:
        print(f"RUNNING        {job['id']}  {job['step'] or job['kind']}  {show.one_line(job['label'])}")
    if answer["attention"]:
        print(show.coloured(f"\nNeeds a person ({len(answer['attention'])}):", "yellow"))
        for sentence in answer["attention"]:
            print(f"  - {show.one_line(sentence)}")
    if not jobs and not tracks["tracks"]:
        print("\nNothing yet. Ask for music: musicsyncctl sync --url URL-OR-PATH")


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
