"""musicsyncctl reconcile: how ledger, volumes, catalogs and Eagle differ from one another, and putting it right."""

from __future__ import annotations

import argparse
from typing import Any, Final

from musicsyncd.ctl import asking, following, show

SEE_PLANS: Final = "Make a plan: musicsyncctl reconcile --dry-run"
MOST_SHOWN: Final = 50
"""Differences of one kind that are shown one by one."""
COLOURS: Final = {"safe": "green", "person": "yellow", "told": "dim"}
WORDS: Final = {"safe": "safe", "person": "ask", "told": "told"}


def register(groups: Any) -> None:
    """Add the command."""
    parser = asking.command(
        groups, "reconcile", reconcile, "hold ledger, volumes, catalogs and Eagle against each other; do what is safe"
    )
    what = parser.add_mutually_exclusive_group()
    what.add_argument("--dry-run", action="store_true", help="only list what differs, and what would be done")
    what.add_argument(
        "--apply", metavar="PLAN", type=asking.reference, help="do what a plan proposes; `undo` takes rows back"
    )
    parser.add_argument("--only", metavar="ID", nargs="+", default=[], help="with --apply: these differences alone")


def reconcile(args: argparse.Namespace) -> int:
    """Compare, or apply a plan, and tell of it."""
    question: dict[str, Any] = {"dry_run": args.dry_run, "apply": args.apply or "", "only": args.only}
    with asking.helped(SEE_PLANS):
        code, job = following.followed(asking.client(args), "/v1/reconcile", question)
    if args.json:
        show.as_json({"schema": "musicsyncd.reconciled/1", **following.outcome(job)})
    elif job["result"] and args.apply:
        _print_done(job["result"], {})
        if job["result"]["done"]:
            print(f"Take rows back: musicsyncctl undo {job['id']}")
    elif job["result"]:
        _print_plan(job["result"])
    return following.ended(code, job)


def _print_plan(found: dict[str, Any]) -> None:
    shown: dict[str, int] = {}
    for one in found["differences"]:
        shown[one["kind"]] = shown.get(one["kind"], 0) + 1
        if shown[one["kind"]] <= MOST_SHOWN:
            _print_difference(one)
    for kind, count in found["kinds"].items():
        if count > min(MOST_SHOWN, shown.get(kind, 0)):
            print(f"… {count} in all: {kind}")
    for target, why in found["away"].items():
        print(show.coloured("away", "yellow") + show.one_line(f"  {target}: {why} Nothing is said of it."))
    if "done" in found:
        _print_done(found, {one["id"]: one["label"] for one in found["differences"]})
    checked = ", ".join(f"{found['checked'].get(name, 0)} {name}" for name in ("tracks", "files", "rows"))
    print(f"Plan {found['plan']}: {found['summary']} ({checked} looked at).")
    if found["dry_run"] and found["counts"]["safe"]:
        print("Nothing was changed. What is safe is done by: musicsyncctl reconcile")
    if any(one["verb"] and one["who"] == "person" for one in found["differences"]):
        print(f"All of it: musicsyncctl reconcile --apply {found['plan']}; some of it: add --only ID …")


def _print_difference(one: dict[str, Any]) -> None:
    head = show.coloured(f"{WORDS[one['who']]:<4}", COLOURS[one["who"]])
    print(head + show.one_line(f"  {one['id']}  {one['label']}: {one['what']}"))
    print(show.one_line(f"        {one['kind']}: {one['believed']} / {one['found']}"))
    if one["proposal"]:
        print(show.one_line(f"        {one['proposal']}"))


def _print_done(done: dict[str, Any], labels: dict[str, str]) -> None:
    for one in done["left"][:MOST_SHOWN]:
        label = labels.get(one["id"], one["label"])
        print(show.coloured("left", "yellow") + show.one_line(f"  {one['id']}  {label}: {one['why']}"))
    print(f"{done['done_summary']}.")
