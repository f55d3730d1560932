"""musicsyncctl volumes: where files are kept, how each place is, and making a new one known."""

from __future__ import annotations

import argparse
import os
from typing import Any

from musicsyncd.ctl import asking, show


def register(groups: Any) -> None:
    """Add the commands."""
    parser = asking.command(groups, "volumes", volumes, "the volumes that files are kept on")
    verbs = parser.add_subparsers(metavar="VERB")
    add = asking.verb(verbs, "add", add_volume, "mark a folder as the volume of that name in config.toml")
    add.add_argument("path", metavar="PATH")
    add.add_argument("name", metavar="NAME")


def volumes(args: argparse.Namespace) -> int:
    """List them."""
    _print(asking.client(args).get("/v1/volumes"), args.json)
    return 0


def add_volume(args: argparse.Namespace) -> int:
    """Write the marker by which the volume is known from now on, wherever it is mounted."""
    path = os.path.abspath(os.path.expanduser(args.path))  # noqa: PTH100, PTH111  as the person spelt it: no links followed
    _print(asking.client(args).post("/v1/volumes", {"path": path, "name": args.name}), args.json)
    return 0


def _print(answer: dict[str, Any], as_json: bool) -> None:
    if as_json:
        show.as_json(answer)
        return
    rows = [
        [
            one["name"],
            one["condition"],
            show.size(one["free"]),
            str(one["parked"]),
            ",".join(one["formats"]),
            one["path"],
        ]
        for one in answer["volumes"]
    ]
    show.table(rows, head=("NAME", "CONDITION", "FREE", "PARKED", "FORMATS", "PATH"))
    for one in answer["volumes"]:
        if one["why"]:
            told = show.sentence({"what": one["why"], "fix": one["fix"]})
            print(show.one_line(f"{one['name']}: {told}"))
