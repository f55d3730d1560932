"""Music in files and folders of this machine: what a person names, and what lies in the inbox folders."""

from __future__ import annotations

import errno
import os
from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any, ClassVar, Final, Protocol
from urllib.parse import unquote_to_bytes

import anyio
from anyio import from_thread, to_thread

from musicsyncd.audio.values import AudioProbe, Tags
from musicsyncd.clock import Clock, SystemClock
from musicsyncd.errors import BadInput, Denied, MusicsyncError, NeedsPerson, Temporary
from musicsyncd.music.identity import of_file
from musicsyncd.music.title import parse_file_name
from musicsyncd.music.track import Track
from musicsyncd.sources.base import Found, Progress, Refusal, Source, Supplied
from musicsyncd.sources.folder_copy import copy_file, cover_beside, hash_file
from musicsyncd.sources.folder_scan import (
    EXTENSIONS,
    Scan,
    Seen,
    Stamp,
    being_written,
    is_folder,
    look,
    search,
    shown,
    stamps_now,
    translated,
)

AT_ONCE: Final = 3
"""Files that are hashed and read at the same time."""
REMEMBERED: Final = 20_000
"""Files whose track is kept in memory, so that an unchanged inbox is not read again at every look."""
UNSETTLED_DELAY: Final = 10.0
"""Seconds, at least, before a file that was still growing is looked at again."""
FILLED_IN: Final = (
    "artists",
    "album",
    "album_artist",
    "genre",
    "date",
    "track_number",
    "disc_number",
    "isrc",
    "record_label",
    "catalog_number",
)
"""What the tags of the delivered copy may add to a track that does not say it."""


class AudioReader(Protocol):
    """What this source needs of the audio room."""

    async def read(self, path: Path, folder: Path | None = None) -> tuple[AudioProbe, Tags, Path | None]:
        """Facts and tags of a file; its cover, put into `folder`. BadInput when it is no audio."""


class FolderSource(Source):
    """file:// URLs and paths. Originals are read, never moved, changed or deleted."""

    name: ClassVar[str] = "folder"

    def __init__(
        self,
        reader: AudioReader,
        *,
        inboxes: Sequence[Path] = (),
        allowed: Sequence[Path] = (),
        forbidden: Sequence[Path] = (),
        settle: float = 2.0,
        max_depth: int = 16,
        clock: Clock | None = None,
    ) -> None:
        """`allowed` empty: anywhere that this user can read. `forbidden`: the daemon's own folders.

        `settle` is for how many seconds a file must have stood still, `max_depth` how many levels of folders
        are looked into. Inboxes are always allowed.
        """
        self._reader, self._clock = reader, clock or SystemClock()
        self._inboxes, self._allowed, self._forbidden = tuple(inboxes), tuple(allowed), tuple(forbidden)
        self._settle, self._max_depth = settle, max_depth
        self._known: dict[Path, tuple[Stamp, Track | BadInput]] = {}

    def offering(self) -> bool:
        return bool(self._inboxes)

    def owns(self, url: str) -> bool:
        if url.lower().startswith("file:") or url.startswith(("/", "~")):
            return True
        return "://" not in url and os.path.lexists(url)

    async def resolve(self, url: str, *, progress: Progress | None = None) -> Found:
        """One file's track, or every audio file's below a folder; a bad file among many is refused by itself.

        Raises BadInput, Denied or Temporary when nothing at all can be taken from what was named.
        """
        path = path_of(url)
        scan, whole = await to_thread.run_sync(self._scan, path)
        found = await self._take(scan, progress)
        if whole and not found.tracks:
            raise found.refused[0].error
        return found

    async def list(self, *, limit: int | None = None) -> Found:
        """The inboxes' files, the newest first."""
        seen: list[Seen] = []
        refused: list[Refusal] = []
        for inbox in self._inboxes:
            try:
                scan, _ = await to_thread.run_sync(partial(self._scan, inbox, may_be_empty=True))
            except MusicsyncError as error:
                refused.append(Refusal(name=shown(inbox), error=error))
            else:
                seen += scan.seen
                refused += scan.refused
        seen.sort(key=lambda one: one.stamp.mtime_ns, reverse=True)
        return await self._take(Scan(seen=tuple(seen[:limit]), refused=tuple(refused)), None)

    async def supply(self, track: Track, folder: Path, progress: Progress) -> Supplied:
        """Copy the file, and see that it still is the one that was found (Temporary when it is not)."""
        path = path_of(track.source_url)
        original = await to_thread.run_sync(self._file, path)
        suffix = original.path.suffix.lower()
        copy = folder / f"audio{suffix if suffix in EXTENSIONS else ''}"
        sha256 = await _copied(original, copy, progress)
        if (
            any(identity.provider == "file" for identity in track.identities)
            and of_file(sha256) not in track.identities
        ):
            raise Temporary(f"{shown(path)!r} has changed since it was found", delay=UNSETTLED_DELAY)
        probe, tags, artwork = await self._reader.read(copy, folder)
        artwork = artwork or await to_thread.run_sync(cover_beside, original.path, folder)
        return Supplied(
            path=copy,
            sha256=sha256,
            size=original.stamp.size,
            track=_with_delivery(track, probe, tags, sha256),
            artwork=artwork,
            details={"name": shown(original.path.name), **probe.as_dict()},
        )

    def _scan(self, path: Path, *, may_be_empty: bool = False) -> tuple[Scan, bool]:
        """What lies there, and whether it is one file."""
        real = self._permitted(path)
        if not is_folder(real):
            return Scan(seen=(look(real),)), True
        own = [Path(os.path.realpath(folder)) for folder in self._forbidden]
        scan = search(real, max_depth=self._max_depth, forbidden=own)
        if not (scan.seen or scan.refused or may_be_empty):
            raise BadInput(f"There is no audio file below {shown(path)!r}")
        return scan, False

    def _file(self, path: Path) -> Seen:
        return look(self._permitted(path))

    def _permitted(self, path: Path) -> Path:
        """The real path, when it may be read at all."""
        real = Path(os.path.realpath(path))
        if any(_lies_in(real, folder) for folder in self._forbidden):
            raise Denied(f"{shown(path)!r} lies in the daemon's own folder", fix="Name music that lies elsewhere")
        if self._allowed and not any(_lies_in(real, folder) for folder in (*self._allowed, *self._inboxes)):
            fix = "Add its folder to `allowed` in the section [folder] of the settings"
            raise Denied(f"{shown(path)!r} lies outside the folders that are allowed", fix=fix)
        return real

    async def _take(self, scan: Scan, progress: Progress | None) -> Found:
        """The tracks of what was seen, in its order, each once, and everything that could not be taken."""
        settled, unsettled = await self._settled(scan.seen)
        outcomes = await self._read_all(settled, progress or _silent)
        unread = [
            Refusal(name=shown(one.path), error=outcome)
            for one, outcome in zip(settled, outcomes, strict=True)
            if isinstance(outcome, MusicsyncError)
        ]
        tracks = {outcome.identities[0]: outcome for outcome in reversed(outcomes) if isinstance(outcome, Track)}
        return Found(tracks=tuple(reversed(tracks.values())), refused=(*scan.refused, *unsettled, *unread))

    async def _settled(self, seen: Sequence[Seen]) -> tuple[Sequence[Seen], Sequence[Refusal]]:
        """Those that nobody is writing; one wait for all of them, none when all are old enough."""
        now = self._clock.now().timestamp()
        if any(now - one.stamp.mtime_ns / 1e9 < self._settle for one in seen):
            await self._clock.sleep(self._settle)
        stamps = await to_thread.run_sync(stamps_now, seen)
        written = await to_thread.run_sync(being_written, [one.path for one in seen])
        settled, refused = [], []
        for one in seen:
            if stamps[one.path] == one.stamp and one.path not in written:
                settled.append(one)
            else:
                refused.append(Refusal(name=shown(one.path), error=self._unsettled(one.path)))
        return settled, refused

    def _unsettled(self, path: Path) -> Temporary:
        return Temporary(f"{shown(path)!r} is still being written", delay=max(UNSETTLED_DELAY, self._settle))

    async def _read_all(self, settled: Sequence[Seen], progress: Progress) -> Sequence[Track | MusicsyncError]:
        outcomes: dict[int, Track | MusicsyncError] = {}
        waiting = iter(enumerate(settled))

        async def read_some() -> None:
            for number, one in waiting:
                outcomes[number] = await self._read(one)
                progress(len(outcomes) / len(settled), f"{len(outcomes)} of {len(settled)} files")

        async with anyio.create_task_group() as tasks:
            for number in range(min(AT_ONCE, len(settled))):
                tasks.start_soon(read_some, name=f"folder reader {number}")
        return [outcomes[number] for number in range(len(settled))]

    async def _read(self, one: Seen) -> Track | MusicsyncError:
        """The file's track, or why there is none; remembered until the file changes."""
        known = self._known.get(one.path)
        if known and known[0] == one.stamp:
            return known[1]
        try:
            outcome: Track | BadInput = await self._read_anew(one)
        except BadInput as error:
            outcome = error
        except MusicsyncError as error:
            return error
        self._known.pop(one.path, None)
        self._known[one.path] = (one.stamp, outcome)
        if len(self._known) > REMEMBERED:
            del self._known[next(iter(self._known))]
        return outcome

    async def _read_anew(self, one: Seen) -> Track:
        try:
            sha256 = await to_thread.run_sync(hash_file, one.path)
        except OSError as error:
            raise translated(one.path, error) from error
        probe, tags, _ = await self._reader.read(one.path)
        stamps = await to_thread.run_sync(stamps_now, [one])
        if stamps[one.path] != one.stamp:
            raise self._unsettled(one.path)
        return _track(one.path, sha256, probe, tags)


def path_of(url: str) -> Path:
    """The absolute path that a file:// URL or a path means; BadInput when it can mean none."""
    try:
        text = _unquoted(url) if url.lower().startswith("file:") else str(_expanded(url))
        if b"\0" in os.fsencode(text):
            raise ValueError("a NUL byte")
    except ValueError as error:  # half a surrogate pair is one too
        raise BadInput(f"{url!r} can be no path", why=f"It holds {error}") from error
    path = Path(text)
    return path if path.is_absolute() else path.absolute()


def _expanded(path: str) -> Path:
    try:
        return Path(path).expanduser()
    except RuntimeError as error:
        raise BadInput(f"{path!r} begins with the name of nobody on this machine") from error


def _unquoted(url: str) -> str:
    rest = url[len("file:") :]
    if rest.startswith("//"):
        host, _, tail = rest[2:].partition("/")
        if host.lower() not in ("", "localhost"):
            raise BadInput(f"{url!r} names a file on another machine", fix="Name a path on the machine of the daemon")
        rest = "/" + tail
    return os.fsdecode(unquote_to_bytes(os.fsencode(rest)))


def _lies_in(path: Path, folder: Path) -> bool:
    """Whether the folder is the path or above it, by what they are and not by how they are spelt."""
    try:
        wanted = folder.stat()
    except OSError:
        return False
    return any(_is_same(place, wanted) for place in (path, *path.parents))


def _is_same(path: Path, wanted: os.stat_result) -> bool:
    try:
        return os.path.samestat(path.stat(), wanted)
    except (OSError, ValueError):
        return False


async def _copied(original: Seen, copy: Path, progress: Progress) -> str:
    """Copy in a thread; the copy's hash."""

    def tell(done: int) -> None:
        from_thread.run_sync(progress, min(done / original.stamp.size, 1.0), "copying")

    try:
        sha256 = await to_thread.run_sync(copy_file, original.path, copy, tell)
    except OSError as error:
        if error.errno in (errno.ENOSPC, errno.EDQUOT):
            fix = "Free some space where musicsyncd works"
            raise NeedsPerson("There is no space left for the copy", fix=fix) from error
        raise translated(original.path, error) from error
    progress(1.0, "copied")
    return sha256


def _track(path: Path, sha256: str, probe: AudioProbe, tags: Tags) -> Track:
    """What the tags say; where they are silent, what the file's name says."""
    artists, title = parse_file_name(os.fsencode(path.stem).decode("utf-8", "replace"))
    return Track(
        title=tags.title or title,
        artists=tags.artists or artists,
        album=tags.album,
        album_artist=tags.album_artist,
        genre=tags.genre,
        date=tags.date,
        track_number=tags.track_number,
        disc_number=tags.disc_number,
        isrc=tags.isrc,
        record_label=tags.label,
        catalog_number=tags.catalog_number,
        comment=tags.comment,
        duration=probe.duration or None,
        source=FolderSource.name,
        source_url=path.as_uri(),
        identities=(of_file(sha256),),
    )


def _said(tags: Tags, name: str) -> Any:
    return tags.label if name == "record_label" else getattr(tags, name)


def _with_delivery(track: Track, probe: AudioProbe, tags: Tags, sha256: str) -> Track:
    gaps = {name: _said(tags, name) for name in FILLED_IN if not getattr(track, name)}
    return replace(track, duration=track.duration or probe.duration or None, **gaps).with_identities(of_file(sha256))


def _silent(share: float | None, text: str) -> None:
    """Nobody listens."""
