"""Taking back what an operation moved away: every file comes back byte for byte, or says why it cannot."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any, Final

from musicsyncd.crashpoints import CrashPoint, crash_point
from musicsyncd.errors import BadInput, Degraded, MusicsyncError, Permanent
from musicsyncd.jobs.base import JobContext, WorkEngine
from musicsyncd.ledger.entry import Aside
from musicsyncd.ledger.journal import Change
from musicsyncd.ledger.ledger import Ledger
from musicsyncd.ledger.standing import Evidence
from musicsyncd.library.base import Kept, Shelf
from musicsyncd.sync.forgetting import FORGOTTEN
from musicsyncd.sync.look import Lookout
from musicsyncd.sync.mending import MENDED
from musicsyncd.sync.merging import MERGE, MERGED, RECYCLED, RETIRED, is_worked_on
from musicsyncd.sync.rows_merging import AMENDED, PUT_AWAY
from musicsyncd.sync.rows_undoing import RowsBack

UNDO: Final = "undo"
RESTORED: Final = "restored"
REPLACED: Final = "replaced"
ROWS: Final = (PUT_AWAY, AMENDED)
UNDOABLE: Final = (REPLACED, RECYCLED, RETIRED, MENDED, MERGED, FORGOTTEN, *ROWS)
"""Kinds of change that can be taken back, in the order in which that is done: a track is wanted for itself again only
when its files stand, or a sync would fetch it anew meanwhile."""
NOTHING: Final = "nothing was left to take back"
_AS_CHANGE: Final = "undoes"

Journalled = Mapping[str, Any]
"""One entry of the journal, as `Ledger.journal` gives it."""


@dataclass(frozen=True, kw_only=True)
class Undoer:
    """The handler of the jobs that take an operation back."""

    ledger: Ledger
    jobs: WorkEngine
    lookout: Lookout

    async def undo(self, context: JobContext, args: Mapping[str, Any]) -> dict[str, Any]:
        """Handle an `undo` job. What cannot be taken back now is left with its reason, and the job ends partial."""
        async with context.capacity(MERGE):
            return await self._undo(str(args["operation"]), context)

    async def _undo(self, operation: str, context: JobContext) -> dict[str, Any]:
        changes, left = await open_changes(self.ledger, operation), list[dict[str, Any]]()
        for one in changes:
            others = any(other["track"] == one["track"] is not None for other in left)
            if others and one["what"] in (MERGED, FORGOTTEN):
                continue  # it would be fetched anew while its files cannot come back
            try:
                await self._take_back(one, context)
            except (Degraded, Permanent) as error:
                left.append(_left(one, error))
        done = [one for one in await self.ledger.journal(context.job.id) if one["what"] == RESTORED]
        files = [one["after"] for one in done if not one["target"].startswith("catalog:") and "path" in one["after"]]
        back = sum(bool(one["after"].get("label")) for one in done)
        return _result(operation, files, left, rows=back, said=sum("fields" in one["after"] for one in done))

    async def _take_back(self, one: Journalled, context: JobContext) -> None:
        if one["what"] in ROWS:
            await self._row_back(one, context)
            return
        if one["track"] and await is_worked_on(self.jobs, one["track"]):
            label = (await self.ledger.entry(one["track"])).track.label
            raise Permanent(f"{label} is being worked on", fix="Undo again when that has ended")
        match one["what"]:
            case "replaced":
                await self._swap(one, context)
            case "recycled":
                await self._restore(one, context)
            case "retired":
                await self._revive(one, context)
            case "mended":
                await self._unmend(one, context)
            case "forgotten":
                aside = one["before"]["aside"]
                change = _change(one, context, before=one["after"], after={"aside": aside})
                await self.ledger.set_aside(one["track"], Aside(aside) if aside else None, change)
            case _:
                before = {"duplicate_of": one["after"]["duplicate_of"]}
                change = _change(one, context, before=before, after={"duplicate_of": None})
                await self.ledger.unmark_duplicate(one["track"], change)
                crash_point(CrashPoint.MERGE_UNDONE)

    async def _row_back(self, one: Journalled, context: JobContext) -> None:
        catalog = self.lookout.catalogs.get(one["target"])
        if catalog is None:
            raise Permanent(f"{one['target']} is not set up any more")
        page = one["before"]["page"]
        told = {"page": page, "label": (one["before"]["label"] or page) if one["what"] == PUT_AWAY else ""}
        change = _change(one, context, before={}, after=told)
        await RowsBack(ledger=self.ledger, catalog=catalog).take_back(one, change)

    async def _restore(self, one: Journalled, context: JobContext) -> None:
        """The file lies in the recycle area, and its name is free."""
        kept, now = Kept.from_dict(one["before"]), await self._kept_now(one, one["before"]["format"])
        if now and (now.path, now.sha256) != (kept.path, kept.sha256):
            raise _anew(now, one["after"]["recycled"])
        async with self._at(one, kept, context) as shelf:
            back = await shelf.restore(kept, one["after"]["recycled"])
        crash_point(CrashPoint.FILE_RESTORED)
        lay = {"recycled": one["after"]["recycled"]}
        await self._stands(one, back, one["after"]["proof"], lay, context)

    async def _swap(self, one: Journalled, context: JobContext) -> None:
        """A newer version took the file's place: it goes to the recycle area itself."""
        before = dict(one["before"])
        recycled, proof, newer = before.pop("recycled"), before.pop("proof", ""), Kept.from_dict(one["after"])
        kept, now = Kept.from_dict(before), await self._kept_now(one, before["format"])
        if now and now.path not in (kept.path, newer.path):
            raise _anew(now, recycled)
        async with self._at(one, kept, context) as shelf:
            moved = await _made_way(shelf, newer, kept, recycled)
            crash_point(CrashPoint.FILE_RETIRED)
            back = await shelf.restore(kept, recycled)
        crash_point(CrashPoint.FILE_RESTORED)
        if output := (await self.ledger.entry(one["track"])).output(kept.format):
            await self.ledger.record_files(one["track"], [output.turned_back(proof or back.sha256)])
        lay = {"recycled": recycled, "newer": newer.as_dict() | {"recycled": moved}}
        await self._stands(one, back, proof or back.sha256, lay, context)

    async def _kept_now(self, one: Journalled, format_name: str) -> Kept | None:
        """The track's file of that format there, as the ledger knows it now: what is restored would make an orphan of
        any other.
        """
        evidence = (await self.ledger.entry(one["track"])).evidence
        found = (now.detail for now in evidence if (now.target, now.part) == (one["target"], format_name))
        return next(map(Kept.from_dict, found), None)

    @asynccontextmanager
    async def _at(self, one: Journalled, kept: Kept, context: JobContext) -> AsyncIterator[Shelf]:
        """The file's shelf, while nobody else writes on it."""
        shelf = self.lookout.shelves.get(one["target"])
        if shelf is None:
            raise Permanent(f"The volume {kept.shelf} is not set up any more", fix="Name it in config.toml again")
        context.progress(None, kept.path, step="restore")
        async with context.capacity(one["target"]):
            yield shelf

    async def _stands(
        self, one: Journalled, back: Kept, proof: str, before: Mapping[str, Any], context: JobContext
    ) -> None:
        evidence = Evidence(target=one["target"], part=back.format, proof=proof, detail=back.as_dict())
        change = _change(one, context, before=before, after=back.as_dict())
        await self.ledger.record_evidence(one["track"], evidence, change)
        crash_point(CrashPoint.RESTORATION_RECORDED)

    async def _revive(self, one: Journalled, context: JobContext) -> None:
        catalog, before = self.lookout.catalogs.get(one["target"]), one["before"]
        if catalog is None:
            raise Permanent(f"{one['target']} is not set up any more")
        row = await catalog.revive(str(before["detail"]["id"]))
        crash_point(CrashPoint.ROW_REVIVED)
        change = _change(one, context, before={}, after={"id": row.id if row else None})
        if row is None:  # emptied from the trash: the next sync makes it anew
            await self.ledger.record_change(one["track"], change)
            return
        evidence = Evidence(target=one["target"], part=before["part"], proof=before["proof"], detail=before["detail"])
        await self.ledger.record_evidence(one["track"], evidence, change)

    async def _unmend(self, one: Journalled, context: JobContext) -> None:
        """The row says again what it said, where nobody wrote something else there since."""
        catalog, page = self.lookout.catalogs.get(one["target"]), str(one["before"]["id"])
        if catalog is None:
            raise Permanent(f"{one['target']} is not set up any more")
        now, old = one["after"]["fields"], one["before"]["fields"]
        changed = {name: (value, old[name]) for name, value in now.items()}
        back = await catalog.amend(page, changed)
        row = await catalog.verify(page)
        if left := [name for name in old if name not in back and (row is None or row.fields.get(name) != old[name])]:
            raise Permanent(f"The row {page} says something else by now in {', '.join(map(catalog.called, left))}")
        change = _change(one, context, before={"id": page, "fields": back}, after={"id": page, "fields": old})
        await self.ledger.record_change(None, change)


async def open_changes(ledger: Ledger, operation: str) -> list[Journalled]:
    """What of an operation can still be taken back, in the order in which it is; BadInput when nothing ever could."""
    made = [one for one in await ledger.journal(operation) if one["what"] in UNDOABLE and _kept_its_past(one)]
    if not made:
        raise BadInput(f"{operation} is no operation that can be undone", fix="See which can: musicsyncctl undo")
    undone = await ledger.undone(operation)
    waiting = [one for one in made if one["sequence"] not in undone]
    return sorted(waiting, key=lambda one: (UNDOABLE.index(one["what"]), -one["sequence"]))


async def _made_way(shelf: Shelf, newer: Kept, kept: Kept, recycled: str) -> str | None:
    """Where the newer version lies now that it has made way; None when it was taken away from there too. Permanent, and
    nothing is moved, when the older one could not take its place.
    """
    there, beside = await shelf.found(kept), await shelf.found(newer)
    stands = there is not None and there.sha256 == kept.sha256
    if stands and (beside is None or beside.sha256 == kept.sha256):
        return await shelf.recycled(newer)  # a try that was cut short got as far, or a person did it
    if not stands:
        if there and there.path != newer.path:
            raise Permanent(f"Another file stands at {kept.path}", fix="Move it away, then undo again")
        if await shelf.recycled(kept) is None:
            raise Permanent(f"{recycled} is not on the volume {kept.shelf} any more")
    return await _retired(shelf, newer, recycled)


async def _retired(shelf: Shelf, newer: Kept, recycled: str) -> str:
    moved = await shelf.retire(newer)
    if moved is None:
        what = f"{newer.path} on the volume {newer.shelf} was changed or taken away since"
        raise Permanent(what, fix=f"The older version lies at {recycled}: copy it from there")
    return moved


def _anew(now: Kept, recycled: str) -> Permanent:
    what = f"It was brought home anew since, as {now.path} on the volume {now.shelf}"
    return Permanent(what, fix=f"The older version lies at {recycled}: copy it from there")


def _kept_its_past(one: Journalled) -> bool:
    """Whether there is something to go back to: a file that somebody had changed is not recycled when replaced."""
    return one["what"] != REPLACED or bool((one["before"] or {}).get("recycled"))


def _change(one: Journalled, context: JobContext, *, before: Mapping[str, Any], after: Mapping[str, Any]) -> Change:
    told = {**after, _AS_CHANGE: {"operation": one["operation"], "sequence": one["sequence"]}}
    return Change(operation=context.job.id, target=one["target"], what=RESTORED, before=before, after=told)


def _left(one: Journalled, error: MusicsyncError) -> dict[str, Any]:
    path = one["before"].get("path", "") if one["before"] else ""
    return {"track": one["track"], "target": one["target"], "path": path, "error": error.as_dict()}


def _result(
    operation: str, files: Sequence[Mapping[str, Any]], left: Sequence[Mapping[str, Any]], *, rows: int, said: int
) -> dict[str, Any]:
    restored = [{key: value for key, value in one.items() if key != _AS_CHANGE} for one in files]
    told = f"{'1 file' if len(files) == 1 else f'{len(files)} files'} brought back" if files or left else NOTHING
    if rows:
        told = f"{'1 row' if rows == 1 else f'{rows} rows'} brought back" + f", {told}" * bool(files)
    if said:
        again = f"{'1 row says' if said == 1 else f'{said} rows say'} again what stood there"
        told = again + f", {told}" * bool(files or rows)
    result: dict[str, Any] = {"operation": operation, "restored": restored, "rows": rows, "left": [*left]}
    result["summary"] = told + (f", {len(left)} left" if left else "")
    return result | ({"partial": sorted({one["target"] for one in left})} if left else {})
