"""Reads the ledger in parts and hands them on as a file's: however many tracks there are, few are held at a time."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final, get_args

from musicsyncd.control import answers
from musicsyncd.control.exports import m3u8, rekordbox, tables
from musicsyncd.control.exports.item import Item, Place, item
from musicsyncd.control.messages import ExportFormat, PlaylistFile, PlaylistsAnswer
from musicsyncd.control.operations import Operations
from musicsyncd.errors import BadInput, Degraded
from musicsyncd.ledger.entry import Entry
from musicsyncd.ledger.playlists import Counted
from musicsyncd.library.naming import candidates, path_key

AT_ONCE: Final = 200
"""Tracks that are held in memory: with its fingerprint one takes some kilobytes."""
FORMATS: Final = get_args(ExportFormat)
MEDIA: Final = {
    "csv": "text/csv; charset=utf-8",
    "json": "application/json",
    "m3u8": "application/vnd.apple.mpegurl",
    "rekordbox": "application/xml",
}


@dataclass(frozen=True, kw_only=True)
class Export:
    """What is wanted, checked: from here on it can only break off."""

    format: str
    ids: Sequence[str]
    places: Sequence[Place]
    playlists: Sequence[Counted] = ()
    """Those that are told beside the tracks."""
    title: str = ""
    """The one playlist that is meant."""
    relative_to: str = ""
    roots: Mapping[str, Path]

    @property
    def media_type(self) -> str:
        """For the answer's head."""
        return MEDIA[self.format]


@dataclass(frozen=True)
class Exporter:
    """One method per question."""

    ask: Operations

    async def playlists(self) -> PlaylistsAnswer:
        """Every playlist with a track that is kept, and what its file is called: no two alike on any volume."""
        taken: set[str] = set()
        told = []
        for one in await self.ask.ledger.playlists():
            name = next(
                name for name in candidates(_flat(one.title or one.id), "m3u8", one.id) if path_key(name) not in taken
            )
            taken.add(path_key(name))
            told.append(PlaylistFile(id=one.id, title=one.title or one.id, tracks=one.tracks, file=name))
        return PlaylistsAnswer(playlists=told)

    async def prepare(
        self, format_name: str, *, words: str = "", playlist: str = "", volume: str = "", relative_to: str = ""
    ) -> Export:
        """BadInput for what is not known or no format; Degraded for a volume that is away."""
        if format_name not in FORMATS:
            raise BadInput(f"There is no format {format_name!r}", fix=f"Formats are: {', '.join(FORMATS)}")
        if relative_to and not Path(relative_to).is_absolute():
            raise BadInput(f"{relative_to!r} is no absolute path")
        places = await self._places(volume)
        known = await self.ask.ledger.playlists()
        named = [_named(playlist, known)] if playlist else []
        files_only = bool(volume) or format_name in ("m3u8", "rekordbox")
        ids = await self.ask.ledger.listed_ids(
            words,
            playlist=named[0].id if named else "",
            targets=[one.target for one in places] if files_only else None,
        )
        return Export(
            format=format_name,
            ids=ids,
            places=places,
            playlists=named or known,
            title=named[0].title if named else "",
            relative_to=relative_to,
            roots={one.name: one.root for one in places},
        )

    async def _places(self, volume: str) -> list[Place]:
        """The volumes that can be read now, as the settings order them; Degraded when the one that is meant cannot."""
        shelves = [one for one in self.ask.lookout.shelves.values() if not one.hands_over]
        meant = [one for one in shelves if volume in ("", one.name)]
        if not meant:
            raise BadInput(
                f"There is no volume {volume!r}", fix=f"Volumes are: {', '.join(one.name for one in shelves)}"
            )
        found = []
        for shelf in meant:
            state = await shelf.state()
            if state.path and state.marker:
                place = Place(target=shelf.target, name=shelf.name, root=Path(state.path), formats=shelf.formats)
                found.append(place)
            elif volume:
                what = f"The volume {volume!r} is {state.condition}"
                raise Degraded(what, target=shelf.target, why=state.why, fix=state.fix)
        return found

    async def parts(self, export: Export) -> AsyncIterator[bytes]:
        """The file, in parts."""
        writer = {"csv": self._csv, "json": self._json, "m3u8": self._m3u8, "rekordbox": self._rekordbox}
        async for part in writer[export.format](export):
            yield part

    async def _csv(self, export: Export) -> AsyncIterator[bytes]:
        yield tables.head()
        async for items in self._items(export):
            yield tables.lines(items)

    async def _m3u8(self, export: Export) -> AsyncIterator[bytes]:
        yield m3u8.head(export.title)
        async for items in self._items(export):
            yield m3u8.lines((one for one in items if one.path), export.relative_to)

    async def _json(self, export: Export) -> AsyncIterator[bytes]:
        """The shape of `tracks --json`."""
        yield b'{"schema": "musicsyncd.tracks/1", "tracks": ['
        between = b"\n"
        async for entries in self._entries(export.ids):
            for entry in entries:
                yield between + self._told(entry, export).encode()
                between = b",\n"
        yield b"\n]}\n"

    def _told(self, entry: Entry, export: Export) -> str:
        lookout = self.ask.lookout
        answer = answers.track_answer(entry, lookout.targets(entry), export.roots, lookout.precedence)
        return answer.model_dump_json()

    async def _rekordbox(self, export: Export) -> AsyncIterator[bytes]:
        """A track that loses its file while this goes on is missing, and so are its places in playlists."""
        yield rekordbox.head(self.ask.facts.version, len(export.ids))
        numbers: dict[str, int] = {}
        async for items in self._items(export):
            there = [one for one in items if one.path]
            numbers |= {one.entry.id: len(numbers) + place for place, one in enumerate(there, 1)}
            yield rekordbox.tracks((numbers[one.entry.id], one) for one in there)
        yield rekordbox.playlists_head(len(export.playlists))
        for playlist in export.playlists:
            ids = await self.ask.ledger.listed_ids("", playlist=playlist.id)
            yield rekordbox.playlist(playlist.title or playlist.id, [numbers[id_] for id_ in ids if id_ in numbers])
        yield rekordbox.tail()

    async def _items(self, export: Export) -> AsyncIterator[list[Item]]:
        precedence = self.ask.lookout.precedence
        async for entries in self._entries(export.ids):
            yield [item(entry, export.places, precedence) for entry in entries]

    async def _entries(self, ids: Sequence[str]) -> AsyncIterator[list[Entry]]:
        for start in range(0, len(ids), AT_ONCE):
            yield await self.ask.ledger.entries(ids[start : start + AT_ONCE])


def _named(name: str, known: Sequence[Counted]) -> Counted:
    """The playlist with that id or title; BadInput when there is none, or several."""
    titled = [one for one in known if one.title.casefold() == name.casefold()]
    found = [one for one in known if one.id == name] or titled
    if len(found) == 1:
        return replace(found[0], title=found[0].title or found[0].id)
    if found:
        raise BadInput(f"{name!r} could be {', '.join(one.id for one in found)}", fix="Name it by its id")
    listed = ", ".join(one.title or one.id for one in known[:20])
    raise BadInput(f"No playlist with a kept track is called {name!r}", fix=f"There is: {listed or 'none'}")


def _flat(title: str) -> str:
    return title.replace("/", "-")
