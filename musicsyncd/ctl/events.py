"""musicsyncctl events: everything that happens, as it happens."""

from __future__ import annotations

import argparse
import json
from typing import Any

from musicsyncd.control.client import NotRunning
from musicsyncd.ctl import asking, show


def register(groups: Any) -> None:
    """Add the command."""
    asking.command(groups, "events", events, "what happens from now on, until interrupted")


def events(args: argparse.Namespace) -> int:
    """Print each as a line."""
    for name, data in asking.client(args).events("/v1/events"):
        print(json.dumps(data) if args.json else line(name, data), flush=True)
    raise NotRunning("The daemon stopped", fix="Start it: musicsyncd")


def line(name: str, data: dict[str, Any]) -> str:
    """An event, for people."""
    share = f"{data['share']:.0%}" if data.get("share") is not None else ""
    about = (data["step"], share, data["text"], data["label"] or data["key"])
    return show.one_line(
        f"{show.clock_time(data['at'])}  {data['job']}  {name:<9}  {'  '.join(part for part in about if part)}"
    )
