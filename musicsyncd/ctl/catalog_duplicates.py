"""musicsyncctl catalog duplicates: rows that are one track's, the plan to merge them, and doing it."""

from __future__ import annotations

import argparse
import json
from typing import Any, Final

from musicsyncd.ctl import asking, following, show

MAKE_PLAN: Final = "Make a plan: musicsyncctl catalog duplicates"
MOST_TOLD: Final = 20
"""Rows and doubts that are named one by one, of each kind."""


def register(verbs: Any) -> None:
    """Add the commands."""
    parser = asking.command(
        verbs, "duplicates", plan, "plan to merge rows that are one track's, and write nothing; or: apply PLAN"
    )
    more = parser.add_subparsers(metavar="VERB")
    applied = asking.verb(more, "apply", apply, "merge the rows of a plan; `undo` brings them back")
    applied.add_argument("plan", metavar="PLAN", type=asking.reference)


def plan(args: argparse.Namespace) -> int:
    """Have the plan made, and print all of it."""
    code, job = following.followed(asking.client(args), "/v1/catalog/duplicates", None)
    if args.json:
        show.as_json({"schema": "musicsyncd.rows-plan/1", **following.outcome(job)})
    elif job["result"]:
        _print_plan(job["result"])
    return following.ended(code, job)


def apply(args: argparse.Namespace) -> int:
    """Do what the plan says, and tell of each row."""
    with asking.helped(MAKE_PLAN):
        code, job = following.followed(asking.client(args), "/v1/catalog/duplicates/apply", {"plan": args.plan})
    if args.json:
        show.as_json({"schema": "musicsyncd.rows-applied/1", **following.outcome(job)})
    elif job["result"]:
        _print_applied(job["result"], job["id"])
    return following.ended(code, job)


def _print_plan(found: dict[str, Any]) -> None:
    for group in found["groups"]:
        print(show.coloured(show.one_line(group["keeper"]["label"]), "bold"))
        _print_row("keep", "green", group["keeper"])
        for name, one in group["writes"].items():
            print(show.one_line(f"      {name}: {_value(one['before'])} becomes {_value(one['after'])}"))
        for donor in group["donors"]:
            _print_row("trash", "yellow", donor)
            print(show.one_line(f"      {donor['evidence']}"))
            for name, value in donor["lost"].items():
                print(show.one_line(f"      goes with it: {name} {_value(value)}"))
    for doubt in found["doubts"][:MOST_TOLD]:
        told = f"  {' and '.join(doubt['labels'])} ({' '.join(doubt['pages'])}): {doubt['why']}"
        print(show.coloured("look", "yellow") + show.one_line(told))
    if len(found["doubts"]) > MOST_TOLD:
        print(f"… and {len(found['doubts']) - MOST_TOLD} more: musicsyncctl jobs show {found['plan']} --json")
    print(f"Plan {found['plan']}: {found['summary']}. Nothing has been written.")
    if found["groups"]:
        print(f"Do it: musicsyncctl catalog duplicates apply {found['plan']}")


def _print_row(verb: str, colour: str, row: dict[str, Any]) -> None:
    score = f"{row['score']} points{': ' + row['why'] if row['why'] else ''}"
    told = f"  {row['page']}  {row['label']}  of {row['created'][:10]}, {score}"
    print("  " + show.coloured(f"{verb:<5}", colour) + show.one_line(told))


def _value(value: Any) -> str:
    text = "nothing" if value in (None, "", []) else json.dumps(value, ensure_ascii=False)
    return text if len(text) <= 60 else f"{text[:59]}…"


def _print_applied(done: dict[str, Any], job: str) -> None:
    for one in done["left"][:MOST_TOLD]:
        print(show.coloured("left", "yellow") + show.one_line(f"  {one['page']}  {one['label']}: {one['why']}"))
    if len(done["left"]) > MOST_TOLD:
        print(f"… and {len(done['left']) - MOST_TOLD} more: musicsyncctl jobs show {job} --json")
    print(f"{done['summary']}.")
    if done["merged"]:
        print(f"Bring them back: musicsyncctl undo {job}")
