"""shelve: each mounted volume gets its files, whole or not at all; a volume that is away misses them and nothing else
stops.
"""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path

import anyio

from musicsyncd.audio.values import FORMATS
from musicsyncd.crashpoints import CrashPoint, crash_point
from musicsyncd.errors import Degraded, Temporary
from musicsyncd.jobs.base import JobContext
from musicsyncd.ledger.entry import Entry
from musicsyncd.ledger.journal import Change
from musicsyncd.ledger.ledger import Ledger
from musicsyncd.ledger.standing import Evidence
from musicsyncd.library.base import Kept, Shelf, Staged
from musicsyncd.library.naming import relative_path
from musicsyncd.music.precedence import Effective, Precedence, effective
from musicsyncd.pipeline.about import about_track
from musicsyncd.pipeline.step import Work


@dataclass(frozen=True)
class Shelve:
    """Place what was made (or stands on another shelf) on every shelf that lacks it."""

    shelves: Mapping[str, Shelf]
    """By target name."""
    ledger: Ledger
    precedence: Precedence = field(default_factory=Precedence)
    name: str = "shelve"

    async def __call__(self, work: Work, context: JobContext) -> Work:
        for target, formats in work.shelves.items():
            try:
                await self._fill(self.shelves[target], formats, work, context)
            except Degraded as error:
                work = work.missing(target, error)
        return work

    async def _fill(self, shelf: Shelf, formats: tuple[str, ...], work: Work, context: JobContext) -> None:
        for number, format_name in enumerate(formats):
            context.progress(number / len(formats), f"{format_name} to {shelf.name}", step=self.name)
            await self._place(shelf, format_name, work, context)

    async def _place(self, shelf: Shelf, format_name: str, work: Work, context: JobContext) -> None:
        entry = await self.ledger.entry(work.track_id)
        staged = await self._staged(shelf, format_name, entry, work, context)
        earlier = next((one for one in entry.evidence if (one.target, one.part) == (shelf.target, format_name)), None)
        replaces = Kept.from_dict(earlier.detail) if earlier else None
        counts = effective(entry.said, work.analysis.as_dict() if work.analysis else entry.analysis, self.precedence)
        wanted = relative_path(shelf.layout, naming_fields(work, format_name, counts, entry.playlist_folder))
        proof = proof_of(staged, format_name, entry, made=format_name in work.made)
        if shelf.hands_over:
            staged = replace(
                staged, delivering=partial(self._delivering, work.track_id, shelf.target, format_name, proof)
            )
        async with context.capacity(shelf.target):
            placed = await shelf.place(staged, wanted, tie_breaker=work.track_id[:6], replaces=replaces)
        evidence = Evidence(target=shelf.target, part=format_name, proof=proof, detail=placed.kept.as_dict())
        was = earlier.detail | {"recycled": placed.recycled, "proof": earlier.proof} if earlier else None
        change = Change(
            operation=context.job.id,
            target=shelf.target,
            what="replaced" if earlier else "placed",
            before=was,
            after=placed.kept.as_dict(),
        )
        await self.ledger.record_evidence(work.track_id, evidence, change)
        crash_point(CrashPoint.SHELF_RECORDED)

    async def _delivering(self, track: str, target: str, part: str, proof: str, kept: Kept | None) -> None:
        """What is taken away at once leaves no trace to find after a crash: that it is delivered is written down before
        it can be taken, and crossed out when it could not.
        """
        if kept is None:
            await self.ledger.drop_evidence(track, [(target, part)])
            return
        evidence = Evidence(target=target, part=part, proof=proof, detail=kept.as_dict())
        await self.ledger.record_evidence(track, evidence, None)

    async def _staged(self, shelf: Shelf, format_name: str, entry: Entry, work: Work, context: JobContext) -> Staged:
        target = ""
        if made := work.made.get(format_name):
            path, size, sha256 = Path(made.path), made.size, made.sha256
            if shelf.reads_later:
                path, target = await self._lasting(format_name, sha256, entry, work.folder) or (path, "")
        else:
            copy = work.copies[format_name]
            path, target = await self._copy_of(copy, work.folder, context, stays=shelf.reads_later)
            size, sha256 = copy.size, copy.sha256
        extension, about = FORMATS[format_name].extension, about_track(entry, self.precedence)
        return Staged(
            path=path,
            format=format_name,
            extension=extension,
            size=size,
            sha256=sha256,
            about=about,
            target=target,
        )

    async def _lasting(self, format_name: str, sha256: str, entry: Entry, folder: Path) -> tuple[Path, str] | None:
        """The same bytes on a volume that is there, and which: staging is cleared when the job ends."""
        for one in entry.evidence:
            shelf = self.shelves.get(one.target)
            if one.part != format_name or one.detail["sha256"] != sha256 or shelf is None or shelf.reads_later:
                continue
            with suppress(Degraded):
                if kept := await shelf.look(Kept.from_dict(one.detail)):
                    return await shelf.readable(kept, folder), shelf.target
        return None

    async def _copy_of(self, kept: Kept, folder: Path, context: JobContext, *, stays: bool) -> tuple[Path, str]:
        """The kept file in staging, or (`stays`) where it is, and on which volume that is: one that hangs shall not
        hold up another.
        """
        shelf = next((one for one in self.shelves.values() if one.name == kept.shelf), None)
        if shelf is None:
            raise Temporary(f"The volume {kept.shelf!r} was taken out while a copy was wanted of it", delay=1)
        await anyio.Path(folder).mkdir(parents=True, exist_ok=True)
        if stays:
            return await shelf.readable(kept, folder), shelf.target
        copy = folder / f"{kept.shelf}-{kept.format}.{FORMATS[kept.format].extension}"
        async with context.capacity(shelf.target):
            await shelf.fetch(kept, copy)
        return copy, ""


def proof_of(staged: Staged, format_name: str, entry: Entry, *, made: bool) -> str:
    """Which version of the output a placed file is: that of what was just made, or of the copy that it was taken from.
    A copy of a file whose tags were edited since proves the same version.
    """
    same = (one.proof for one in entry.evidence if one.part == format_name and one.detail["sha256"] == staged.sha256)
    return staged.sha256 if made else next(same, staged.sha256)


def naming_fields(work: Work, format_name: str, counts: Effective | None = None, playlist: str = "") -> dict[str, str]:
    """What a layout template may speak of; `counts` is whose tempo and key (None: what was heard)."""
    track = work.track
    counts = counts or effective((), work.analysis.as_dict() if work.analysis else None, Precedence())
    return {
        "artist": track.artist,
        "album_artist": track.album_artist or track.artist,
        "album": track.album,
        "title": track.title,
        "year": track.date[:4],
        "genre": track.genre,
        "format": format_name,
        "key": counts.key,
        "camelot": counts.camelot,
        "bpm": f"{counts.bpm:.0f}" if counts.bpm else "",
        "playlist": playlist,
        "id": work.track_id,
    }
