"""python -m musicsyncd, or musicsyncd: read the settings, run the daemon, set the exit status."""

from __future__ import annotations

import argparse
import contextlib
import faulthandler
import gc
import os
import signal
import sys
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import Final, NoReturn

import anyio

from musicsyncd import __version__
from musicsyncd.errors import MusicsyncError

HOPELESS: Final = frozenset({2, 4, 7, 9})
"""Exit codes after which another start ends the same way until a person has done something."""


def main(argv: Sequence[str] | None = None) -> int:
    """Run in the foreground until told to stop; service managers do the rest."""
    signal.signal(signal.SIGHUP, lambda *_: None)  # until the daemon hears it: asked too early, a reload ends nobody
    args = _parser().parse_args(argv)
    if sys.stderr is not None:
        faulthandler.enable()  # a service manager that finds us hung sends SIGABRT: then the stack is in its journal
    try:
        return _run(args)
    except MusicsyncError as error:
        for line in str(error).splitlines():
            print(f"musicsyncd: {line}", file=sys.stderr)  # noqa: T201  before there is a log, or when it cannot be
        return _told(error.exit_code)
    except KeyboardInterrupt:
        return 130


def entry() -> NoReturn:
    """Run, and end at once."""
    gc.disable()  # while modules load, which all stay: looking through them is a tenth of the start
    leave(main())


def leave(code: int) -> NoReturn:
    """End this process when all is put away: what may be left is threads that wait for a disk that hangs, or for the
    moment at which they look whether to go on, and no interpreter need wait for these.
    """
    for stream in (sys.stdout, sys.stderr):
        if stream is not None:
            stream.flush()
    os._exit(code)


def _told(code: int) -> int:
    """The exit code for the service manager: launchd starts anew whatever failed, and for ever; systemd's unit names
    the codes after which that is useless.
    """
    from musicsyncd.daemon.notify import launched

    return 0 if code in HOPELESS and launched() else code


def _run(args: argparse.Namespace) -> int:
    from musicsyncd import daemon, log
    from musicsyncd.database import StateLock
    from musicsyncd.settings import load

    overrides = {"daemon.mode": args.mode, "daemon.socket": args.socket}
    reload = partial(load, Path(args.config) if args.config else None, overrides=overrides)
    loaded = reload()
    settings = loaded.settings
    with StateLock(settings.daemon.state_dir), contextlib.ExitStack() as stack:
        daemon.configure_log(settings)
        stack.callback(log.shutdown)
        gc.freeze()
        gc.enable()
        return _told(anyio.run(daemon.run, loaded, reload))


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="musicsyncd", description="The daemon. Steer it with musicsyncctl.")
    parser.add_argument("--version", action="version", version=f"musicsyncd {__version__}")
    parser.add_argument("--config", metavar="FILE", help="config.toml to use")
    parser.add_argument("--mode", choices=("prod", "dev"), help="dev: a state folder, socket and library of its own")
    parser.add_argument("--socket", metavar="PATH", help="where to listen for musicsyncctl")
    return parser


if __name__ == "__main__":
    entry()
