"""musicsyncctl volumes: where files are kept, how each place is, and making a new one known."""

from __future__ import annotations

import argparse
import os
from typing import Any
from urllib.parse import quote

from musicsyncd.ctl import asking, show


def register(groups: Any) -> None:
    """Add the commands."""
    parser = asking.command(groups, "volumes", volumes, "the volumes that files are kept on")
    verbs = parser.add_subparsers(metavar="VERB")
    add = asking.verb(verbs, "add", add_volume, "mark a folder as the volume of that name, in config.toml or not")
    add.add_argument("path", metavar="PATH")
    add.add_argument("name", metavar="NAME")
    remove = asking.verb(verbs, "remove", remove_volume, "forget a volume that was added; its files stay")
    remove.add_argument("name", metavar="NAME")


def volumes(args: argparse.Namespace) -> int:
    """List them."""
    _print(asking.client(args).get("/v1/volumes"), args.json)
    return 0


def add_volume(args: argparse.Namespace) -> int:
    """Write the marker by which the volume is known from now on, wherever it is mounted."""
    path = os.path.abspath(os.path.expanduser(args.path))  # noqa: PTH100, PTH111  as the person spelt it: no links followed
    _print(asking.client(args).post("/v1/volumes", {"path": path, "name": args.name}), args.json)
    return 0


def remove_volume(args: argparse.Namespace) -> int:
    """Take it out. What stands there is left as it is; added again, it is known again."""
    _print(asking.client(args).post(f"/v1/volumes/{quote(args.name, safe='')}/remove"), args.json)
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
            one["origin"],
            _place(one),
        ]
        for one in answer["volumes"]
    ]
    show.table(rows, head=("NAME", "CONDITION", "FREE", "PARKED", "FORMATS", "FROM", "PATH"))
    for one in answer["volumes"]:
        if one["why"]:
            told = show.sentence({"what": one["why"], "fix": one["fix"]})
            print(show.one_line(f"{one['name']}: {told}"))


def _place(one: dict[str, Any]) -> str:
    """Where it is now; where that is not the usual place, that too, and how it takes names."""
    usual = f" (usually {one['usual']})" if one["usual"] and one["usual"] != one["path"] else ""
    traits = f" [{', '.join(one['traits'])}]" if one["traits"] else ""
    return f"{one['path']}{usual}{traits}"
