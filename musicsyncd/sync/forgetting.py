"""Forgetting a track with its files: they go to the recycle areas, its rows to the trash; `undo` brings them back."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from musicsyncd.crashpoints import CrashPoint, crash_point
from musicsyncd.errors import MusicsyncError, Permanent
from musicsyncd.jobs.base import JobContext
from musicsyncd.ledger.entry import Aside, Entry
from musicsyncd.ledger.journal import Change
from musicsyncd.ledger.ledger import Ledger
from musicsyncd.ledger.standing import Evidence
from musicsyncd.library.base import Kept
from musicsyncd.sync.look import Lookout
from musicsyncd.sync.merging import LEDGER, MERGE, RECYCLED, RETIRED

FORGET: Final = "forget"
FORGOTTEN: Final = "forgotten"


@dataclass(frozen=True, kw_only=True)
class Forgetter:
    """The handler of the jobs that put a forgotten track's files and rows away."""

    ledger: Ledger
    lookout: Lookout

    async def forget(self, context: JobContext, args: Mapping[str, Any]) -> dict[str, Any]:
        """Handle a `forget` job. `aside` is what a person had said of the track before. What cannot be moved now stays,
        with its reason, and the job ends partial.
        """
        async with context.capacity(MERGE):  # a copy that is planned to stay must not go meanwhile
            entry = await self.ledger.entry(str(args["track"]))
            await self._said(entry, args.get("aside"), context)
            left = [told for one in entry.evidence if (told := await self._put_away(entry, one, context))]
        done = await self.ledger.journal(context.job.id)
        return _result(entry, [one for one in done if one["what"] in (RECYCLED, RETIRED)], left)

    async def _said(self, entry: Entry, earlier: Any, context: JobContext) -> None:
        """Once, whatever try this is; unless a person took it back since he asked."""
        if entry.aside is not Aside.FORGOTTEN:
            raise Permanent(f"{entry.track.label} is wanted again", why="Somebody said so since")
        if not any(one["what"] == FORGOTTEN for one in await self.ledger.journal(context.job.id, entry.id)):
            change = Change(
                operation=context.job.id,
                target=LEDGER,
                what=FORGOTTEN,
                before={"aside": earlier},
                after={"aside": FORGOTTEN},
            )
            await self.ledger.set_aside(entry.id, Aside.FORGOTTEN, change)

    async def _put_away(self, entry: Entry, one: Evidence, context: JobContext) -> dict[str, Any] | None:
        """Move what this evidence speaks of; why it stays when it does."""
        try:
            if self.lookout.keeps(one.target):
                await self._recycle(entry, one, context)
            elif one.target in self.lookout.catalogs:
                await self._retire(entry, one, context)
        except MusicsyncError as error:
            path = str(one.detail.get("path", ""))
            return {"track": entry.id, "target": one.target, "path": path, "error": error.as_dict()}
        return None

    async def _recycle(self, entry: Entry, one: Evidence, context: JobContext) -> None:
        kept = Kept.from_dict(one.detail)
        context.progress(None, kept.path, step="recycle")
        async with context.capacity(one.target):
            recycled = await self.lookout.shelves[one.target].retire(kept)
        crash_point(CrashPoint.FILE_RETIRED)
        if recycled is None:
            raise Permanent(f"{kept.path} was changed or taken away by somebody", why="It is left as it is")
        after = {"recycled": recycled, "proof": one.proof}
        change = Change(operation=context.job.id, target=one.target, what=RECYCLED, before=kept.as_dict(), after=after)
        await self.ledger.drop_evidence(entry.id, [(one.target, one.part)], change)
        crash_point(CrashPoint.RETIREMENT_RECORDED)

    async def _retire(self, entry: Entry, one: Evidence, context: JobContext) -> None:
        row = await self.lookout.catalogs[one.target].retire(str(one.detail["id"]))
        crash_point(CrashPoint.ROW_RETIRED)
        before = {"part": one.part, "proof": one.proof, "detail": one.detail} | ({"fields": row.fields} if row else {})
        change = Change(operation=context.job.id, target=one.target, what=RETIRED, before=before, after={})
        await self.ledger.drop_evidence(entry.id, [(one.target, one.part)], change)


def _result(entry: Entry, moved: list[dict[str, Any]], left: list[dict[str, Any]]) -> dict[str, Any]:
    files = [one["before"] | {"recycled": one["after"]["recycled"]} for one in moved if one["what"] == RECYCLED]
    told = f"{'1 file' if len(files) == 1 else f'{len(files)} files'} moved to the recycle areas"
    told += f", {len(left)} left" if left else ""
    result: dict[str, Any] = {"track": entry.id, "label": entry.track.label, "moved": files, "left": left}
    result["summary"] = told
    return result | ({"partial": sorted({one["target"] for one in left})} if left else {})
