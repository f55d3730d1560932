"""musicsyncctl undo: what moved or replaced files, and taking it back."""

from __future__ import annotations

import argparse
from typing import Any, Final

from musicsyncd.ctl import asking, following, show

SEE_OPERATIONS: Final = "See which can be undone: musicsyncctl undo"
NAMES: Final = {
    "recycled": ("file recycled", "files recycled"),
    "replaced": ("file replaced", "files replaced"),
    "mended": ("row mended", "rows mended"),
    "retired": ("row put away", "rows put away"),
    "merged": ("track left out", "tracks left out"),
    "forgotten": ("track forgotten", "tracks forgotten"),
    "row put away": ("row merged", "rows merged"),
    "row amended": ("row written into", "rows written into"),
}
"""What a kind of change is called, of one and of several."""


def register(groups: Any) -> None:
    """Add the command."""
    parser = asking.command(groups, "undo", undo, "what moved or replaced files; with OPERATION, take it back")
    parser.add_argument("operation", nargs="?", metavar="OPERATION", type=asking.reference)
    parser.add_argument("--limit", type=asking.listed, metavar="N", default=20, help="how many (default 20)")


def undo(args: argparse.Namespace) -> int:
    """List what can be taken back, or take one back."""
    return _take_back(args) if args.operation else _list(args)


def _list(args: argparse.Namespace) -> int:
    answer = asking.client(args).get(f"/v1/operations?limit={args.limit}")
    if args.json:
        show.as_json(answer)
    elif answer["operations"]:
        show.table([_row(one) for one in answer["operations"]], head=("OPERATION", "WHEN", "KIND", "CHANGES", "UNDONE"))
        print("Take one back: musicsyncctl undo OPERATION")
    else:
        print("Nothing has moved or replaced a file.")
    return 0


def _row(one: dict[str, Any]) -> list[str]:
    changes = ", ".join(f"{count} {NAMES[what][count > 1]}" for what, count in one["changes"].items())
    undone = "all" if not one["open"] else str(one["undone"])
    return [one["operation"], show.clock_time(one["at"]), one["kind"] or "-", changes, undone]


def _take_back(args: argparse.Namespace) -> int:
    with asking.helped(SEE_OPERATIONS):
        code, job = following.followed(asking.client(args), "/v1/undo", {"operation": args.operation})
    if args.json:
        show.as_json({"schema": "musicsyncd.undone/1", **following.outcome(job)})
    elif done := job["result"]:
        for file in done["restored"]:
            print(show.one_line(f"{file['shelf']}  {file['path']}  {show.size(file['size'])}"))
        for one in done["left"]:
            told = f"  {one['target']}  {one['path']}: {show.sentence(one['error'])}"
            print(show.coloured("left", "yellow") + show.one_line(told))
        print(f"{done['summary']}.")
    return following.ended(code, job)
