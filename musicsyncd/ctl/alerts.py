"""musicsyncctl alerts: what is wrong, since when, and what to do about it; and whether the channels tell."""

from __future__ import annotations

import argparse
from typing import Any

from musicsyncd.ctl import asking, show


def register(groups: Any) -> None:
    """Add the commands."""
    parser = asking.command(groups, "alerts", alerts, "what needs a person, since when, and who was told of it")
    parser.add_argument("--all", action="store_true", help="also what is over")
    verbs = parser.add_subparsers(metavar="VERB")
    asking.verb(verbs, "test", test, "send a test through every channel, and say how each went")


def alerts(args: argparse.Namespace) -> int:
    """List what is wrong."""
    answer = asking.client(args).get("/v1/alerts")
    if args.json:
        show.as_json(answer)
        return 0
    listed = [one for one in answer["alerts"] if args.all or not one["resolved_at"]]
    rows = [
        [one["severity"], one["key"], show.clock_time(one["first_seen"]), str(one["count"]), _told(one), one["what"]]
        for one in listed
    ]
    if rows:
        show.table(rows, head=("SEVERITY", "KEY", "SINCE", "COUNT", "TOLD", "WHAT"), clip=(5,))
    else:
        print("Nothing needs a person.")
    for one in listed:
        if one["fix"] and not one["resolved_at"]:
            print(show.one_line(f"{one['key']}: {show.sentence({'what': one['fix']})}"))
    for one in listed:
        for channel, due in one["due"].items():
            if due["error"]:
                again = f"again at {show.clock_time(due['again_at'])}"
                print(show.one_line(f"{one['key']} is not told by {channel}, {again}: {due['error']}"))
    return 0


def test(args: argparse.Namespace) -> int:
    """Try every channel; 1 when one of them does not tell."""
    answer = asking.client(args).post("/v1/alerts/test")
    if args.json:
        show.as_json(answer)
    elif not answer["channels"]:
        print("Nobody is told: alerts.channels is empty.")
    else:
        for one in answer["channels"]:
            went = show.coloured("told", "green") if one["error"] is None else show.coloured("failed", "red")
            print(f"{show.one_line(one['channel'])}  {went}  {show.one_line(show.sentence(one['error']))}".rstrip())
    return 1 if any(one["error"] for one in answer["channels"]) else 0


def _told(one: dict[str, Any]) -> str:
    """By whom; what is over was told to be over."""
    if one["resolved_at"]:
        return "over"
    return ",".join(sorted(one["told"])) or "-"
