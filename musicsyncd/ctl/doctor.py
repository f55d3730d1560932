"""musicsyncctl doctor: look for what would keep music from coming home, and say what to do about it."""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import asdict
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from musicsyncd import __version__
from musicsyncd.control.client import Client, NotRunning
from musicsyncd.ctl import asking, doctor_here, show
from musicsyncd.ctl.doctor_parts import Check, Part, Result, looked
from musicsyncd.errors import ConfigInvalid, MusicsyncError

if TYPE_CHECKING:
    from musicsyncd.settings import Settings

LIBRARIES_DEADLINE: Final = 60.0
NOTION_DEADLINE: Final = 60.0
RUNTIME_DEADLINE: Final = 30.0
DAEMON_DEADLINE: Final = 20.0
MARGIN: Final = 5.0
"""Seconds after its own deadline in which a part may still end by itself."""
INSTALL: Final = "Install musicsyncd anew: pip install --force-reinstall musicsyncd"
OTHER_RUNTIME: Final = "Name another in ytdlp.js_runtime"
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
    """Every check; all that may take time goes on at once, each with its own deadline."""
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
    yield from looked(_everything(args, loaded.settings))


def _everything(args: argparse.Namespace, settings: Settings) -> list[Part]:
    """In the order in which it is told."""
    from musicsyncd.ctl import doctor_network

    notion = partial(_notion, settings)
    daemon = partial(_daemon_or_what_it_would_tell, asking.client(args), settings)
    return [
        Part(name="libraries", look=_libraries, deadline=LIBRARIES_DEADLINE, hung=INSTALL),
        Part(name="JavaScript", look=partial(_runtime, settings), deadline=RUNTIME_DEADLINE, hung=OTHER_RUNTIME),
        *doctor_here.parts(settings, args),
        *doctor_network.parts(settings),
        Part(name="notion", look=notion, deadline=NOTION_DEADLINE + MARGIN, hung="Try again in a minute"),
        Part(name="daemon", look=daemon, deadline=DAEMON_DEADLINE, hung="See: musicsyncctl logs; then restart it"),
    ]


def _daemon_or_what_it_would_tell(asked: Client, settings: Settings) -> Iterator[Check]:
    try:
        yield from _daemon(asked)
    except NotRunning:
        fix = "Start it: musicsyncd"
        yield Check(name="daemon", result="warn", said="not running", fix=fix)
        yield from looked(doctor_here.without_daemon(settings))


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
            fix=INSTALL,
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


def _runtime(settings: Settings) -> Iterator[Check]:
    """The JavaScript runtime that YouTube wants; without one it gives fewer formats, or none."""
    from musicsyncd.sources.js_runtime import OLDEST, examined

    name = "JavaScript"
    try:
        found = list(examined(str(settings.ytdlp.js_runtime or "")))
    except MusicsyncError as error:
        yield Check(name=name, result="fail", said=error.what, fix=error.fix)
        return
    for one in found:
        if one.is_new_enough:
            yield Check(name=name, result="ok", said=f"{one.name} {one.version} ({one.path}), for YouTube")
            return
    wanted = ", ".join(f"{program} {'.'.join(map(str, version))}" for program, version in OLDEST.items())
    fix = f"Install one: pip install 'musicsyncd[youtube]', or name one in ytdlp.js_runtime (at least {wanted})"
    said = "; ".join(
        f"{one.name} {one.version} is too old" if one.version else f"{one.path} does not run" for one in found
    )
    why = "Without one YouTube gives fewer formats, or none"
    yield Check(name=name, result="warn", said=said or "no runtime was found", why=why, fix=fix)


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
        result: Result = "ok" if one.ok else "fail" if one.required else "warn"
        yield Check(name=f"notion {one.database}", result=result, said=one.what, why=one.why, fix=one.fix)


def _daemon(asked: Client) -> Iterator[Check]:
    """The daemon, and what only it may look at: a hung volume hangs who looks. NotRunning when there is none."""
    status = asked.get("/v1/status")
    under = f", under {status['managed_by']}" if status.get("managed_by") else ""
    said = f"{status['version']}, pid {status['pid']}, up {show.span(status['uptime'])}{under}"
    if asked.daemon_version in ("", __version__):
        yield Check(name="daemon", result="ok", said=said)
    else:
        why = f"This command is {__version__}"
        yield Check(name="daemon", result="warn", said=said, why=why, fix="Restart the daemon after an upgrade")
    for part in status["parts"]:
        if part["state"] in ("pausing", "down"):
            yield Check(name="daemon", result="fail", said=f"{part['name']} is {part['state']}", why=part["why"],
                        fix="See: musicsyncctl logs")  # fmt: skip
    yield from (_account(one) for one in status["accounts"])
    for one in status["volumes"]:
        ready = one["condition"] == "ready"
        free = f", {show.size(one['free'])} free" if one["free"] is not None else ""
        said = f"{one['path']}{free}" if ready else f"{one['condition']} ({one['path'] or 'never met'})"
        result: Result = "ok" if ready else "fail"
        yield Check(name=f"volume {one['name']}", result=result, said=said, why=one["why"], fix=one["fix"])


def _account(one: dict[str, Any]) -> Check:
    """Not being set up at a service is no fault."""
    out, urgent = one["state"] == "signed out", one["urgent"]
    result: Result = "fail" if out and urgent else "warn" if out or urgent else "ok"
    settled = result == "ok"
    return Check(
        name=f"account {one['service']}",
        result=result,
        said=show.account(one),
        why=one["why"] if not settled else "",
        fix=one["fix"] if not settled else "",
    )


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
