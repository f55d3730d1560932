"""Finds rows that may be one track's, in a mirrored book: what they share, a part of the book at a time."""

from __future__ import annotations

import hashlib
from collections.abc import AsyncIterator, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from musicsyncd.errors import BadInput
from musicsyncd.ledger.doubles import Doubles, Owned
from musicsyncd.ledger.ledger import Ledger
from musicsyncd.ledger.mirror import Mirror, MirrorRow
from musicsyncd.music.chromaprint import Fingerprint, decode
from musicsyncd.music.identity import ISRC, SOUNDCLOUD, SPOTIFY, YOUTUBE, Identity
from musicsyncd.music.sameness import Kind, verdict
from musicsyncd.sync.rows_twice import Mark, Owner, Seen, Tie, scored

KEY: Final = "key"
"""Provider of the identity that a row's external key is."""
SHARED: Final[Mapping[str, Tie]] = {
    KEY: Tie.ID, SPOTIFY: Tie.ID, YOUTUBE: Tie.ID, SOUNDCLOUD: Tie.ID, ISRC: Tie.ISRC,
}  # fmt: skip
"""By what rows may be known for one, by provider."""
NAMES: Final[Mapping[str, str]] = {
    KEY: "the external key", SPOTIFY: "the Spotify id", YOUTUBE: "the YouTube id", SOUNDCLOUD: "the SoundCloud id",
    ISRC: "the ISRC",
}  # fmt: skip
PRINTS: Final = ("fingerprint", "fingerprint_m4a", "fingerprint_wav", "fingerprint_aiff")
AT_ONCE: Final = 300
"""Rows that are held in memory at a time, but for those that belong together."""


@dataclass(frozen=True, kw_only=True)
class Finder:
    """Reads the mirror and the ledger."""

    ledger: Ledger
    mirror: Mirror
    doubles: Doubles

    async def parts(self, catalog: str) -> AsyncIterator[tuple[list[Seen], list[Mark]]]:
        """Rows that share anything, with what they share: no row of one part shares a thing with one of another."""
        marks = await self.marks(catalog)
        some: list[Mark] = []
        for together in _together(marks):
            some += together
            if len({page for mark in some for page in mark.pages}) >= AT_ONCE:
                yield await self.rows(catalog, some), some
                some = []
        if some:
            yield await self.rows(catalog, some), some

    async def marks(self, catalog: str) -> list[Mark]:
        """Everything by which rows may be one."""
        shared = await self.doubles.shared(catalog, SHARED)
        found = [Mark(tie=SHARED[p], text=f"{NAMES[p]} {id_}", pages=pages) for p, id_, pages in shared]
        tracks = await self.doubles.of_one_track(catalog)
        found += [Mark(tie=Tie.LEDGER, text=f"the track {track}", pages=pages) for track, pages in tracks]
        return found + [mark async for mark in self._by_sound(catalog)]

    async def _by_sound(self, catalog: str) -> AsyncIterator[Mark]:
        """Rows that lead to no track and bear a fingerprint: held against every track that was heard, and against one
        another where they bear the very same.
        """
        same: dict[bytes, str] = {}
        async for rows in self.doubles.nobodys(catalog, self.mirror):
            for row in rows:
                if not (text := _fingerprint(row.fields)):
                    continue
                other = same.setdefault(hashlib.sha256(text.encode()).digest(), row.page)
                if other != row.page:
                    yield Mark(tie=Tie.SOUND, text="the same fingerprint", pages=(other, row.page))
                for page, why in await self._sounding_like(catalog, row, text):
                    yield Mark(tie=Tie.SOUND, text=why, pages=(page, row.page))

    async def _sounding_like(self, catalog: str, row: MirrorRow, text: str) -> list[tuple[str, str]]:
        found = []
        for alike in await self.ledger.alike_to(text):
            entry = await self.ledger.entry(alike.id)
            heard = verdict(
                bit_error_rate=alike.bit_error_rate,
                overlap_share=alike.overlap_share,
                durations=(seconds(row.fields), (entry.analysis or {}).get("duration")),
                titles=(str(row.fields.get("title") or ""), entry.track.title),
            )
            if heard.kind is Kind.SAME:
                pages = await self.doubles.owner_page(catalog, alike.id)
                found += [(page, f"the sound of {entry.id}: {heard.reasons[0]}") for page in pages]
        return found

    async def rows(self, catalog: str, marks: Sequence[Mark]) -> list[Seen]:
        """The rows that bear these marks."""
        pages = sorted({page for mark in marks for page in mark.pages})
        owners = await self.doubles.owners(catalog, pages)
        held = [await self.mirror.row(catalog, page) for page in pages]
        return [seen(row, owners.get(row.page)) for row in held if row and not row.trashed]


def seen(row: MirrorRow, owned: Owned | None) -> Seen:
    """A row as the plan needs it."""
    owner = Owner(track=owned.track, root=owned.root, proven=owned.proven, paths=owned.paths) if owned else None
    score, why = scored(row.fields, owner)
    artists = row.fields.get("artists")
    return Seen(
        page=row.page,
        title=str(row.fields.get("title") or ""),
        artists=", ".join(artists) if isinstance(artists, list) else str(artists or ""),
        created=row.created,
        duration=seconds(row.fields),
        identities=named(row),
        owner=owner,
        score=score,
        why=why,
    )


def named(row: MirrorRow) -> tuple[Identity, ...]:
    """What it names its track by at the services."""
    return tuple(one for one in row.identities if one.provider in (SPOTIFY, YOUTUBE, SOUNDCLOUD))


def seconds(fields: Mapping[str, Any]) -> float | None:
    """How long the track lasts, by its row."""
    for name, unit in (("duration", 1.0), ("duration_ms", 0.001)):
        value = fields.get(name)
        if isinstance(value, int | float) and value > 0:
            return float(value) * unit
    return None


def _fingerprint(fields: Mapping[str, Any]) -> str:
    """A fingerprint that can be compared, among those of the row; empty when there is none."""
    for name in PRINTS:
        text = fields.get(name)
        if isinstance(text, str) and text and name not in fields.get("partial", ()) and _telling(text):
            return text
    return ""


def _telling(text: str) -> bool:
    try:
        return Fingerprint.of(decode(text)).telling
    except BadInput:
        return False


def _together(marks: Iterable[Mark]) -> list[list[Mark]]:
    """The marks, those that meet in any row beside one another."""
    roots: dict[str, str] = {}

    def root(page: str) -> str:
        while roots.setdefault(page, page) != page:
            roots[page] = roots[roots[page]]
            page = roots[page]
        return page

    marks = list(marks)
    for mark in marks:
        for page in mark.pages[1:]:
            roots[root(page)] = root(mark.pages[0])
    found: dict[str, list[Mark]] = {}
    for mark in marks:
        found.setdefault(root(mark.pages[0]), []).append(mark)
    return list(found.values())
