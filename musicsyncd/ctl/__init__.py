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
from musicsyncd.errors import MusicsyncError

COMMANDS: Final = (
    "try",
    "status",
    "sync",
    "jobs",
    "tracks",
    "volumes",
    "logs",
    "events",
    "config",
    "doctor",
    "version",
)
"""In the order in which help lists them; each lives in the file of its name (`try` in `trial`)."""
EXIT_CODES: Final = (
    "exit codes: 0 ok, 1 failed, 2 usage, 3 daemon not running, 4 permission, 5 temporary (retry later), 6 partial, "
    "7 needs a person, 9 config invalid, 130 interrupted"
)


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command; its exit code."""
    arguments = list(sys.argv[1:] if argv is None else argv)
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="replace")  # a name that the terminal cannot spell is no reason to fail
    parser = _parser(arguments)
    if not arguments:
        parser.print_help(sys.stderr)
        return 2
    args = parser.parse_args(arguments)
    try:
        code: int = args.func(args)
        sys.stdout.flush()
        return code
    except MusicsyncError as error:
        from musicsyncd.ctl.show import one_line

        for line in str(error).splitlines():
            print(one_line(f"musicsyncctl: {line}"), file=sys.stderr)
        return error.exit_code
    except KeyboardInterrupt:
        return 130
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # the reader has had enough: that is no failure
        return 0


def _parser(arguments: Sequence[str]) -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="musicsyncctl", description="Ask and steer musicsyncd.", epilog=EXIT_CODES)
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
