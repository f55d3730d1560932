"""Doing what a comparison proposes: each difference is looked at anew first, and what is not as planned stays."""

from __future__ import annotations

import secrets
from collections.abc import Awaitable, Callable, Collection, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path, PurePosixPath
from typing import Any, Final

from musicsyncd.catalog.base import Catalog
from musicsyncd.jobs.base import JobContext, WorkEngine
from musicsyncd.ledger.entry import Entry
from musicsyncd.ledger.journal import Change
from musicsyncd.ledger.ledger import Ledger
from musicsyncd.ledger.matches import Matches
from musicsyncd.ledger.mirror import Mirror
from musicsyncd.ledger.standing import Evidence
from musicsyncd.library.base import Kept, Shelf
from musicsyncd.music.identity import Identity
from musicsyncd.music.row import track_of
from musicsyncd.sources.folder import FolderSource
from musicsyncd.sources.rows import SOURCE
from musicsyncd.sync.differences import Difference, Verb
from musicsyncd.sync.inventory import Found
from musicsyncd.sync.look import Lookout
from musicsyncd.sync.merging import LEDGER, is_worked_on
from musicsyncd.sync.request import TRACK

MENDED: Final = "mended"
"""In the journal: single values of a row were written."""
REFOUND: Final = "refound"
LOST: Final = "lost"
TAKEN_IN: Final = "taken in"

Detail = Mapping[str, Any]


@dataclass(frozen=True)
class Mender:
    """Each method answers why it was left; empty when it is done, or was already."""

    ledger: Ledger
    jobs: WorkEngine
    lookout: Lookout
    mirror: Mirror
    matches: Matches
    staging: Path
    token: str = field(default_factory=lambda: secrets.token_hex(4))
    """Of this try."""
    due: dict[str, None] = field(default_factory=dict)
    """Tracks to be looked at by jobs of their own, when everything else is done: one that began earlier would see a
    track half put right, and copy what the next difference is about to find.
    """

    async def do(self, one: Difference, context: JobContext) -> str:
        """Put one difference right. Degraded when its target is away now."""
        verbs: dict[Verb, Callable[[Detail, JobContext], Awaitable[str]]] = {
            Verb.FOLLOW: self._follow,
            Verb.RECORD: self._follow,
            Verb.DROP: self._drop,
            Verb.SYNC: self._sync,
            Verb.MEND: self._mend,
            Verb.TAKE_IN: self._take_in,
            Verb.CLEAR: self._clear,
            Verb.SWEEP: self._sweep,
        }
        track = one.detail.get("track")
        if track and one.verb is not Verb.SYNC and await is_worked_on(self.jobs, track):
            return "The track is being worked on"
        return await verbs[one.verb](one.detail, context)

    # Evidence

    async def _follow(self, detail: Detail, context: JobContext) -> str:
        """The evidence follows the file; nothing is moved or copied."""
        shelf, now = self._shelf(detail), Kept.from_dict(detail["after"])
        if shelf is None:
            return "The volume is not set up any more"
        entry = await self.ledger.entry(detail["track"])
        known = _evidence(entry, detail)
        if known and known.detail == detail["after"]:
            return ""
        if (known.detail if known else None) != detail["before"]:
            return "The ledger says otherwise by now"
        if (stands := await shelf.look(now)) is None:
            return "The file is not there any more"
        proof = known.proof if known else detail["proof"]
        after = Evidence(target=detail["target"], part=detail["part"], proof=proof, detail=stands.as_dict())
        change = Change(operation=context.job.id, target=detail["target"], what=REFOUND,
                        before=detail["before"] or {}, after=stands.as_dict())  # fmt: skip
        await self.ledger.record_evidence(entry.id, after, change)
        return self._bring(entry)

    async def _drop(self, detail: Detail, context: JobContext) -> str:
        """Looked for once more, and then no longer believed."""
        shelf, kept = self._shelf(detail), Kept.from_dict(detail["kept"])
        entry = await self.ledger.entry(detail["track"])
        known = _evidence(entry, detail)
        if shelf is None or known is None:
            return ""
        if known.detail != detail["kept"]:
            return "The ledger says otherwise by now"
        if await shelf.found(kept):
            return "The file is back"
        change = Change(operation=context.job.id, target=detail["target"], what=LOST, before=known.detail, after={})
        await self.ledger.drop_evidence(entry.id, [(detail["target"], detail["part"])], change)
        return self._bring(entry)

    async def _sync(self, detail: Detail, context: JobContext) -> str:
        entry = await self.ledger.entry(detail["track"])
        self.due[entry.id] = None
        return ""

    def _bring(self, entry: Entry) -> str:
        """What the track lacks now; nothing is wanted of one that is left out or was given up."""
        if not entry.duplicate_of and (not entry.failure or entry.failure.get("again")):
            self.due[entry.id] = None
        return ""

    async def bring(self, but: Collection[str]) -> int:
        """A job for each track that is due, but for these; how many."""
        due = [one for one in self.due if one not in but]
        await self.jobs.enqueue_many([{"kind": TRACK, "args": {"track": one}, "key": one} for one in due])
        return len(due)

    async def _sweep(self, detail: Detail, context: JobContext) -> str:
        shelf = self._shelf(detail)
        if shelf:
            async with context.capacity(shelf.target):
                await shelf.sweep()
        return ""

    def _shelf(self, detail: Detail) -> Shelf | None:
        return self.lookout.shelves.get(detail["target"])

    # Rows

    async def _mend(self, detail: Detail, context: JobContext) -> str:
        """Exactly the values that were planned, where they still stand."""
        catalog = self._catalog(detail)
        if catalog is None:
            return "The catalog is not set up any more"
        changes = {name: (old, new) for name, (old, new) in detail["changes"].items()}
        again = await self._begun_before(detail["page"], context)
        was = await catalog.amend(detail["page"], changes)
        row = await catalog.verify(detail["page"])
        if not was and again and not await self._told_of(detail["page"], context):
            was = {name: old for name, (old, new) in changes.items() if row and row.fields.get(name) == new}
        if was:
            before = {"id": detail["page"], "fields": was}
            after = {"id": detail["page"], "fields": {name: changes[name][1] for name in was}}
            change = Change(operation=context.job.id, target=catalog.target, what=MENDED, before=before, after=after)
            await self.ledger.record_change(None, change)
        left = [name for name, (old, _) in changes.items() if row and row.fields.get(name) == old]
        return f"The catalog does not take it: {', '.join(map(catalog.called, left))}" if left else ""

    async def _begun_before(self, page: str, context: JobContext) -> bool:
        """Whether an earlier try of this job came to this row: what it wrote is ours, though it could not say so."""

        async def begin() -> str:
            return self.token

        return await context.step(f"mend {page}", begin) != self.token

    async def _told_of(self, page: str, context: JobContext) -> bool:
        journal = await self.ledger.journal(context.job.id)
        return any(one["what"] == MENDED and one["after"]["id"] == page for one in journal)

    async def _clear(self, detail: Detail, context: JobContext) -> str:
        await self.mirror.clear(detail["catalog"], detail["key"])
        return ""

    def _catalog(self, detail: Detail) -> Catalog | None:
        return next((one for one in self.lookout.catalogs.values() if one.name == detail["catalog"]), None)

    # A file that is there already

    async def _take_in(self, detail: Detail, context: JobContext) -> str:
        """The track of the row, with this file as its audio: a person has said so, as with a pin."""
        shelf, row = self._shelf(detail), await self.mirror.row(detail["catalog"], detail["page"])
        if shelf is None or row is None or row.trashed:
            return "The row or the volume is not there any more"
        there = await self._still(shelf, detail)
        if there is None:
            return "The file is not there any more, or was changed"
        page = Identity(detail["catalog"], detail["page"])
        asked = track_of(page, row.fields, elsewhere=SOURCE)
        track = asked if asked.title else replace(asked, title=PurePosixPath(there.path).stem)
        url = (await shelf.readable(there, self.staging)).as_uri()
        (recorded,) = await self.ledger.record_tracks([track])
        entry = await self.ledger.entry(recorded.id)
        if entry.duplicate_of or entry.files:
            return "The track has audio by now"
        await self.matches.pin(entry.id, url)
        after = {"page": detail["page"], "path": there.path, "source": FolderSource.name}
        change = Change(operation=context.job.id, target=LEDGER, what=TAKEN_IN, before={}, after=after)
        await self.ledger.record_change(entry.id, change)
        self.due[entry.id] = None
        return ""

    async def _still(self, shelf: Shelf, detail: Detail) -> Kept | None:
        marker = (await shelf.state()).marker
        one = Found(target=shelf.target, path=detail["path"], size=detail["size"], mtime_ns=detail["mtime_ns"])
        kept = Kept(shelf=shelf.name, marker=marker, path=one.path, format="", size=one.size, mtime_ns=one.mtime_ns,
                    sha256="")  # fmt: skip
        now = await shelf.found(kept)
        return now if now and now.size == one.size else None


def _evidence(entry: Entry, detail: Detail) -> Evidence | None:
    wanted = (detail["target"], detail["part"])
    return next((one for one in entry.evidence if (one.target, one.part) == wanted), None)
