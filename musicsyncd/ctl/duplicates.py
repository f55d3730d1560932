"""musicsyncctl duplicates: recordings that are kept more than once, the plan to leave them out, and doing it."""

from __future__ import annotations

import argparse
from typing import Any, Final
from urllib.parse import quote

from musicsyncd.ctl import asking, following, show

SEE_PLANS: Final = "Make a plan: musicsyncctl duplicates plan"
MOST_LEFT: Final = 20
"""Files left where they are that are named one by one."""


def register(groups: Any) -> None:
    """Add the commands."""
    parser = asking.command(
        groups, "duplicates", duplicates, "tracks that are left out as copies; or: plan, apply PLAN, keep TRACK"
    )
    parser.add_argument("--limit", type=asking.listed, metavar="N", default=50, help="how many (default 50)")
    verbs = parser.add_subparsers(metavar="VERB")
    asking.verb(verbs, "plan", plan, "find recordings that are kept more than once, and move nothing")
    applied = asking.verb(verbs, "apply", apply, "move what a plan says to the recycle areas; `undo` brings it back")
    applied.add_argument("plan", metavar="PLAN", type=asking.reference)
    kept = asking.verb(verbs, "keep", keep, "bring a track home that was left out; no plan leaves it out again")
    kept.add_argument("track", metavar="TRACK", type=asking.reference)


def duplicates(args: argparse.Namespace) -> int:
    """List what is left out."""
    answer = asking.client(args).get(f"/v1/duplicates?limit={args.limit}")
    if args.json:
        show.as_json(answer)
        return 0
    if answer["duplicates"]:
        rows = [[one["track"], one["label"], one["keeper"], one["reason"]] for one in answer["duplicates"]]
        show.table(rows, head=("ID", "LEFT OUT", "KEPT", "WHY"), clip=(1, 3))
    else:
        print("Nothing is left out as a duplicate.")
    print(f"{answer['comparable']} of {answer['kept']} kept files can be compared by their sound. {SEE_PLANS}")
    return 0


def plan(args: argparse.Namespace) -> int:
    """Have the plan made, and print all of it."""
    code, job = following.followed(asking.client(args), "/v1/duplicates/plan", None)
    if args.json:
        show.as_json({"schema": "musicsyncd.duplicates-plan/1", **following.outcome(job)})
    elif job["result"]:
        _print_plan(job["result"])
    return following.ended(code, job)


def apply(args: argparse.Namespace) -> int:
    """Do what the plan says, and tell of each file."""
    with asking.helped(SEE_PLANS):
        code, job = following.followed(asking.client(args), "/v1/duplicates/apply", {"plan": args.plan})
    if args.json:
        show.as_json({"schema": "musicsyncd.duplicates-applied/1", **following.outcome(job)})
    elif job["result"]:
        _print_applied(job["result"], job["id"])
    return following.ended(code, job)


def keep(args: argparse.Namespace) -> int:
    """Say that this one stays, and have it brought home."""
    with asking.helped("See what is left out: musicsyncctl duplicates"):
        answer = asking.client(args).post(f"/v1/tracks/{quote(args.track, safe='')}/keep")
    show.as_json(answer) if args.json else print(f"It stays. Asked: job {answer['jobs'][0]}")
    return 0


def _print_plan(found: dict[str, Any]) -> None:
    for group in found["groups"]:
        keeper = group["keeper"]
        print(show.coloured(show.one_line(keeper["label"]), "bold"))
        _print_side("keep", "green", keeper)
        for loser in group["losers"]:
            _print_side("recycle", "yellow", loser)
            print(show.one_line(f"      {loser['why']}"))
    for doubt in found["doubts"]:
        labels = " and ".join(doubt["labels"])
        told = f"  {labels} ({doubt['first']}, {doubt['second']}): {doubt['why']} Nothing is done about them."
        print(show.coloured("listen", "yellow") + show.one_line(told))
    told = f"Plan {found['plan']}: {found['summary']}"
    if not found["groups"]:
        print(f"{told} among {found['kept']} kept files.")
        return
    print(f"{told}, {show.size(found['bytes'])}. Nothing has been moved.")
    print(f"Do it: musicsyncctl duplicates apply {found['plan']}")


def _print_side(verb: str, colour: str, side: dict[str, Any]) -> None:
    label = "" if verb == "keep" else f"  {side['label']}"
    print("  " + show.coloured(f"{verb:<7}", colour) + show.one_line(f"  {side['track']}{label}  {side['audio']}"))
    for file in side["files"]:
        print(show.one_line(f"      {file['shelf']}  {file['path']}  {show.size(file['size'])}"))


def _print_applied(done: dict[str, Any], job: str) -> None:
    for file in done["moved"]:
        print(show.one_line(f"{file['shelf']}  {file['path']}  {show.size(file['size'])}  to {file['recycled']}"))
    for file in done["left"][:MOST_LEFT]:
        print(show.coloured("left", "yellow") + show.one_line(f"  {file['volume']}  {file['path']}: {file['why']}"))
    if len(done["left"]) > MOST_LEFT:
        print(f"… and {len(done['left']) - MOST_LEFT} more: musicsyncctl jobs show {job} --json")
    print(f"{done['summary']}, {show.size(done['bytes'])}.")
    if done["moved"]:
        print(f"Bring them back: musicsyncctl undo {job}")
