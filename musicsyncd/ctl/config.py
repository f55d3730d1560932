"""musicsyncctl config: whether the settings are right, what they are and whence; needs no daemon."""

from __future__ import annotations

import argparse
import json
import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from musicsyncd.ctl import show
from musicsyncd.errors import ConfigInvalid

if TYPE_CHECKING:
    from musicsyncd.settings import Loaded


def register(groups: Any) -> None:
    """Add the command group."""
    text = "check and show the settings"
    group = groups.add_parser("config", help=text, description=f"{text.capitalize()}.")
    commands = group.add_subparsers(metavar="COMMAND", required=True)
    checker = commands.add_parser("check", help="say what is wrong with the settings")
    checker.add_argument("file", nargs="?", metavar="FILE", help="another config.toml than the daemon's")
    checker.add_argument("--json", action="store_true", help="print JSON, with what is wrong in it")
    checker.set_defaults(func=check)
    shower = commands.add_parser("show", help="print every setting as the daemon would have it")
    shower.add_argument("--origin", action="store_true", help="say where each value came from")
    shower.add_argument("--json", action="store_true", help="print JSON, always with origins")
    shower.set_defaults(func=show_all)


def check(args: argparse.Namespace) -> int:
    """Print `ok` and what is worth knowing; ConfigInvalid, with every fault, when the settings are wrong."""
    try:
        loaded = _loaded(args, args.file)
    except ConfigInvalid as error:
        if not args.json:
            raise
        show.complaint(error)
        _print_check(_named(args), errors=str(error).splitlines())
        return error.exit_code
    if args.json:
        _print_check(loaded.path, warnings=loaded.warnings, notes=loaded.notes)
        return 0
    _remark(loaded)
    for note in loaded.notes:
        print(f"note: {note}", file=sys.stderr)
    print(f"ok: {_source(loaded)}")
    return 0


def _print_check(
    path: Path | None, *, errors: Sequence[str] = (), warnings: Sequence[str] = (), notes: Sequence[str] = ()
) -> None:
    found = {"errors": [*errors], "warnings": [*warnings], "notes": [*notes]}
    place = str(path) if path else None
    show.as_json({"schema": "musicsyncd.config-check/1", "ok": not errors, "path": place, **found})


def _named(args: argparse.Namespace) -> Path | None:
    """The file that was to be checked, where settings that are wrong do not tell it; None when there is none."""
    from musicsyncd.settings import default_config

    if named := args.file or args.config or os.environ.get("MUSICSYNCD_CONFIG"):
        return Path(os.path.abspath(named))  # noqa: PTH100  as the settings name it: no links followed
    return default_config() if os.path.lexists(default_config()) else None


def show_all(args: argparse.Namespace) -> int:
    """Print every key with its value; secrets stay hidden."""
    from musicsyncd.settings import shown

    loaded = _loaded(args)
    _remark(loaded)
    values = shown(loaded.settings)
    if args.json:
        entries = {key: {"value": value, "origin": loaded.origin[key]} for key, value in values.items()}
        path = str(loaded.path) if loaded.path else None
        show.as_json({"schema": "musicsyncd.config/1", "path": path, "settings": entries})
        return 0
    print(f"# {show.one_line(_source(loaded))}")
    rows = [(f"{key} = {json.dumps(value, ensure_ascii=False)}", key) for key, value in values.items()]
    show.table([(line, f"# {loaded.origin[key]}") if args.origin else (line,) for line, key in rows])
    return 0


def _loaded(args: argparse.Namespace, file: str | None = None) -> Loaded:
    from musicsyncd.settings import load  # the only import here that takes noticeable time

    named = file or args.config
    flags = {"daemon.mode": args.mode, "daemon.socket": getattr(args, "socket", None)}
    return load(Path(named) if named else None, overrides=flags)


def _remark(loaded: Loaded) -> None:
    for warning in loaded.warnings:
        print(f"warning: {warning}", file=sys.stderr)


def _source(loaded: Loaded) -> str:
    from musicsyncd.settings import default_config

    return str(loaded.path) if loaded.path else f"there is no {default_config()}, so the defaults are used"
