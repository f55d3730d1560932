"""The rows of a mirrored book, held against the volumes: what cannot be meant, what is not there, what nobody has taken
in. Nobody is asked for a row.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from pathlib import PurePosixPath
from typing import Any, Final

from musicsyncd.catalog.base import Catalog
from musicsyncd.ledger.mirror import Intent, MirrorRow
from musicsyncd.music.identity import Identity
from musicsyncd.music.row import track_of
from musicsyncd.sources.rows import SOURCE
from musicsyncd.sync.comparing import Comparison
from musicsyncd.sync.differences import (
    LISTED,
    Difference,
    Kind,
    Repair,
    Verb,
    Who,
    claims_files,
    named_paths,
    poison,
    repairs_of,
    unfounded,
)
from musicsyncd.sync.inventory import Found

UNANSWERED: Final = timedelta(hours=1)
"""After so long nobody is about to answer any more."""
FIELDS: Final = ("downloaded", "path_m4a", "path_wav", "path_aiff", "path_flac", "path_mp3", "youtube_url",
                 "spotify_id", "spotify_url", "soundcloud_url", "source_url", "isrc", "eagle_id")  # fmt: skip


@dataclass(frozen=True)
class RowComparison:
    """One run's look at a mirrored book, after its files were looked at."""

    run: Comparison
    catalog: Catalog

    async def rows(self) -> None:
        """Every row, then what concerns several."""
        run, name = self.run, self.catalog.name
        if self.catalog.target in run.found.away:
            return
        if note := (await run.mirror.state(name)).note:
            run.found.note(_noted(self.catalog.target, note))
        called = {field: self.catalog.called(field) for field in FIELDS}
        async for batch in run.mirror.pages(name):
            run.found.checked["rows"] += len(batch)
            await self._batch(batch, called)
        for key, pages in (await run.mirror.doubled(name, limit=LISTED)).items():
            run.found.note(_doubled(self.catalog.target, key, pages))
        for intent in await run.mirror.intents(name):
            await self._intent(intent)

    async def _batch(self, batch: Sequence[MirrorRow], called: Mapping[str, str]) -> None:
        pages = [row.page for row in batch]
        owners = await self.run.inventory.owners(self.catalog.target, pages)
        bases = await self.run.mirror.bases(self.catalog.name, pages)
        places = await self._places(batch)
        for row in batch:
            await self._row(row, owners.get(row.page), bases.get(row.page, {}), places[row.page], called)

    async def _row(
        self,
        row: MirrorRow,
        owner: str | None,
        base: Mapping[str, Any],
        places: Mapping[str, Found | bool | None],
        called: Mapping[str, str],
    ) -> None:
        """A row that is a track's is brought in step with it: only what we never wrote there is to be repaired."""
        label = _label(row)
        repairs = [one for one in poison(row.fields) if owner is None or one.field not in base]
        if repairs:
            told = repairs_of(row.page, label, self.catalog.name, Kind.POISONED, repairs, Who.PERSON, called)
            self.run.found.note(told)
        if owner is not None:
            return
        standing = {name: None if there is None else bool(there) for name, there in places.items()}
        if claims := _left(unfounded(row.fields, standing), repairs):
            who = Who.SAFE if "downloaded" in base else Who.PERSON
            told = repairs_of(row.page, label, self.catalog.name, Kind.UNFOUNDED, claims, who, called)
            self.run.found.note(told)
        elif there := next((one for one in places.values() if isinstance(one, Found) and one.track is None), None):
            await self._present(row, there)

    async def _present(self, row: MirrorRow, there: Found) -> None:
        """A file of nobody's, where a row says that its track's is."""
        if row.fields.get("sync_enabled") is False:
            return
        page = Identity(self.catalog.name, row.page)
        known = await self.run.ledger.id_by_identity((page, *row.identities))
        if known:
            entry = await self.run.ledger.entry(known)
            if entry.files or entry.evidence or entry.duplicate_of or known in self.run.busy:
                return
        asked = track_of(page, row.fields, elsewhere=SOURCE)
        self.run.found.note(_taken_in(self.catalog.name, row, asked.label or there.path, there, known))

    async def _places(self, batch: Sequence[MirrorRow]) -> dict[str, dict[str, Found | bool | None]]:
        """What stands at each path that each row names: a file, False for none, None where nobody can look."""
        asked: dict[str, dict[str, list[tuple[str, str]]]] = {}
        found: dict[str, dict[str, Found | bool | None]] = {row.page: {} for row in batch}
        for row in batch:
            for name, text in named_paths(row.fields).items():
                target, path = self._placed(text)
                found[row.page][name] = None
                if target and target not in self.run.found.away:
                    asked.setdefault(target, {}).setdefault(path, []).append((row.page, name))
        for target, paths in asked.items():
            there = await self.run.inventory.at(target, paths)
            for path, rows in paths.items():
                for page, name in rows:
                    found[page][name] = there.get(path, False)
        return found

    def _placed(self, text: str) -> tuple[str, str]:
        """The volume that the path lies on, and the path below its root; empty when it lies on none."""
        path = PurePosixPath(text)
        for target, root in self.run.roots.items():
            if path.is_relative_to(root):
                return target, str(path.relative_to(root))
        return "", ""

    async def _intent(self, intent: Intent) -> None:
        run = self.run
        if intent.track in run.busy or run.clock.now() - datetime.fromisoformat(intent.begun) < UNANSWERED:
            return
        rows = await run.mirror.by_key(self.catalog.name, intent.key)
        run.found.note(_unanswered(self.catalog, intent, rows, await self._wants(intent.track)))

    async def _wants(self, track: str) -> bool:
        try:
            entry = await self.run.ledger.entry(track)
        except LookupError:
            return False
        return not entry.duplicate_of and not entry.failure


def _left(claims: Sequence[Repair], others: Sequence[Repair]) -> list[Repair]:
    """What another repair of the row does not do already."""
    done = {one.field for one in others}
    return [one for one in claims if one.field not in done]


def _label(row: MirrorRow) -> str:
    artists, title = row.fields.get("artists"), row.fields.get("title")
    shown = ", ".join(artists) if isinstance(artists, list) else artists
    return " - ".join(str(part) for part in (shown, title) if part) or row.page


def _taken_in(catalog: str, row: MirrorRow, label: str, there: Found, known: str | None) -> Difference:
    stated = "downloaded" if claims_files(row.fields) else "not downloaded"
    return Difference(
        kind=Kind.PRESENT, subject=row.page, label=label,
        what="Its row names a file that is there, and no track has it",
        believed=f"{'track ' + known if known else 'no track'}; the row says {stated}",
        found=f"{there.target.partition(':')[2]}:{there.path}, {there.size} bytes", verb=Verb.TAKE_IN,
        proposal="Take this very file in: its audio becomes the track's, nothing is downloaded, the file stays",
        who=Who.PERSON,
        detail={"catalog": catalog, "page": row.page, "track": known, "target": there.target, "path": there.path,
                "size": there.size, "mtime_ns": there.mtime_ns},
    )  # fmt: skip


def _doubled(target: str, key: str, pages: Sequence[str]) -> Difference:
    return Difference(
        kind=Kind.DOUBLED, subject=pages[0], label=key, what=f"{len(pages)} rows in {target} bear one external key",
        believed="a key is one row's", found=", ".join(pages[:10]), who=Who.PERSON,
        proposal="Look at them, and put all but one into the trash", detail={"key": key, "pages": [*pages[:10]]},
    )  # fmt: skip


def _noted(target: str, note: str) -> Difference:
    return Difference(
        kind=Kind.SHRUNK, subject=target, label=target, what=note, believed="the rows as they were last read",
        found="fewer are listed", proposal="Look whether rows were moved or trashed by mistake", who=Who.PERSON,
    )  # fmt: skip


def _unanswered(catalog: Catalog, intent: Intent, rows: Sequence[MirrorRow], wants: bool) -> Difference:
    found = f"row {rows[0].page} bears its key" if rows else "no row bears its key"
    told = Difference(
        kind=Kind.UNANSWERED, subject=intent.track, label=intent.key,
        what=f"The creation of its row in {catalog.target} was sent and never answered",
        believed=f"sent at {intent.begun}, {intent.tries} times", found=found,
        detail={"track": intent.track, "catalog": catalog.name, "key": intent.key},
    )  # fmt: skip
    if wants:
        return replace(told, verb=Verb.SYNC, who=Who.SAFE, proposal="Look for the row, and create it if there is none")
    if rows:
        return replace(told, who=Who.PERSON, proposal="Look at the row: nothing is wanted of its track any more")
    return replace(told, verb=Verb.CLEAR, who=Who.SAFE, proposal="Forget it: nothing is wanted of the track any more")
