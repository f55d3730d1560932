"""The JavaScript runtime that YouTube's pages want: where one is found, and whether it is new enough."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sysconfig
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from musicsyncd.errors import NeedsPerson

OLDEST: Final = {"deno": (2, 3, 0), "node": (22, 0, 0), "bun": (1, 2, 11), "quickjs": (2023, 12, 9)}
"""The oldest versions that yt-dlp 2026.10 takes, in the order in which they are preferred."""
PROGRAMS: Final = {"deno": "deno", "node": "node", "bun": "bun", "qjs": "quickjs", "quickjs": "quickjs"}
"""Beginnings of program names, and the runtimes that they are."""
PATIENCE: Final = 10.0
"""Seconds for a program to say its version."""
_VERSION: Final = re.compile(r"(?:^deno |^v|^|version )(\d+(?:[.-]\d+)+)", re.MULTILINE)


@dataclass(frozen=True, kw_only=True)
class Runtime:
    """One program that was looked at."""

    name: str
    """As yt-dlp calls it: `deno`, `node`, `bun`, `quickjs`."""
    path: str
    version: str
    """Empty when the program does not run or does not say."""

    @property
    def is_new_enough(self) -> bool:
        """Whether yt-dlp takes it."""
        return bool(self.version) and _numbers(self.version) >= OLDEST[self.name]

    @property
    def oldest(self) -> str:
        """The oldest version that is taken, as people write it."""
        return ".".join(map(str, OLDEST[self.name]))


def name_of(path: str) -> str:
    """The runtime by the name of its program; NeedsPerson when it is none that is known."""
    program = Path(path).name.lower()
    for beginning, name in PROGRAMS.items():
        if program.startswith(beginning):
            return name
    what = f"{path} is no JavaScript runtime that is known"
    raise NeedsPerson(what, fix="Name deno, node, bun or qjs in ytdlp.js_runtime")


def located(setting: str = "") -> dict[str, str]:
    """Paths by runtime: the one that the settings name; else deno's wheel, then what is on PATH."""
    if setting:
        return {name_of(setting): setting}
    found: dict[str, str] = {}
    for program, name in PROGRAMS.items():
        if path := _in_our_environment(program) or shutil.which(program):
            found.setdefault(name, path)
    return found


def examined(setting: str = "") -> Iterator[Runtime]:
    """Every runtime that is found, with its version; starts each once."""
    for name, path in located(setting).items():
        yield Runtime(name=name, path=path, version=_version(path))


def _in_our_environment(program: str) -> str:
    """Wheels such as deno's put their program beside our interpreter's scripts, which need not be on PATH."""
    path = Path(sysconfig.get_path("scripts")) / program
    return str(path) if path.is_file() and os.access(path, os.X_OK) else ""


def _version(path: str) -> str:
    option = "--help" if name_of(path) == "quickjs" else "--version"
    try:
        done = subprocess.run(
            [path, option], capture_output=True, text=True, timeout=PATIENCE, check=False, stdin=subprocess.DEVNULL
        )
    except (OSError, subprocess.SubprocessError, UnicodeDecodeError):
        return ""
    said = _VERSION.search(done.stdout or done.stderr)
    return said[1] if said else ""


def _numbers(version: str) -> tuple[int, ...]:
    return tuple(int(part) for part in re.findall(r"\d+", version))
