"""Which tracks a request means: the scopes, and what became of each source that was asked."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Collection, Sequence
from dataclasses import replace
from functools import partial

from musicsyncd.errors import BadInput, MusicsyncError, Permanent, Temporary
from musicsyncd.jobs.base import WorkEngine
from musicsyncd.jobs.job import JobFilter, JobState
from musicsyncd.ledger.ledger import Ledger
from musicsyncd.music.identity import Kind, address, shareable_url
from musicsyncd.music.track import Track
from musicsyncd.sources.base import Found, Progress, Source, owner_of
from musicsyncd.sync.chain import next_track, recent
from musicsyncd.sync.request import TRACK, Scope, SyncRequest
from musicsyncd.sync.selected import Asking, Rung, Selected

__all__ = ["UNFINISHED_AT_ONCE", "Rung", "Selected", "select"]

UNFINISHED_AT_ONCE = 1000
"""Tracks: what one request takes up of what was left unfinished, first what does not only wait for a target that is
away; the next one takes the rest. What waits for a target that has just come back is taken up whole.
"""
MOST_WAITING = 1_000_000


async def select(
    request: SyncRequest,
    sources: Sequence[Source],
    ledger: Ledger,
    jobs: WorkEngine,
    progress: Progress | None = None,
    away: Collection[str] = (),
) -> Selected:
    """Ask the sources; `away` are the targets for which there is only waiting now. BadInput when nobody knows the URL
    or the playlist; a refused single track's own error; Temporary when a source asks to come again later and nothing
    else was found.
    """
    named = [source for source in sources if request.source in ("", source.name)]
    asked = [source for source in named if source.name not in request.without]
    if not named:
        names = ", ".join(source.name for source in sources)
        raise BadInput(f"There is no source {request.source!r}", fix=f"Sources are: {names}")
    match request.scope:
        case Scope.URL:
            return _all_of(await _owner(request, asked, sources).resolve(request.url, progress=progress))
        case Scope.PLAYLIST:
            return _all_of(await _playlist(request, asked, sources, progress))
        case Scope.NEXT:
            return await next_track(asked, ledger, jobs)
        case Scope.RECENT:
            return await recent(asked, ledger, jobs)
        case Scope.UNFINISHED:
            return Selected(known=await _unfinished(ledger, jobs, away, request.target))
        case Scope.LACKING:
            return Selected(known=await _lacking(request.target, ledger, jobs))
        case Scope.INCREMENTAL:
            return await _incremental(asked, ledger, jobs, away)
        case Scope.FULL:
            return await _full(asked, ledger)


def _owner(request: SyncRequest, asked: Sequence[Source], sources: Sequence[Source]) -> Source:
    """Whose the URL is, among all: a source that would take any must not get another's because it was named."""
    owner = owner_of(request.url, sources)
    if owner not in asked:
        raise BadInput(
            f"{_shown(request.url)} is not for the source {request.source}",
            why=f"It belongs to {owner.name}",
            fix=f"Leave --source away, or say --source {owner.name}",
        )
    return owner


def _shown(url: str) -> str:
    """The URL as it may be told: whoever has a private one is let in."""
    try:
        return shareable_url(url)
    except ValueError:
        return "The address"


async def _playlist(
    request: SyncRequest, asked: Sequence[Source], sources: Sequence[Source], progress: Progress | None
) -> Found:
    """What is in the playlist of that address; else in every one that the settings name and that is called so."""
    place = address(request.url)
    if place and place.kind in (Kind.TRACK, Kind.EPISODE):
        what = f"{shareable_url(place.url)} is no playlist"
        raise BadInput(what, why=f"It leads to: {place.kind}", fix="For a track: musicsyncctl sync --url URL")
    if place or "://" in request.url:
        return await _owner(request, asked, sources).resolve(request.url, progress=progress)
    found, trouble = Found(), None
    for source in asked:
        try:
            one = await source.playlist(request.url, progress=progress)
        except MusicsyncError as error:
            trouble = trouble or error
            continue
        found = _joined(found, one) if one else found
    if found == Found():
        fix = "Give its address, or the name of one that the settings name: musicsyncctl config show"
        raise trouble or BadInput(f"No playlist is called {request.url!r}", fix=fix)
    return found


def _joined(one: Found, other: Found) -> Found:
    return Found(
        tracks=one.tracks + other.tracks,
        refused=one.refused + other.refused,
        playlists=one.playlists + other.playlists,
    )


def _all_of(found: Found) -> Selected:
    _raise_if_nothing(found)
    return Selected(tracks=found.tracks, refused=found.refused, playlists=found.playlists)


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


async def _incremental(sources: Sequence[Source], ledger: Ledger, jobs: WorkEngine, away: Collection[str]) -> Selected:
    """What is known needs no look: it stands, failed for good, is a duplicate, or was left unfinished."""
    found = await _all_offered(sources, lambda source: source.news(ledger.unknown), ledger)
    new = await ledger.unknown(found.tracks)
    return replace(found, tracks=tuple(new), known=await _unfinished(ledger, jobs, away))


async def _lacking(target: str, ledger: Ledger, jobs: WorkEngine) -> tuple[str, ...]:
    """All at once: each gets a job of its own, however many they are."""
    resting = await _resting(jobs)
    return tuple(one for one in await ledger.lacking(target) if one not in resting)


async def _resting(jobs: WorkEngine) -> set[str]:
    """Tracks that back off: they come again by themselves, and no request is to hurry them."""
    waiting = JobFilter(kind=TRACK, states=frozenset({JobState.WAITING}), limit=MOST_WAITING)
    return {job.key for job in await jobs.list(waiting) if job.reason}


async def _unfinished(ledger: Ledger, jobs: WorkEngine, away: Collection[str], target: str = "") -> tuple[str, ...]:
    """What was left, but for what backs off: all that waits for the target that came back, then some of the rest."""
    resting = await _resting(jobs)
    first = [one for one in await ledger.waiting(target) if one not in resting] if target else []
    found = await ledger.unfinished(limit=UNFINISHED_AT_ONCE + len(resting), away=away)
    rest = [one for one in found if one not in resting][:UNFINISHED_AT_ONCE]
    return tuple(dict.fromkeys([*first, *rest]))


async def _full(sources: Sequence[Source], ledger: Ledger) -> Selected:
    return replace(
        await _all_offered(sources, lambda source: source.list(), ledger), known=tuple(await ledger.all_ids())
    )


async def _all_offered(
    sources: Sequence[Source], ask: Callable[[Source], Awaitable[Found]], ledger: Ledger
) -> Selected:
    asking = Asking()
    tracks: list[Track] = []
    for source in asking.ready(sources, lambda one: one.offering()):
        found = await asking.offered(source.name, partial(ask, source))
        if found is None:
            continue
        asking.refused += found.refused
        new = len(await ledger.unknown(found.tracks))
        refused = sum(not isinstance(one.error, Temporary) for one in found.refused)
        asking.told(source.name, _told(found), found=len(found.tracks), new=new, refused=refused)
        tracks += found.tracks
    return asking.selected(*tracks)


def _told(found: Found) -> str:
    """What a source offers, in words."""
    offered = f"offers {len(found.tracks)} tracks" if found.tracks else "offers nothing"
    return f"{offered}; passed over {found.passed_over} that are no tracks" if found.passed_over else offered
