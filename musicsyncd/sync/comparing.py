"""Ledger, volumes, other shelves and catalogs, held against each other: everything is read, nothing is written."""

from __future__ import annotations

import os
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from functools import partial
from typing import Final

import structlog
from anyio import to_thread

from musicsyncd.audio.values import FORMATS
from musicsyncd.catalog.base import Row
from musicsyncd.clock import Clock
from musicsyncd.errors import Degraded, MusicsyncError
from musicsyncd.jobs.base import JobContext, WorkEngine
from musicsyncd.jobs.job import ACTIVE, JobFilter
from musicsyncd.ledger.entry import Entry
from musicsyncd.ledger.ledger import Ledger
from musicsyncd.ledger.mirror import Mirror
from musicsyncd.ledger.standing import Evidence, lacking
from musicsyncd.library.base import Condition, Kept, Shelf
from musicsyncd.sources.folder import path_of
from musicsyncd.sync import proposals
from musicsyncd.sync.differences import Difference, Kind, Tally, Who, nearest, passed, sharp, shrunk
from musicsyncd.sync.inventory import Found, Gone, Inventory, batches
from musicsyncd.sync.look import Lookout

logger = structlog.get_logger()
UNKNOWN_LISTED: Final = 200
"""Files of nobody's that one plan names, of each volume."""
DECODED: Final = 200
"""Files whose samples one run decodes to find a lost one again."""
CANDIDATES: Final = 5
"""Files that are decoded for one lost one."""
RETAGGED: Final = 8 * 1024 * 1024
"""Bytes by which another program's tags and covers may change a file."""
MOST: Final = 1_000_000
ENDINGS: Final = frozenset(f".{one.extension}" for one in FORMATS.values()) | {".aif", ".mp4"}
READABLE: Final = (Condition.READY, Condition.FULL, Condition.READ_ONLY)

Samples = Callable[[Shelf, Kept], Awaitable[str]]
"""The MD5 of a kept file's samples."""


@dataclass
class Comparison:
    """One run's look at everything."""

    ledger: Ledger
    jobs: WorkEngine
    lookout: Lookout
    mirror: Mirror
    clock: Clock
    inventory: Inventory
    context: JobContext
    samples: Samples | None = None
    found: Tally = field(default_factory=Tally)
    busy: set[str] = field(default_factory=set)
    """Tracks that are worked on: what is seen of them is half-done."""
    ready: set[str] = field(default_factory=set)
    roots: dict[str, str] = field(default_factory=dict)
    """Where each volume is, or would be, by target."""
    decoded: int = 0

    async def files(self) -> None:
        """Everything but rows that are no track's."""
        self.busy = {job.key for job in await self.jobs.list(JobFilter(states=ACTIVE, limit=MOST))}
        await self._list_volumes()
        await self._reach_catalogs()
        ids = await self.ledger.search_ids("")
        for number, some in enumerate(batches(ids)):
            self.context.progress(number * len(some) / max(1, len(ids)), f"of {len(ids)} tracks", step="compare")
            await self._tracks(await self.ledger.entries(some))
        await self._lost()
        await self._nobodys()
        for target, count in (await self.inventory.strays()).items():
            self.found.note(proposals.stray(target, count))
        for target, gone in sorted(self.found.gone.items()):
            if sharp(gone, self.found.known[target]):
                self.found.note(shrunk(target, gone, self.found.known[target]))

    # What can be looked at

    async def _list_volumes(self) -> None:
        for target, shelf in self.lookout.shelves.items():
            state = await shelf.state()
            if state.ready:
                self.ready.add(target)
            if shelf.hands_over:  # what was delivered there is another program's
                continue
            if shelf.lists and state.path:
                self.roots[target] = state.path
            if not state.marker or state.condition not in READABLE:
                self.found.away[target] = state.why or f"It is {state.condition}"
            elif shelf.lists:
                await self._list(target, shelf)

    async def _list(self, target: str, shelf: Shelf) -> None:
        self.context.progress(None, target, step="list")
        try:
            await shelf.listing(partial(self.inventory.take, target))
        except Degraded as error:
            await self.inventory.forget(target)
            self._is_away(target, error)

    async def _reach_catalogs(self) -> None:
        for target, catalog in self.lookout.catalogs.items():
            try:
                await catalog.freshen()
                self.ready.add(target)
            except MusicsyncError as error:
                self._is_away(target, error)

    def _is_away(self, target: str, error: MusicsyncError) -> None:
        self.found.away[target] = str(error)
        self.ready.discard(target)
        logger.warning("left out of the comparison", target=target, why=str(error))

    # Track by track

    async def _tracks(self, entries: Sequence[Entry]) -> None:
        self.found.checked["tracks"] += len(entries)
        outputs = [
            (one.size, one.format, one.sha256, entry.id, one.proof)
            for entry in entries
            for one in entry.files
            if one.role == "output" and not entry.duplicate_of
        ]
        await self.inventory.made(outputs)
        lying = await self._lying(entries)
        for entry in entries:
            sound = True
            for one in entry.evidence:
                if self.lookout.keeps(one.target) and one.target not in self.found.away:
                    sound = await self._file(entry, one, lying.get((one.target, str(one.detail["path"])))) and sound
            await self._rows(entry)
            if entry.id not in self.busy:
                await self._track(entry, sound)

    async def _lying(self, entries: Sequence[Entry]) -> dict[tuple[str, str], Found]:
        """The files where the ledger says they are; from now on nobody else's."""
        found: dict[tuple[str, str], Found] = {}
        for target, shelf in self.lookout.shelves.items():
            paths = {
                str(one.detail["path"]): entry.id for entry in entries for one in entry.evidence if one.target == target
            }
            if shelf.lists and not shelf.hands_over and paths and target not in self.found.away:
                there = await self.inventory.at(target, paths)
                found |= {(target, path): one for path, one in there.items()}
                await self.inventory.claim(target, [(one.path, paths[path]) for path, one in there.items()])
        return found

    async def _file(self, entry: Entry, one: Evidence, lying: Found | None) -> bool:
        """Whether a file stands as it was read back; where it does not, that is noted."""
        kept, shelf = Kept.from_dict(one.detail), self.lookout.shelves[one.target]
        self.found.known[one.target] += 1
        self.found.checked["files"] += 1
        if lying and (lying.size, lying.mtime_ns) == (kept.size, kept.mtime_ns):
            return True
        if entry.id in self.busy:
            return True
        try:
            if await shelf.look(kept):
                return True
            changed = await shelf.found(kept) is not None
        except Degraded as error:
            self._is_away(one.target, error)
            return True
        if changed:
            self.found.note(proposals.changed(entry, one, kept))
            return False
        output = entry.output(one.part)
        await self.inventory.miss(
            Gone(
                number=0, target=one.target, track=entry.id, label=entry.track.label, part=one.part, proof=one.proof,
                kept=kept, pcm_md5=output.pcm_md5 if output else "",
            )
        )  # fmt: skip
        return False

    async def _rows(self, entry: Entry) -> None:
        """Whose each row is."""
        for one in entry.evidence:
            if one.target in self.lookout.catalogs:
                await self.inventory.own(one.target, [(str(one.detail["id"]), entry.id)])

    async def _track(self, entry: Entry, sound: bool) -> None:
        if entry.aside or entry.duplicate_of:
            return  # left alone, or left out: for a copy's files there is a plan of its own
        if entry.failure:
            await self._failed(entry)
        elif entry.parked:
            self._parked(entry)
        elif entry.settled_at and sound:
            await self._standing(entry)

    def _work(self, kind: Kind, entry: Entry, what: str, believed: str, found: str) -> None:
        self.found.note(proposals.work(kind, entry, what, believed, found))

    async def _failed(self, entry: Entry) -> None:
        since = datetime.fromisoformat(entry.updated_at)
        there = await self._source_is_there(entry)
        why = passed(entry.failure or {}, since, self.clock.now(), ready=self.ready, there=there)
        if why:
            self._work(Kind.FAILED, entry, "It failed, and the cause is gone", proposals.reason_of(entry.failure), why)

    async def _source_is_there(self, entry: Entry) -> bool:
        url = entry.track.source_url
        if not url.startswith("file:"):
            return False
        return await is_readable(url)

    def _parked(self, entry: Entry) -> None:
        back = [one for one in entry.parked if one.target in self.ready]
        if back:
            names = ", ".join(one.target for one in back)
            believed = proposals.reason_of(back[0].reason)
            self._work(Kind.PARKED, entry, f"It waits for {names}", believed, f"{names} can be written")

    async def _standing(self, entry: Entry) -> None:
        """A settled track stands where it should, and its rows say so."""
        targets = [
            one for one in self.lookout.targets(entry) if one.name in self.ready and one.name in self.lookout.shelves
        ]
        if lacks := lacking(targets, entry.evidence):
            names = ", ".join(f"{lack.target} ({', '.join(lack.parts)})" for lack in lacks)
            what = "It does not stand where it should"
            self._work(Kind.LACKING, entry, what, "It stood everywhere", f"missing: {names}")
            return
        for target in self.lookout.catalogs:
            if target in self.ready:
                await self._row(entry, target)

    async def _row(self, entry: Entry, target: str) -> None:
        page = next((str(one.detail["id"]) for one in entry.evidence if one.target == target), "")
        row = None
        if page:
            self.found.known[target] += 1
            self.found.checked["rows"] += 1
            row = await self._row_at(target, page)
        if row is None:
            self.found.gone[target] += bool(page)
            what = f"Its row in {target} is gone" if page else f"It has no row in {target}"
            self._work(Kind.ROW_GONE, entry, what, f"row {page}" if page else "it stands", "no such row")
        elif differ := self.lookout.row_lacks(target, entry, row):
            what = f"Its row in {target} differs in {', '.join(differ)}"
            self._work(Kind.ROW_DIFFERS, entry, what, "as the track is", f"row {row.id} says otherwise")

    async def _row_at(self, target: str, page: str) -> Row | None:
        """The row as its book was last read; nobody is asked for a single one."""
        catalog = self.lookout.catalogs[target]
        if catalog.mirrored and await self.mirror.row(catalog.name, page) is None:
            return None
        return await catalog.read(page)

    # What is missing, and what is nobody's

    async def _lost(self) -> None:
        """Each lost file is looked for on its volume by its content."""
        last = 0
        while some := await self.inventory.gone(last):
            for one in some:
                now = await self._found_again(one) if one.target not in self.found.away else None
                if one.target in self.found.away:
                    continue
                if now:
                    self.found.note(proposals.moved(one, now))
                else:
                    self.found.gone[one.target] += 1
                    self.found.note(proposals.gone(one))
            last = some[-1].number

    async def _found_again(self, one: Gone) -> Kept | None:
        shelf = self.lookout.shelves[one.target]
        if not shelf.lists:
            return None
        same = await self.inventory.free(one.target, size=one.kept.size)
        by_path = {other.path: other for other in same}
        for path in nearest(one.kept.path, one.kept.size, ((other.path, other.size) for other in same)):
            now = await self._read(shelf, by_path[path], one.part)
            if now and now.sha256 == one.kept.sha256:
                return await self._claimed(one, now)
        return await self._heard_again(shelf, one)

    async def _heard_again(self, shelf: Shelf, one: Gone) -> Kept | None:
        """The same samples, in a file that was moved and then tagged by another program."""
        if not one.pcm_md5 or self.samples is None:
            return None
        near = await self.inventory.free_near(one.target, one.kept.path, one.kept.size, RETAGGED, 50)
        by_path = {other.path: other for other in near}
        ranked = nearest(one.kept.path, one.kept.size, ((other.path, other.size) for other in near))
        for path in ranked[:CANDIDATES]:
            other = by_path[path]
            heard = other.pcm_md5 if other.pcm_md5 is not None else await self._samples(shelf, other, one.part)
            if heard == one.pcm_md5 and (now := await self._read(shelf, other, one.part)):
                return await self._claimed(one, now)
        return None

    async def _samples(self, shelf: Shelf, other: Found, part: str) -> str:
        if self.samples is None or self.decoded >= DECODED or not (now := await self._read(shelf, other, part)):
            return ""
        self.decoded += 1
        try:
            heard = await self.samples(shelf, now)
        except MusicsyncError:  # it is no whole audio
            heard = ""
        await self.inventory.heard(other, pcm_md5=heard)
        return heard

    async def _claimed(self, one: Gone, now: Kept) -> Kept:
        await self.inventory.claim(one.target, [(now.path, one.track)])
        return now

    async def _read(self, shelf: Shelf, one: Found, format_name: str) -> Kept | None:
        """A file with its hash; None when it has gone meanwhile."""
        kept = kept_of(shelf, one, format_name, (await shelf.state()).marker)
        if one.sha256:
            return replace(kept, sha256=one.sha256)
        try:
            now = await shelf.found(kept)
        except Degraded as error:
            self._is_away(shelf.target, error)
            return None
        if now:
            await self.inventory.heard(one, sha256=now.sha256)
        return now

    async def _nobodys(self) -> None:
        """Files that the ledger does not know: a track's by their content, or nobody's."""
        for target, shelf in self.lookout.shelves.items():
            last, listed = "", 0
            if not shelf.lists or shelf.hands_over or target in self.found.away:
                continue
            while some := await self.inventory.nobodys(target, last):
                for one in some:
                    listed += await self._nobodys_file(shelf, one, told=listed < UNKNOWN_LISTED)
                last = some[-1].path

    async def _nobodys_file(self, shelf: Shelf, one: Found, *, told: bool) -> bool:
        """Whether it counts as nobody's."""
        track, difference = await self._whose(shelf, one)
        if difference and track not in self.busy:
            if difference.kind is not Kind.UNKNOWN:
                await self.inventory.claim(shelf.target, [(one.path, track)])
                self.found.note(difference)
                return False
            if told:
                self.found.note(difference)
            else:
                self.found.kinds[Kind.UNKNOWN] += 1
                self.found.counts[Who.TOLD] += 1
                self.found.more += 1
        return True

    async def _whose(self, shelf: Shelf, one: Found) -> tuple[str, Difference | None]:
        """The track whose output it is, by its bytes, and what that means."""
        makes = await self.inventory.may_be(one.size, shelf.formats)
        now = await self._read(shelf, one, makes[0][0]) if makes else None
        for format_name, sha256, track, proof in makes:
            if now is None or now.sha256 != sha256:
                continue
            entry = await self.ledger.entry(track)
            if any((known.target, known.part) == (shelf.target, format_name) for known in entry.evidence):
                return track, proposals.unknown(shelf, one, f"a second copy of {entry.track.label} ({track})")
            return track, proposals.unrecorded(entry, shelf, replace(now, format=format_name), proof)
        return "", proposals.unknown(shelf, one, "no track of the ledger's")


def kept_of(shelf: Shelf, one: Found, format_name: str, marker: str) -> Kept:
    """A file on a volume whose bytes nobody has read yet."""
    return Kept(shelf=shelf.name, marker=marker, path=one.path, format=format_name, size=one.size,
                mtime_ns=one.mtime_ns, sha256="")  # fmt: skip


async def is_readable(url: str) -> bool:
    """Whether a file:// URL leads to a file that this user may read."""

    def look() -> bool:
        try:
            return os.access(path_of(url), os.R_OK)
        except (MusicsyncError, ValueError):
            return False

    return await to_thread.run_sync(look, abandon_on_cancel=True)
