"""musicsyncctl pause: let nothing begin by itself: of everything, or of one source."""

from __future__ import annotations

import argparse
from typing import Any

from musicsyncd.ctl import asking, show


def register(groups: Any) -> None:
    """Add the command."""
    parser = asking.command(groups, "pause", pause, "let nothing begin by itself: of everything, or of one source")
    parser.add_argument(
        "source", nargs="?", default="all", metavar="SOURCE", help="a source, or incremental, full, … (default: all)"
    )


def pause(args: argparse.Namespace) -> int:
    """Ask for it, and say what is paused now."""
    told(asking.client(args).post("/v1/pause", {"what": args.source}), args.json)
    return 0


def told(answer: dict[str, Any], as_json: bool) -> None:
    """Print what is paused now."""
    if as_json:
        show.as_json(answer)
    elif answer["paused"]:
        for name, since in answer["paused"].items():
            print(show.one_line(f"paused  {name}  since {show.clock_time(since)}"))
        print("It survives a restart. Go on: musicsyncctl resume [SOURCE]")
    else:
        print("Nothing is paused.")
