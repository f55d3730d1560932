"""musicsyncctl sync: ask for music, and see it come home."""

from __future__ import annotations

import argparse
import os
import sys
from pathlib import Path
from typing import Any

from musicsyncd.ctl import asking, following, show
from musicsyncd.errors import BadInput


def register(groups: Any) -> None:
    """Add the command."""
    parser = asking.command(
        groups, "sync", sync, "bring music home: a URL, a file, a folder, or what the sources offer"
    )
    scope = parser.add_mutually_exclusive_group()
    scope.add_argument(
        "--url", nargs="+", action="extend", default=[], metavar="URL", help="http(s) URLs, files or folders"
    )
    scope.add_argument(
        "--playlist",
        nargs="+",
        action="extend",
        default=[],
        metavar="P",
        help="playlists, sets or albums by URL, or by the name of one in the settings",
    )
    scope.add_argument(
        "--next", dest="scope", action="store_const", const="next", help="what plays, or the newest (the default)"
    )
    scope.add_argument(
        "--recent", dest="scope", action="store_const", const="recent", help="what was listened to lately"
    )
    scope.add_argument(
        "--unfinished",
        dest="scope",
        action="store_const",
        const="unfinished",
        help="what waits for a volume or was left",
    )
    scope.add_argument(
        "--incremental", dest="scope", action="store_const", const="incremental", help="all that is new or unfinished"
    )
    scope.add_argument("--full", dest="scope", action="store_const", const="full", help="look at everything anew")
    parser.add_argument("--source", default="", metavar="NAME", help="ask only this source")
    parser.add_argument(
        "--dry-run", action="store_true", help="print what would be done, and do nothing (implies --wait)"
    )
    parser.add_argument(
        "--wait", action="store_true", help="follow the work to its end; the exit code tells how it ended"
    )


def sync(args: argparse.Namespace) -> int:
    """Drop the request; with --wait follow it."""
    asked = asking.client(args)
    scope = "url" if args.url else "playlist" if args.playlist else args.scope or "next"
    question = {
        "scope": scope,
        "urls": [plain(url) for url in args.url] + [named(name) for name in args.playlist],
        "source": args.source,
        "dry_run": args.dry_run,
    }
    accepted = asked.post("/v1/sync", question)
    jobs = list(dict.fromkeys(accepted["jobs"]))
    for note in accepted.get("notes", []):
        print(show.one_line(f"musicsyncctl: {note}."), file=sys.stderr)
    asking.warn_if_older(asked)
    return following.seen_through(args, asked, jobs)


def plain(url: str) -> str:
    """A URL as it is; a path made absolute here, because the daemon works in another folder.

    A path that is not UTF-8 becomes a file:// URL, since JSON cannot hold its bytes; BadInput for such a URL.
    """
    if not url or "://" in url or url.lower().startswith("spotify:"):
        return named(url)
    path = os.path.abspath(os.path.expanduser(url))  # noqa: PTH100, PTH111  as the person spelt it: no links followed
    return path if show.is_text(path) else Path(path).as_uri()


def named(text: str) -> str:
    """A URL or a name as it is; BadInput when it is no text."""
    if not show.is_text(text):
        fix = "Spell what is not ASCII in it with % signs"
        raise BadInput(f"{text!r} cannot be sent", why="It is not UTF-8 text", fix=fix)
    return text
