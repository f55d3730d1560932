"""What a book shows that nobody believes before a person has said that it is meant so."""

from __future__ import annotations

from dataclasses import replace
from typing import Final

import structlog

from musicsyncd.errors import BadInput, NeedsPerson
from musicsyncd.ledger.mirror import Mirror, MirrorState

logger = structlog.get_logger()
OTHER: Final = "Another database than before"
"""How the note begins while it is not sure that our rows belong there."""
MEANT: Final = "A person said that it is meant so; the next reading of the whole book believes it"
ACCEPT: Final = "musicsyncctl catalog accept"
PUBLISHED: Final = 50
"""Rows that we wrote into other databases up to which another one is nothing strange."""
KNOWN: Final = 0.1
"""Share of them of which another database must have rows, to be taken for the same book."""


class Belief:
    """Of one book. What it says is told in `note`, empty when all is well, and outlives the process."""

    def __init__(self, mirror: Mirror, name: str) -> None:
        """`name` is the mirror's for the book."""
        self._mirror, self._name, self.note = mirror, name, ""

    async def another(self, source: str) -> None:
        """It is another database from now on: with many rows elsewhere, none is written before it is read."""
        rows = await self._mirror.published(self._name)
        logger.warning("another database", catalog=self._name, rows_elsewhere=rows)
        await self._mirror.begin_anew(self._name, source)
        if rows > PUBLISHED:
            self.note = f"{OTHER}: {rows} rows of ours are elsewhere"
            await self._mirror.set_state(self._name, MirrorState(source=source, note=self.note))

    async def read(self, state: MirrorState, shrank: str) -> str:
        """The note after a reading of the whole; `state` was before it, `shrank` is told of missing rows."""
        self.note = shrank
        if state.note.startswith(OTHER):
            known, rows = await self._mirror.familiar(self._name), await self._mirror.published(self._name)
            self.note = f"{OTHER}: it has {known} of {rows} rows of ours" if known < KNOWN * rows else shrank
        if self.note:
            logger.error("book not believed", catalog=self._name, why=self.note)
        return self.note

    def permit(self) -> None:
        """Let rows be written; NeedsPerson while this may be the wrong database."""
        if self.note.startswith(OTHER):
            fix = f"If it is the right one: {ACCEPT}; else correct notion.tracks_db"
            raise NeedsPerson("No row is written into this database yet", why=self.note, fix=fix)

    async def accept(self) -> str:
        """A person says that it is meant so; what the note said. BadInput where there is none."""
        state = await self._mirror.state(self._name)
        if state.note in ("", MEANT):
            raise BadInput("Nothing of the book waits for a person's word")
        await self._mirror.set_state(self._name, replace(state, note=MEANT, full_at=""))
        self.note = MEANT
        logger.warning("book believed", catalog=self._name, what=state.note)
        return state.note
