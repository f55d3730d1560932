"""musicsyncctl try: see the whole thing work, on music that comes with it, in a folder of its own."""

from __future__ import annotations

import argparse
import json
import os
import shlex
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final
from urllib.parse import unquote

from musicsyncd.control.client import Client, NotRunning
from musicsyncd.ctl import asking, show
from musicsyncd.ctl.following import Ticker, combined, follow
from musicsyncd.ctl.sync import plain
from musicsyncd.ctl.tracks import bpm, key, lufs
from musicsyncd.errors import Permanent

START_DEADLINE: Final = 30.0
"""Seconds until a daemon that does not answer counts as not having started; the first start compiles every module."""
STOP_DEADLINE: Final = 15.0
HEAD: Final = ("TRACK", "FORMATS", "BPM", "KEY", "LUFS", "FILES")
WELL: Final = ("done", "standing", "duplicate")
DEMO: Final = Path(__file__).parent.parent / "demo" / "tracks"


def register(groups: Any) -> None:
    """Add the command."""
    parser = asking.command(groups, "try", trial, "start a daemon in a scratch folder and bring the demo music home")
    parser.add_argument("--folder", metavar="DIR", help="the scratch folder (default: a new temporary one)")
    parser.add_argument(
        "music",
        nargs="*",
        default=[str(DEMO)],
        metavar="MUSIC",
        help="your own files, folders or URLs instead of the demo",
    )


def trial(args: argparse.Namespace) -> int:
    """Start, ask, show, stop."""
    folder = Path(args.folder).absolute() if args.folder else Path(tempfile.mkdtemp(prefix="musicsyncd-try-"))
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        why = f"{folder} cannot be made: {error.strerror}"
        raise Permanent("The trial has no folder", why=why, fix="Name another with --folder") from error
    print(f"Starting a daemon in {folder} …", file=sys.stderr)
    with ended_by_signals(), daemon_in(folder) as asked:
        reports = [_sync(asked, music) for music in args.music]
        status = asked.get("/v1/status")
    code = combined([_code(report) for report in reports])
    if args.json:
        show.as_json({"schema": "musicsyncd.trial/1", "folder": str(folder), "exit_code": code, "reports": reports})
        return code
    for report in reports:
        print_result(report)
    print(f"\nThe daemon used {show.size(status['memory'])} and is stopped. Everything it made is in {folder}")
    print(f"Take your own music: musicsyncctl try PATH-OR-URL; remove this trial: rm -r {shlex.quote(str(folder))}")
    return code


def _code(report: dict[str, Any]) -> int:
    """0 when every track that was found came home: the demo has a broken file in it, to show how one is refused."""
    well = report["tracks"] and all(track["state"] in WELL for track in report["tracks"])
    return 0 if well else int(report["exit_code"])


@contextmanager
def ended_by_signals() -> Iterator[None]:
    """Let a closed terminal or a polite kill end the trial as Ctrl-C does, so that its daemon is never left behind."""

    def interrupt(number: int, frame: object) -> None:
        raise KeyboardInterrupt

    before = {number: signal.signal(number, interrupt) for number in (signal.SIGTERM, signal.SIGHUP)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


@contextmanager
def daemon_in(folder: Path) -> Iterator[Client]:
    """A daemon of its own, stopped at the end whatever happens."""
    config = folder / "config.toml"
    # A Unix socket's path must be short: the scratch folder may be anywhere, so the socket is named from its own
    # folder.
    with tempfile.TemporaryDirectory(prefix="musicsyncd-") as short:
        socket = Path(short) / "control.sock"
        config.write_text(_config(folder, socket), encoding="utf-8")
        with (folder / "output.log").open("wb") as output:
            process = subprocess.Popen(
                [sys.executable, "-m", "musicsyncd", "--config", str(config)],
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                env=_environment(),
                start_new_session=True,  # Ctrl-C is for us: we stop the daemon, once
            )
        try:
            yield _answering(Client(str(socket)), process, folder)
        finally:
            _stop(process)


def _environment() -> dict[str, str]:
    """Ours without what would lead the trial into another daemon's folders; how to reach the net is kept."""
    return {
        name: value
        for name, value in os.environ.items()
        if name.startswith(("MUSICSYNCD_HTTP__", "MUSICSYNCD_YTDLP__")) or not name.startswith("MUSICSYNCD_")
    }


def _config(folder: Path, socket: Path) -> str:
    """What the scratch daemon is told; paths as JSON texts, which are TOML texts too."""
    library = folder / "library"
    return (
        f'[daemon]\nmode = "dev"\nstate_dir = {json.dumps(str(folder / "state"))}\n'
        f"socket = {json.dumps(str(socket))}\n\n"
        f'[[volumes]]\nname = "library"\npath = {json.dumps(str(library))}\nmin_free = 0\n'
    )


def _answering(asked: Client, process: subprocess.Popen[bytes], folder: Path) -> Client:
    deadline = time.monotonic() + START_DEADLINE
    while time.monotonic() < deadline and process.poll() is None:
        try:
            asked.get("/v1/status")
        except NotRunning:
            time.sleep(0.05)
        else:
            return asked
    said = (folder / "output.log").read_text(errors="replace").strip().splitlines()[-3:]
    raise Permanent("The trial daemon did not start", why=" ".join(said), fix=f"See {folder / 'output.log'}")


def _stop(process: subprocess.Popen[bytes]) -> None:
    process.terminate()
    try:
        process.wait(STOP_DEADLINE)
    except subprocess.TimeoutExpired:
        pass
    finally:  # also when a person is impatient with us
        process.kill()
        process.wait()


def _sync(asked: Client, music: str) -> dict[str, Any]:
    (job,) = asked.post("/v1/sync", {"scope": "url", "urls": [plain(music)]})["jobs"]
    return follow(asked, job, Ticker())


def print_result(report: dict[str, Any]) -> None:
    """The table at the end: what came home, what was recognised, what was refused."""
    kept = [track for track in report["tracks"] if track["details"] and track["details"]["files"]]
    if kept:
        show.table([_row(track["details"]) for track in kept], head=HEAD, clip=(0,))
    for track in report["tracks"]:
        if track["state"] == "duplicate":
            of = track["details"]["duplicate_of"]
            keeper = next((one["label"] for one in report["tracks"] if one["track"] == of), of)
            came = unquote(Path(track["details"]["source_url"]).name)
            verdict = track["details"]["verdict"] or {}
            print(show.one_line(f"duplicate  {came} is the same recording as {keeper}: {verdict.get('reason', '')}"))
        elif track["reason"]:
            print(show.one_line(f"{track['state']:<9}  {track['label']}: {show.sentence(track['reason'])}"))
    for refused in report["refused"]:
        print(show.one_line(f"refused    {show.refusal(refused)}"))
    if report["reason"] and report["state"] != "done":
        print(show.one_line(f"{report['state']:<9}  {show.sentence(report['reason'])}"))


def _row(details: dict[str, Any]) -> list[str]:
    heard = (details["analysis"] or {}) | details["counts"]
    formats = ",".join(one["format"] for one in details["files"])
    folders = sorted({str(Path(one["path"]).parent) for one in details["files"]})
    return [details["label"], formats, bpm(heard), key(heard), lufs(heard), ", ".join(folders)]
