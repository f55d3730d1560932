"""musicsyncctl tracks export: what is known of tracks, as files that other programs read."""

from __future__ import annotations

import argparse
import os
import secrets
import sys
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlencode

from musicsyncd.control.client import Client
from musicsyncd.ctl import asking, show

FORMATS: Final = ("csv", "json", "m3u8", "rekordbox")
MARK: Final = b"# Written by musicsyncd."
"""How the second line of a playlist file of ours begins; a test holds it against the daemon's."""
PARTIAL: Final = 6


def add_flags(parser: argparse.ArgumentParser) -> None:
    """What goes with `tracks export`."""
    group = parser.add_argument_group("export", "write what is known of tracks, for other programs to read")
    group.add_argument("--format", choices=FORMATS, help="csv, json, m3u8 (a playlist file) or rekordbox (its XML)")
    group.add_argument("--playlist", metavar="NAME", help="only what is in this playlist; its title or id")
    group.add_argument("--volume", metavar="NAME", help="only what stands on this volume, with its files")
    group.add_argument(
        "-o", "--output", metavar="FILE", help="write a file, whole or not at all, if it says anything new"
    )
    group.add_argument("--playlists", metavar="DIR", help="write a playlist file for each playlist into this folder")
    group.add_argument("--relative", action="store_true", help="paths as seen from where the playlist file is")


def used(args: argparse.Namespace) -> bool:
    """Whether any of these flags was given."""
    given = (args.format, args.playlist, args.volume, args.output, args.playlists)
    return bool(args.relative) or any(one is not None for one in given)


def unfit(args: argparse.Namespace) -> str:
    """Why the flags cannot be meant together; empty when they can."""
    if args.playlists is not None:
        if args.playlist is not None or args.output is not None:
            return "--playlists writes a file for each playlist: --playlist and --output go without it"
        return "" if args.format in (None, "m3u8") else "--playlists writes m3u8 files"
    if args.format is None:
        return f"Say which --format: {', '.join(FORMATS)}"
    if args.relative and (args.format != "m3u8" or args.output is None):
        return "--relative goes with m3u8 files: give --output or --playlists"
    return ""


def export(args: argparse.Namespace, words: list[str]) -> int:
    """Ask for the file, or the files, and write them."""
    asked = asking.client(args)
    if args.playlists is not None:
        return _all(args, asked, words, Path(args.playlists))
    target = Path(args.output).resolve() if args.output is not None else None
    question = {"format": args.format, "playlist": args.playlist or ""}
    parts = asked.parts(_resource(args, words, question, target.parent if target else None))
    if target is None:
        _to_stdout(parts)
        return 0
    told = "written" if written(target, parts) else "says this already"
    print(show.one_line(f"{target} {told}."), file=sys.stderr)
    return 0


def _all(args: argparse.Namespace, asked: Client, words: list[str], folder: Path) -> int:
    """A file for each playlist. One that is not ours is left, and so is that of a playlist that is no more."""
    folder.mkdir(exist_ok=True)
    folder = folder.resolve()
    done: list[dict[str, Any]] = []
    for playlist in asked.get("/v1/playlists")["playlists"]:
        path = folder / playlist["file"]
        if foreign(path):
            done.append({"file": str(path), "state": "left", "title": playlist["title"]})
            continue
        question = {"format": "m3u8", "playlist": playlist["id"]}
        new = written(path, asked.parts(_resource(args, words, question, folder)))
        done.append({"file": str(path), "state": "written" if new else "unchanged", "title": playlist["title"]})
    left = [one for one in done if one["state"] == "left"]
    if args.json:
        show.as_json({"schema": "musicsyncd.exported/1", "files": done})
    elif done:
        show.table([[one["state"], one["file"]] for one in done])
    else:
        print("No playlist has a track that is kept.")
    for one in left:
        told = f"musicsyncctl: {one['file']} is not ours: move it away, and export again."
        print(show.one_line(told), file=sys.stderr)
    return PARTIAL if left else 0


def _resource(args: argparse.Namespace, words: list[str], question: dict[str, str], folder: Path | None) -> str:
    relative = str(folder) if folder and args.relative else ""
    return "/v1/export?" + urlencode(
        {**question, "q": " ".join(words), "volume": args.volume or "", "relative_to": relative}
    )


def _to_stdout(parts: Iterator[bytes]) -> None:
    sys.stdout.flush()
    for part in parts:
        sys.stdout.buffer.write(part)
    sys.stdout.buffer.flush()


def foreign(path: Path) -> bool:
    """Whether another program's file, or a person's, has the name."""
    try:
        with path.open("rb") as file:
            return not (file.readline().startswith(b"#EXTM3U") and file.readline().startswith(MARK))
    except FileNotFoundError:
        return False


def written(path: Path, parts: Iterator[bytes]) -> bool:
    """Write the file whole or not at all; False, and it is left as it is, when it says the same already."""
    if path.exists() and not path.is_file():  # a pipe, a device
        with path.open("wb") as file:
            file.writelines(parts)
        return True
    temporary = path.with_name(f".{path.name[:100]}.{secrets.token_hex(4)}.part")
    try:
        with temporary.open("xb") as file:
            file.writelines(parts)
            file.flush()
            os.fsync(file.fileno())
        if _same(temporary, path):
            return False
        temporary.replace(path)
        return True
    finally:
        with suppress(FileNotFoundError):
            temporary.unlink()


def _same(one: Path, other: Path) -> bool:
    """Whether both are there with the same bytes."""
    if not other.exists() or one.stat().st_size != other.stat().st_size:
        return False
    with one.open("rb") as first, other.open("rb") as second:
        while part := first.read(1 << 20):
            if part != second.read(len(part)):
                return False
    return True
