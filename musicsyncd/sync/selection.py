"""Which tracks a request means: the scopes, and the chain of sources with the reason for each rung that was skipped."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, replace
from functools import partial

from musicsyncd.errors import BadInput, MusicsyncError, Permanent, Temporary
from musicsyncd.ledger.ledger import Ledger
from musicsyncd.music.track import Track
from musicsyncd.sources.base import Found, Progress, Refusal, Source, owner_of
from musicsyncd.sync.request import Scope, SyncRequest


@dataclass(frozen=True, kw_only=True)
class Rung:
    """One source that was asked, and what came of it."""

    source: str
    said: str


@dataclass(frozen=True, kw_only=True)
class Selected:
    """The tracks that a request means."""

    tracks: tuple[Track, ...] = ()
    known: tuple[str, ...] = ()
    """Ids of tracks that the ledger knows and that were left unfinished."""
    refused: tuple[Refusal, ...] = ()
    rungs: tuple[Rung, ...] = ()


UNFINISHED_AT_ONCE = 1000
"""Tracks: what one incremental request takes up of what was left unfinished; the next one takes the rest."""


async def select(
    request: SyncRequest, sources: Sequence[Source], ledger: Ledger, progress: Progress | None = None
) -> Selected:
    """Ask the sources. BadInput when nobody knows the URL; a refused single track's own error; Temporary when a source
    asks to come again later and nothing else was found.
    """
    asked = [source for source in sources if request.source in ("", source.name)]
    if not asked:
        names = ", ".join(source.name for source in sources)
        raise BadInput(f"There is no source {request.source!r}", fix=f"Sources are: {names}")
    match request.scope:
        case Scope.URL:
            found = await _owner(request, asked, sources).resolve(request.url, progress=progress)
            _raise_if_nothing(found)
            return Selected(tracks=found.tracks, refused=found.refused)
        case Scope.NEXT:
            return await _next(asked, ledger)
        case Scope.UNFINISHED:
            return Selected(known=tuple(await ledger.unfinished(limit=UNFINISHED_AT_ONCE)))
        case Scope.INCREMENTAL:
            return await _incremental(asked, ledger)
        case Scope.FULL:
            return await _full(asked, ledger)


def _owner(request: SyncRequest, asked: Sequence[Source], sources: Sequence[Source]) -> Source:
    """Whose the URL is, among all: a source that would take any must not get another's because it was named."""
    owner = owner_of(request.url, sources)
    if owner not in asked:
        raise BadInput(
            f"{request.url} is not for the source {request.source}",
            why=f"It belongs to {owner.name}",
            fix=f"Leave --source away, or say --source {owner.name}",
        )
    return owner


def _raise_if_nothing(found: Found) -> None:
    """One bad file in a folder is reported; a request that comes to nothing says why by its error."""
    if found.tracks or not found.refused:
        return
    errors = [refusal.error for refusal in found.refused]
    if len(errors) == 1 or isinstance(errors[0], Temporary):
        raise errors[0]
    if all(isinstance(error, Permanent) for error in errors):
        listed = "; ".join(f"{refusal.name}: {refusal.error.what}" for refusal in found.refused[:5])
        raise BadInput(f"None of the {len(errors)} files could be taken", why=listed)
    raise next(error for error in errors if not isinstance(error, Permanent))


async def _next(sources: Sequence[Source], ledger: Ledger) -> Selected:
    rungs: list[Rung] = []
    refused: list[Refusal] = []
    for source in sources:
        tracks, left_out = await _offered(source.name, partial(source.list, limit=source.chained), rungs)
        refused += left_out
        if new := await ledger.unknown(tracks):
            return Selected(tracks=(new[0],), refused=tuple(refused), rungs=tuple(rungs))
        if tracks:
            rungs[-1] = Rung(source=source.name, said=f"all {len(tracks)} tracks that it offers are known")
    left = await ledger.unfinished(limit=1)
    rungs.append(
        Rung(source="ledger", said="took the oldest unfinished track" if left else "nothing was left unfinished")
    )
    return Selected(known=tuple(left), refused=tuple(refused), rungs=tuple(rungs))


async def _incremental(sources: Sequence[Source], ledger: Ledger) -> Selected:
    """What is known needs no look: it stands, failed for good, is a duplicate, or was left unfinished."""
    found = await _all_offered(sources, lambda source: source.news(ledger.unknown))
    new = await ledger.unknown(found.tracks)
    return replace(found, tracks=tuple(new), known=tuple(await ledger.unfinished(limit=UNFINISHED_AT_ONCE)))


async def _full(sources: Sequence[Source], ledger: Ledger) -> Selected:
    return replace(await _all_offered(sources, lambda source: source.list()), known=tuple(await ledger.all_ids()))


async def _all_offered(sources: Sequence[Source], ask: Callable[[Source], Awaitable[Found]]) -> Selected:
    rungs: list[Rung] = []
    tracks: list[Track] = []
    refused: list[Refusal] = []
    for source in sources:
        offered, left_out = await _offered(source.name, partial(ask, source), rungs)
        tracks += offered
        refused += left_out
    return Selected(tracks=tuple(tracks), refused=tuple(refused), rungs=tuple(rungs))


async def _offered(
    name: str, ask: Callable[[], Awaitable[Found]], rungs: list[Rung]
) -> tuple[tuple[Track, ...], tuple[Refusal, ...]]:
    """One rung; a source in trouble is a skipped rung with its reason, and the next one is asked."""
    try:
        found = await ask()
    except MusicsyncError as error:
        rungs.append(Rung(source=name, said=f"skipped: {error}"))
        return (), ()
    rungs.append(Rung(source=name, said=f"offers {len(found.tracks)} tracks" if found.tracks else "offers nothing"))
    return found.tracks, found.refused
