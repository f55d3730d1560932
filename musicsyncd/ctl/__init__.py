"""musicsyncctl: one file per command group. Reading verbs need nothing but the standard library, so that they start at
once.
"""

from __future__ import annotations

import argparse
import importlib
import os
import sys
from collections.abc import Sequence
from typing import Final

from musicsyncd import __version__
from musicsyncd.errors import BadInput, MusicsyncError, Permanent

COMMANDS: Final = (
    "try",
    "status",
    "sync",
    "jobs",
    "tracks",
    "match",
    "duplicates",
    "reconcile",
    "undo",
    "volumes",
    "catalog",
    "alerts",
    "pause",
    "resume",
    "auth",
    "logs",
    "events",
    "config",
    "doctor",
    "service",
    "completion",
    "version",
)
"""In the order in which help lists them; each lives in the file of its name (`try` in `trial`)."""
EXIT_CODES: Final = (
    "exit codes: 0 ok, 1 failed, 2 usage, 3 daemon not running, 4 permission, 5 temporary (retry later), 6 partial, "
    "7 needs a person, 9 config invalid, 130 interrupted"
)
PLACES: Final = ("config", "socket", "file", "folder", "music", "url", "output", "playlists")
"""Arguments that may be names on this machine's disks, which need not be text."""


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command; its exit code."""
    arguments = list(sys.argv[1:] if argv is None else argv)
    if sys.stderr is None:  # closed by who started us; `print` would take stdout in its place
        sys.stderr = open(os.devnull, "w")  # noqa: SIM115, PTH123  it lives as long as the process
    if sys.stdout is None:
        return _told(Permanent("There is nowhere to write to", why="Standard output is closed"))
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="replace")  # a name that the terminal cannot spell is no reason to fail
    try:
        try:
            return _run(arguments)
        finally:
            sys.stdout.flush()
    except KeyboardInterrupt:
        return 130
    except BrokenPipeError:
        _write_nowhere()
        return 0  # the reader has had enough: that is no failure
    except OSError as error:
        _write_nowhere()
        return _told(Permanent("The output cannot be written", why=error.strerror or str(error)))


def _run(arguments: Sequence[str]) -> int:
    """The command's exit code; OSError when its output cannot be written."""
    parser = parser_of(arguments)
    if not arguments:
        parser.print_help(sys.stderr)
        return 2
    args = parser.parse_args(arguments)
    as_json = bool(getattr(args, "json", False))
    try:
        _refuse_what_is_no_text(args)
        return int(args.func(args))
    except MusicsyncError as error:
        return _told(error, as_json=as_json)
    except OSError as error:
        if error.filename is None:
            raise
        return _told(Permanent(f"{error.filename} cannot be used", why=error.strerror or str(error)), as_json=as_json)


def _refuse_what_is_no_text(args: argparse.Namespace) -> None:
    """BadInput for bytes that are not UTF-8, in an argument that is no place on a disk."""
    from musicsyncd.ctl.show import is_text

    for name, value in vars(args).items():
        for text in value if isinstance(value, list) else [value]:
            if isinstance(text, str) and name not in PLACES and not is_text(text):
                raise BadInput(f"{text!r} cannot be sent", why="It is not UTF-8 text", fix="Spell it in UTF-8")


def _told(error: MusicsyncError, *, as_json: bool = False) -> int:
    """The exit code of an error that is now said: on stderr for people, on one line of stdout for programs."""
    from musicsyncd.ctl import show

    show.complaint(error)
    if as_json:
        show.as_line({"schema": "musicsyncd.error/1", "error": error.as_dict(), "exit_code": error.exit_code})
    return error.exit_code


def _write_nowhere() -> None:
    """Let what is still buffered go, so that the end of the process does not complain of it again."""
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, sys.stdout.fileno())
    os.close(nowhere)


def parser_of(arguments: Sequence[str]) -> argparse.ArgumentParser:
    """The parser, with the commands that are among these arguments; with all when none is."""
    from musicsyncd.ctl.asking import Parser

    parser = Parser(prog="musicsyncctl", description="Ask and steer musicsyncd.", epilog=EXIT_CODES)
    parser.add_argument("--version", action="version", version=f"musicsyncctl {__version__}")
    parser.add_argument("--config", metavar="FILE", help="the daemon's config.toml")
    parser.add_argument(
        "--mode", choices=("prod", "dev"), help="which daemon: the usual one, or the one for trying things out"
    )
    parser.add_argument("--socket", metavar="PATH", help="the daemon's control socket")
    groups = parser.add_subparsers(metavar="COMMAND", required=True)
    for command in [command for command in COMMANDS if command in arguments] or COMMANDS:
        importlib.import_module(f"musicsyncd.ctl.{'trial' if command == 'try' else command}").register(groups)
    return parser
