"""musicsyncctl version: this command's version, and the daemon's where one answers."""

from __future__ import annotations

import argparse
from typing import Any

from musicsyncd import __version__
from musicsyncd.control.client import NotRunning
from musicsyncd.ctl import asking, show
from musicsyncd.errors import MusicsyncError


def register(groups: Any) -> None:
    """Add the command."""
    asking.command(groups, "version", version, "the versions of this command and of the daemon")


def version(args: argparse.Namespace) -> int:
    """Print both; a daemon that does not answer is no failure here."""
    daemon, why = None, "not running"
    try:
        daemon = asking.client(args).get("/v1/status")["version"]
    except NotRunning:
        pass
    except MusicsyncError as error:
        why = f"not known: {error}"
    if args.json:
        show.as_json({"schema": "musicsyncd.version/1", "ctl": __version__, "daemon": daemon})
    else:
        print(f"musicsyncctl {__version__}\nmusicsyncd   {daemon or show.one_line(why)}")
    return 0
