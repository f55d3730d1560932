"""The one track that is wanted next, and what was listened to lately: a rung for each place that is asked.

What is listened to now → SoundCloud's newest likes → Spotify's newest saved tracks → the other sources → the newest row
that a person made in a catalog → the newest track of the ledger. The first rung that has a track which may be taken
gives it; each one before says why it has none.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import Final

from musicsyncd.errors import BadInput
from musicsyncd.jobs.base import WorkEngine
from musicsyncd.jobs.job import Job, JobFilter
from musicsyncd.ledger.entry import Entry
from musicsyncd.ledger.ledger import Ledger
from musicsyncd.music.track import Track
from musicsyncd.sources.base import Source
from musicsyncd.sync.eligible import NAMELESS, counted, objection, searchable, waiting
from musicsyncd.sync.request import TRACK
from musicsyncd.sync.selected import Asking, Selected

FIRST: Final = ("soundcloud", "spotify")
"""Sources whose likes come before what the others offer."""
LOOKED_AT: Final = 200
"""Tracks of the ledger, and known ones of a source, that are looked at for the next one."""


async def next_track(sources: Sequence[Source], ledger: Ledger, jobs: WorkEngine) -> Selected:
    """One track, or none, with the reasons."""
    asking, ground = Asking(), Ground(ledger, jobs)
    for source in sources:
        if source.listening() is False and source.offering():
            asking.told(f"{source.name}, playing now", "not set up")  # where it offers nothing either, that says it all
        if source.listening() and (track := await _playing(source, asking, ground)):
            return asking.selected(track)
    for source in asking.ready(in_turn(sources), lambda one: one.offering()):
        if track := await _offered(source, asking, ground):
            return asking.selected(track)
    return await ground.newest(asking)


async def recent(sources: Sequence[Source], ledger: Ledger, jobs: WorkEngine) -> Selected:
    """What was listened to lately and may be taken. BadInput when no source that is asked could tell."""
    asking, ground = Asking(), Ground(ledger, jobs)
    if not any(source.listening() is not None for source in sources):
        raise BadInput(f"{', '.join(source.name for source in sources)} cannot tell what was listened to")
    tracks: list[Track] = []
    for source in asking.ready(sources, lambda one: one.listening()):
        found = await asking.offered(source.name, partial(source.recent, ledger.unknown))
        if found is None:
            continue
        asking.refused += found.refused
        against = [await ground.against(track) for track in found.tracks]
        tracks += [track for track, why in zip(found.tracks, against, strict=True) if not why]
        told = counted([why or "new" for why in against])
        asking.told(source.name, told or "nothing was listened to since the last look")
    return asking.selected(*tracks)


def in_turn(sources: Sequence[Source]) -> list[Source]:
    """The sources in the order of the chain."""
    return sorted(sources, key=lambda one: FIRST.index(one.name) if one.name in FIRST else len(FIRST))


class Ground:
    """What is known here: the ledger's entries, and the jobs about them."""

    def __init__(self, ledger: Ledger, jobs: WorkEngine) -> None:
        self._ledger, self._jobs = ledger, jobs

    async def against(self, track: Track) -> str:
        """Why a track that a source offers is not taken; empty when it may be."""
        entry = await self._ledger.known(track)
        if entry is None:
            return "" if searchable(track) else NAMELESS
        return objection(entry, await self._job(entry))

    async def first(self, tracks: Sequence[Track]) -> tuple[Track | None, list[str]]:
        """The first of these that may be taken, and what was against those before it."""
        unknown = {id(track) for track in await self._ledger.unknown(tracks)}
        against: list[str] = []
        for number, track in enumerate(tracks):
            known = id(track) not in unknown
            if known and number >= LOOKED_AT:
                against.append("known")
            elif why := await self.against(track):
                against.append(why)
            else:
                return track, against
        return None, against

    async def newest(self, asking: Asking) -> Selected:
        """The last rung: the newest track of the ledger, and only when there is no other one that waits for a target
        that may be back.
        """
        ids = await self._ledger.unfinished(limit=LOOKED_AT, newest_first=True)
        entries, against = await self._ledger.entries(ids), []
        for entry in entries:
            why = objection(entry, await self._job(entry))
            if not why:
                asking.told("ledger", f"took {entry.track.label}, the newest that was left unfinished")
                return asking.selected(known=[entry.id])
            against.append(why)
        parked = next((one for one, why in zip(entries, against, strict=True) if why == waiting(one)), None)
        if parked:
            asking.told("ledger", f"took {parked.track.label}, {waiting(parked)}")
            return asking.selected(known=[parked.id])
        asking.told("ledger", f"nothing to take: {counted(against)}" if against else "nothing was left unfinished")
        return asking.selected()

    async def _job(self, entry: Entry) -> Job | None:
        return next(iter(await self._jobs.list(JobFilter(kind=TRACK, key=entry.id, limit=1))), None)


async def _playing(source: Source, asking: Asking, ground: Ground) -> Track | None:
    rung = f"{source.name}, playing now"
    found = await asking.offered(rung, source.playing)
    if found is None:
        return None
    if not found.tracks:
        asking.told(rung, f"skipped: {found.refused[0].error}" if found.refused else "nothing is playing")
        return None
    track, against = await ground.first(found.tracks)
    asking.told(rung, f"took {track.label}" if track else f"{found.tracks[0].label} is {against[0]}")
    return track


async def _offered(source: Source, asking: Asking, ground: Ground) -> Track | None:
    found = await asking.offered(source.name, partial(source.list, limit=source.chained))
    if found is None:
        return None
    asking.refused += found.refused
    track, against = await ground.first(found.tracks)
    asking.corrected = [] if track else [*found.corrected[:1]]  # the others' turn comes: the next one is one track
    if track:
        asking.told(source.name, f"took {track.label}")
    elif found.corrected:
        track = found.corrected[0]
        asking.told(source.name, f"took {track.label}, of which a person says something else by now")
    else:
        newest = f"of its {len(found.tracks)} newest" if source.chained else f"of its {len(found.tracks)}"
        asking.told(source.name, f"none {newest}: {counted(against)}" if found.tracks else "offers nothing")
    return track
