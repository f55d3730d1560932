"""What a track lacks now: its targets, held against what is really there."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from enum import Enum, auto

from musicsyncd.catalog.base import Catalog, Row, digest
from musicsyncd.errors import Degraded, MusicsyncError
from musicsyncd.ledger.entry import Entry
from musicsyncd.ledger.ledger import Ledger
from musicsyncd.ledger.standing import Evidence, Lack, Target, lacking
from musicsyncd.library.base import Kept, Shelf
from musicsyncd.music.precedence import Precedence
from musicsyncd.pipeline.publish import ROW, SPOKEN, persons_word, row_fields

SameSound = Callable[[Shelf, Kept, str], Awaitable[bool]]
"""Whether a file on a shelf decodes to the samples with this MD5."""


class Stands(Enum):
    """What became of one piece of evidence."""

    YES = auto()
    OTHERWISE = auto()
    """It is there, and says something else."""
    GONE = auto()


@dataclass(frozen=True, kw_only=True)
class Seen:
    """One track as it stands at this moment."""

    entry: Entry
    lacks: tuple[Lack, ...]
    copies: Mapping[str, Kept]
    """A verified copy of each format that stands on a shelf that can be read now, the newest tags first."""
    away: Mapping[str, Degraded]
    """Targets that cannot be reached, each with its reason."""
    gone: tuple[tuple[str, str], ...] = ()
    """Evidence that was looked for and is not true any more, as (target, part)."""
    edited: tuple[Evidence, ...] = ()
    """Evidence as it is now for files whose tags another program has changed: they stand, and are the owner's."""
    present: tuple[Evidence, ...] = ()
    """Files that were seen to stand, whichever tags they bear."""

    @property
    def older(self) -> dict[str, tuple[str, ...]]:
        """Formats that stand with earlier tags, by target."""
        found: dict[str, tuple[str, ...]] = {}
        for one in self.present:
            output = self.entry.output(one.part)
            if output and output.older(one.proof):
                found[one.target] = (*found.get(one.target, ()), one.part)
        return found


@dataclass(frozen=True)
class Lookout:
    """Looks at targets; reads only."""

    shelves: Mapping[str, Shelf]
    catalogs: Mapping[str, Catalog]
    ledger: Ledger
    same_sound: SameSound | None = None
    """Tells a file whose tags somebody edited from one that was replaced; without it both count as gone."""
    precedence: Precedence = field(default_factory=Precedence)

    def targets(self, entry: Entry) -> list[Target]:
        """Where this track should stand, and with what."""
        volumes = [Target(name=name, parts=_wanted(entry, shelf)) for name, shelf in self.shelves.items()]
        row = digest(row_fields(entry, self.precedence, self.shelves))
        return [*volumes, *(Target(name=name, parts={ROW: row}) for name in self.catalogs)]

    async def look(self, entry: Entry) -> Seen:
        """Re-read every target that can be reached; evidence for one that cannot is believed until it is back."""
        away: dict[str, Degraded] = {}
        gone: list[Evidence] = []
        copies: dict[str, Kept] = {}
        holding: list[Evidence] = []
        edited: list[Evidence] = []
        present: list[Evidence] = []
        # Files before rows: a row must not speak of a file that has just been found gone.
        for one in sorted(entry.evidence, key=lambda one: one.target in self.catalogs):
            try:
                stands = await self._stands(one, _without(entry, gone))
            except Degraded as error:
                away[one.target] = error
                holding.append(one)
                continue
            if stands is Stands.GONE and (changed := await self._edited(one, entry)):
                edited.append(changed)
                one, stands = changed, Stands.YES
            if stands is Stands.GONE:
                gone.append(one)
            elif stands is Stands.YES:
                holding.append(one)
                if self.keeps(one.target):
                    present.append(one)
        for one in sorted(present, key=lambda one: not _current(entry, one)):
            # What was linked stands for our output and is not it, byte for byte: no other shelf gets it.
            own = not self.shelves[one.target].reads_later or one.detail["sha256"] == one.proof
            if own and (_current(entry, one) or _older(entry, one)):
                copies.setdefault(one.part, Kept.from_dict(one.detail))
        lacks = lacking(self.targets(_without(entry, gone)), holding)
        away |= await self.away([lack.target for lack in lacks if lack.target not in away])
        pairs = tuple((one.target, one.part) for one in gone)
        return Seen(
            entry=entry,
            lacks=lacks,
            copies=copies,
            away=away,
            gone=pairs,
            edited=tuple(edited),
            present=tuple(present),
        )

    async def holds(self, entry: Entry) -> bool:
        """Whether a file of the track was seen to stand just now, or stood on a volume that is away."""
        gone = (await self.look(entry)).gone
        return any(self.keeps(one.target) and (one.target, one.part) not in gone for one in entry.evidence)

    def keeps(self, target: str) -> bool:
        """Whether files stay there: what another program takes away is no copy to count on."""
        return target in self.shelves and not self.shelves[target].hands_over

    async def _edited(self, one: Evidence, entry: Entry) -> Evidence | None:
        """The evidence renewed, when the file of that name still holds the very samples that were kept."""
        shelf, output = self.shelves.get(one.target), entry.output(one.part)
        if shelf is None or output is None or not output.pcm_md5 or self.same_sound is None:
            return None
        try:
            now = await shelf.found(Kept.from_dict(one.detail))
            alike = now is not None and await self.same_sound(shelf, now, output.pcm_md5)
        except MusicsyncError:  # it cannot be read or holds no whole audio: whatever it is, it is not what was kept
            return None
        return replace(one, detail=now.as_dict()) if now is not None and alike else None

    async def _stands(self, one: Evidence, entry: Entry) -> Stands:
        if shelf := self.shelves.get(one.target):
            if shelf.hands_over:
                return Stands.YES  # it was delivered, and that stays true wherever the file is by now
            return Stands.YES if await shelf.look(Kept.from_dict(one.detail)) else Stands.GONE
        if catalog := self.catalogs.get(one.target):
            row = await catalog.read(str(one.detail["id"]))
            if row is None:
                return Stands.GONE
            fields = row_fields(entry, self.precedence, self.shelves)
            return Stands.OTHERWISE if catalog.lacks(fields, row) or _speaks(row, entry) else Stands.YES
        return Stands.YES  # a target that is not set up any more: nothing is wanted of it

    def row_lacks(self, target: str, entry: Entry, row: Row) -> tuple[str, ...]:
        """The fields in which a track's row says otherwise than the track is."""
        return self.catalogs[target].lacks(row_fields(entry, self.precedence, self.shelves), row)

    async def away(self, targets: Sequence[str]) -> dict[str, Degraded]:
        """Those of these volumes that cannot be written now, each with its reason."""
        found = {}
        for target in targets:
            if shelf := self.shelves.get(target):
                state = await shelf.state()
                if not state.ready:
                    found[target] = Degraded(
                        f"{target} is {state.condition}", target=target, why=state.why, fix=state.fix
                    )
        return found


def _speaks(row: Row, entry: Entry) -> bool:
    """Whether a person's word stands in the row that was not heard yet."""
    values = {name: row.fields.get(name) for name in row.edited.intersection(SPOKEN)}
    return persons_word(entry, values) is not None


def _without(entry: Entry, gone: Sequence[Evidence]) -> Entry:
    return replace(entry, evidence=tuple(one for one in entry.evidence if one not in gone)) if gone else entry


def _wanted(entry: Entry, shelf: Shelf) -> dict[str, str]:
    """The formats that shall stand on a shelf, each in its newest version; delivered once is enough where they do not
    stay.
    """
    if shelf.hands_over:
        return dict.fromkeys(shelf.formats, "")
    outputs = {name: entry.output(name) for name in shelf.formats}
    return {name: output.proof if output else "" for name, output in outputs.items()}


def _current(entry: Entry, one: Evidence) -> bool:
    """Whether a kept file is the newest version of its output."""
    output = entry.output(one.part)
    return output is not None and output.proof == one.proof


def _older(entry: Entry, one: Evidence) -> bool:
    """Whether it is an earlier version, which is brought in step where it stands before it is copied."""
    output = entry.output(one.part)
    return output is not None and output.older(one.proof)
