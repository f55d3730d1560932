"""musicsyncctl resume: let it begin by itself again."""

from __future__ import annotations

import argparse
from typing import Any

from musicsyncd.ctl import asking
from musicsyncd.ctl.pause import told


def register(groups: Any) -> None:
    """Add the command."""
    parser = asking.command(groups, "resume", resume, "let it begin by itself again")
    parser.add_argument(
        "source", nargs="?", default="all", metavar="SOURCE", help="a source, or incremental, full, … (default: all)"
    )


def resume(args: argparse.Namespace) -> int:
    """Ask for it, and say what is paused now."""
    told(asking.client(args).post("/v1/resume", {"what": args.source}), args.json)
    return 0
