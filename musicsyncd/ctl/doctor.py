"""musicsyncctl doctor: look for what would keep music from coming home, and say what to do about it."""

from __future__ import annotations

import argparse
import json
import os
import shutil
import socket
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, Literal
from urllib.parse import urlsplit

from musicsyncd.control.client import Client, NotRunning
from musicsyncd.ctl import asking, show
from musicsyncd.errors import ConfigInvalid, MusicsyncError

if TYPE_CHECKING:
    from musicsyncd.settings import Settings

LIBRARIES_DEADLINE: Final = 60.0
NOTION_DEADLINE: Final = 60.0
LITTLE_SPACE: Final = 2 * 10**9
"""Bytes free for work under way below which a warning is due: a two-hour mix takes 4 GB in three formats."""
LOAD_LIBRARIES: Final = """
import json, sys
import av, numpy, mutagen, imageio_ffmpeg, yt_dlp.version
encoders = ("alac", "aac", "pcm_s16le", "pcm_s24be", "flac", "libmp3lame")
try:
    import curl_cffi, yt_dlp.networking._curlcffi
    browser = curl_cffi.__version__
except ImportError as error:
    browser, why = "", str(error)
print(json.dumps({
    "browser": browser,
    "no browser": "" if browser else why,
    "av": av.__version__,
    "numpy": numpy.__version__,
    "mutagen": mutagen.version_string,
    "yt-dlp": yt_dlp.version.__version__,
    "ffmpeg": imageio_ffmpeg.get_ffmpeg_exe(),
    "missing": [name for name in encoders if name not in av.codecs_available],
}))
"""


@dataclass(frozen=True, kw_only=True)
class Check:
    """One thing that was looked at."""

    name: str
    result: Literal["ok", "warn", "fail"]
    said: str
    why: str = ""
    fix: str = ""


def register(groups: Any) -> None:
    """Add the command."""
    asking.command(
        groups,
        "doctor",
        doctor,
        "check settings, libraries, folders, volumes, Notion, the daemon; works without a daemon",
    )


def doctor(args: argparse.Namespace) -> int:
    """Exit 0 when nothing failed, 9 for wrong settings, 7 when a person must see to something."""
    checks = list(examine(args))
    failed = [check for check in checks if check.result == "fail"]
    if args.json:
        show.as_json({"schema": "musicsyncd.doctor/1", "checks": [asdict(check) for check in checks]})
    else:
        _print(checks)
    if any(check.name == "settings" for check in failed):
        return ConfigInvalid.exit_code
    return 7 if failed else 0


def examine(args: argparse.Namespace) -> Iterator[Check]:
    """Every check, in the order in which their results depend on each other."""
    from musicsyncd.settings import load

    try:
        loaded = load(
            Path(args.config) if args.config else None,
            overrides={"daemon.mode": args.mode, "daemon.socket": args.socket},
        )
    except MusicsyncError as error:
        yield Check(name="settings", result="fail", said=str(error), fix="See: musicsyncctl config check")
        return
    where = str(loaded.path) if loaded.path else "no file, the defaults"
    yield Check(name="settings", result="ok", said=where, why=" ".join(loaded.warnings))
    yield from _libraries()
    yield _runtime(loaded.settings)
    yield _state_folder(loaded.settings.daemon.state_dir)
    yield from _inboxes(loaded.settings)
    yield from _notion(loaded.settings)
    yield from _daemon(asking.client(args), loaded.settings)


def _libraries() -> Iterator[Check]:
    """In a process of its own: a broken wheel may crash instead of raising."""
    try:
        done = subprocess.run(
            [sys.executable, "-c", LOAD_LIBRARIES],
            capture_output=True,
            text=True,
            timeout=LIBRARIES_DEADLINE,
            check=True,
        )
        found = json.loads(done.stdout)
    except (subprocess.SubprocessError, ValueError) as error:
        last = (getattr(error, "stderr", "") or str(error)).strip().rpartition("\n")[2]
        yield Check(
            name="libraries",
            result="fail",
            said="could not be loaded",
            why=last,
            fix="Install musicsyncd anew: pip install --force-reinstall musicsyncd",
        )
        return
    if found["missing"]:
        yield Check(
            name="libraries",
            result="fail",
            said=f"PyAV lacks encoders: {', '.join(found['missing'])}",
            fix="Install PyAV from its wheel",
        )
        return
    versions = ", ".join(f"{name} {found[name]}" for name in ("av", "numpy", "mutagen", "yt-dlp"))
    yield Check(name="libraries", result="ok", said=versions)
    yield _browser(found["browser"], found["no browser"])


def _browser(version: str, why: str) -> Check:
    """What asks SoundCloud for likes as a browser does; all else works without it."""
    if version:
        return Check(name="browser", result="ok", said=f"curl_cffi {version}, for SoundCloud's likes")
    why = f"SoundCloud shows its lists to browsers only, and curl_cffi takes one's place ({why})"
    fix = "Install it: pip install 'curl_cffi>=0.14,<0.18'"
    return Check(name="browser", result="warn", said="SoundCloud's likes may be refused", why=why, fix=fix)


def _runtime(settings: Settings) -> Check:
    """The JavaScript runtime that YouTube wants; without one it gives fewer formats, or none."""
    from musicsyncd.sources.js_runtime import OLDEST, examined

    name = "JavaScript"
    try:
        found = list(examined(str(settings.ytdlp.js_runtime or "")))
    except MusicsyncError as error:
        return Check(name=name, result="fail", said=error.what, fix=error.fix)
    for one in found:
        if one.is_new_enough:
            return Check(name=name, result="ok", said=f"{one.name} {one.version} ({one.path}), for YouTube")
    wanted = ", ".join(f"{program} {'.'.join(map(str, version))}" for program, version in OLDEST.items())
    fix = f"Install one: pip install 'musicsyncd[youtube]', or name one in ytdlp.js_runtime (at least {wanted})"
    said = "; ".join(
        f"{one.name} {one.version} is too old" if one.version else f"{one.path} does not run" for one in found
    )
    why = "Without one YouTube gives fewer formats, or none"
    return Check(name=name, result="warn", said=said or "no runtime was found", why=why, fix=fix)


def _state_folder(state: Path) -> Check:
    existing = next(one for one in (state, *state.parents) if one.exists())
    if not (existing.is_dir() and os.access(existing, os.W_OK | os.X_OK)):
        return Check(
            name="state folder",
            result="fail",
            said=f"{state} cannot be written",
            fix="Change its owner, or set daemon.state_dir",
        )
    free = shutil.disk_usage(existing).free
    short = free < LITTLE_SPACE
    return Check(
        name="state folder",
        result="warn" if short else "ok",
        said=f"{state}, {show.size(free)} free",
        why="Work under way needs room for three formats of a track" if short else "",
        fix="Free some space, or set daemon.state_dir to another disk" if short else "",
    )


def _inboxes(settings: Settings) -> Iterator[Check]:
    for inbox in settings.inbox:
        readable = os.access(inbox.path, os.R_OK | os.X_OK)
        yield Check(
            name="inbox",
            result="ok" if readable else "fail",
            said=f"{inbox.path}" if readable else f"{inbox.path} cannot be read",
            fix="" if readable else "Make the folder, or take it out of config.toml",
        )


def _notion(settings: Settings) -> Iterator[Check]:
    """Each database as the settings take it for; asked from here, with or without a daemon."""
    section = settings.notion
    if not (token := section.token.get_secret_value()) and not section.databases():
        yield Check(name="notion", result="ok", said="not set up")
        return
    if not token:
        fix = "Set notion.token, or the variable NOTION_TOKEN"
        yield Check(name="notion", result="fail", said="there is no token for the databases that are named", fix=fix)
        return
    if not section.tracks_db:
        fix = "Set notion.tracks_db, or the variable TRACKS_DB_ID"
        yield Check(name="notion", result="warn", said="no database of tracks is named", fix=fix)
    if settings.daemon.mode == "dev":
        yield Check(
            name="notion", result="ok", said="dev mode: Notion is not written to; rows are kept in the scratch catalog"
        )
    from musicsyncd.ctl.notion import findings

    for one in findings(settings, NOTION_DEADLINE):
        result: Literal["ok", "warn", "fail"] = "ok" if one.ok else "fail" if one.required else "warn"
        yield Check(name=f"notion {one.database}", result=result, said=one.what, why=one.why, fix=one.fix)


def _daemon(asked: Client, settings: Settings) -> Iterator[Check]:
    """The daemon, and what only it may look at: a hung volume hangs who looks."""
    try:
        status = asked.get("/v1/status")
    except NotRunning:
        yield Check(name="daemon", result="warn", said="not running", fix="Start it: musicsyncd")
        yield _database(settings.daemon.state_dir)
        yield from _volumes_without_daemon(settings)
        yield from _eagle_without_daemon(settings)
        return
    except MusicsyncError as error:
        yield Check(name="daemon", result="fail", said=error.what, why=error.why, fix=error.fix)
        return
    yield Check(
        name="daemon", result="ok", said=f"{status['version']}, pid {status['pid']}, up {show.span(status['uptime'])}"
    )
    yield from (_account(one) for one in status["accounts"])
    for one in status["volumes"]:
        ready = one["condition"] == "ready"
        free = f", {show.size(one['free'])} free" if one["free"] is not None else ""
        said = f"{one['path']}{free}" if ready else f"{one['condition']} ({one['path'] or 'never met'})"
        result: Literal["ok", "fail"] = "ok" if ready else "fail"
        yield Check(name=f"volume {one['name']}", result=result, said=said, why=one["why"], fix=one["fix"])


def _account(one: dict[str, Any]) -> Check:
    """Not being set up at a service is no fault."""
    out, urgent = one["state"] == "signed out", one["urgent"]
    result: Literal["ok", "warn", "fail"] = "fail" if out and urgent else "warn" if out or urgent else "ok"
    settled = result == "ok"
    return Check(
        name=f"account {one['service']}",
        result=result,
        said=show.account(one),
        why=one["why"] if not settled else "",
        fix=one["fix"] if not settled else "",
    )


def _database(state: Path) -> Check:
    """As the daemon would find it; while one runs it has looked itself."""
    from musicsyncd.database import DATABASE_NAME
    from musicsyncd.database.opening import fault_in

    path = state / DATABASE_NAME
    try:
        size = path.stat().st_size
    except (FileNotFoundError, NotADirectoryError):
        return Check(name="database", result="ok", said=f"{path} is made at the daemon's first start")
    except OSError as error:
        return Check(name="database", result="fail", said=f"{path} cannot be read", why=error.strerror or str(error))
    if fault := fault_in(path, state / "backups"):
        return Check(name="database", result="fail", said=fault.what, why=fault.why, fix=fault.fix)
    return Check(name="database", result="ok", said=f"{path}, {show.size(size)}")


def _volumes_without_daemon(settings: Settings) -> Iterator[Check]:
    for one in settings.volumes:
        there = one.path.is_dir()
        yield Check(
            name=f"volume {one.name}",
            result="ok" if there else "warn",
            said=str(one.path) if there else f"{one.path} is not there",
            why=""
            if there
            else "The daemon makes it at its first start, unless it may be the mount point of a disk that is away",
        )


def _eagle_without_daemon(settings: Settings) -> Iterator[Check]:
    """Whether somebody answers there; which library is open the daemon sees."""
    if not settings.eagle.enabled:
        return
    parts = urlsplit(settings.eagle.base_url)
    try:
        port = parts.port or (443 if parts.scheme == "https" else 80)
        socket.create_connection((parts.hostname or "", port), timeout=3.0).close()
    except (OSError, ValueError) as error:
        why, fix = str(error), "Start Eagle, or look at eagle.base_url"
        yield Check(name="Eagle", result="warn", said=f"{settings.eagle.base_url} does not answer", why=why, fix=fix)
        return
    yield Check(name="Eagle", result="ok", said=f"{settings.eagle.base_url} answers")


def _print(checks: list[Check]) -> None:
    colours: dict[str, str] = {"ok": "green", "warn": "yellow", "fail": "red"}
    room = max(len(check.name) for check in checks)
    for check in checks:
        word = f"{'FAIL' if check.result == 'fail' else check.result:<4}"
        print(f"{show.coloured(word, colours[check.result])}  {check.name:<{room}}  {show.one_line(check.said)}")
        for label, text in (("why", check.why), ("do", check.fix)):
            if text:
                print(f"      {'':<{room}}  {label}: {show.one_line(text)}")
    failed, warned = (sum(check.result == result for check in checks) for result in ("fail", "warn"))
    print(f"{failed} failed, {warned} warned" if failed or warned else "All is well.")
