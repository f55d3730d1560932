"""match: a track whose own source supplies no audio is looked for at those that do, by the one matcher.

A URL that a person gave is never searched anew: its source supplies it. What a person pinned is taken, whatever a
search finds. A candidate that cannot be had, or is not what it seemed, is remembered, and the next one that may be
taken without asking has its turn.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any, Final

import structlog

from musicsyncd.crashpoints import CrashPoint, crash_point
from musicsyncd.errors import (
    BadInput,
    Denied,
    MusicsyncError,
    NeedsPerson,
    Permanent,
    Temporary,
    Undecided,
    Withheld,
    from_dict,
)
from musicsyncd.jobs.base import JobContext
from musicsyncd.jobs.retry import ATTEMPTS
from musicsyncd.ledger.matches import Matches, Searched
from musicsyncd.music.candidate import Candidate
from musicsyncd.music.identity import SOUNDCLOUD, SPOTIFY, YOUTUBE, Identity, Kind, address, identify, shareable_url
from musicsyncd.music.matching import Judged, Verdict, match
from musicsyncd.music.title import split_artists
from musicsyncd.music.track import Track
from musicsyncd.pipeline.step import Step, Work, walk
from musicsyncd.sources.base import Source, owner_of

logger = structlog.get_logger()
AT_ONCE: Final = 10
"""Candidates of one search at one source."""
KEPT: Final = 20
"""Candidates that are kept for `match explain`."""
CAPACITY: Final = "search"
NAMED: Final = (SOUNDCLOUD, SPOTIFY, YOUTUBE)
"""Sources whose addresses are understood before anybody is asked."""
PINNABLE: Final = (Kind.TRACK, Kind.SHORT_LINK)


@dataclass(frozen=True)
class Match:
    """Find out where the audio of a track comes from, unless its own source has it."""

    sources: Sequence[Source]
    matches: Matches
    name: str = "match"

    async def __call__(self, work: Work, context: JobContext) -> Work:
        if not work.formats:
            return work
        known = await self.matches.of(work.track_id)
        own = next((one for one in self.sources if one.name == work.track.source), None)
        if not known.pin and (own is None or own.supplies):
            return work  # a source that is not set up any more is the next step's to complain of
        context.progress(None, step=self.name)

        async def decide() -> dict[str, Any]:
            return await self._decide(work, context)

        async def holds(saved: dict[str, Any]) -> bool:
            now = await self.matches.of(work.track_id)
            return saved["source"] in self._names and bool(saved["source_url"] == (now.pin or now.chosen))

        return replace(work, audio=Track.from_dict(await context.step(self.name, decide, stands=holds)))

    async def _decide(self, work: Work, context: JobContext) -> dict[str, Any]:
        known = await self.matches.of(work.track_id)
        if known.pin:
            return self._pinned(work.track, known.pin).as_dict()
        if not (chosen := acceptable(known, self._names)):
            known = await self._search(work, context)
            chosen = acceptable(known, self._names)
        if chosen is None:
            raise undecided(work.track, known)
        await self.matches.choose(work.track_id, chosen["url"])
        crash_point(CrashPoint.CANDIDATE_CHOSEN)
        return audio_of(work.track, chosen).as_dict()

    @property
    def _names(self) -> set[str]:
        """The sources that are set up now: a candidate of another is left out, and not held against it."""
        return {source.name for source in self.sources}

    def _pinned(self, track: Track, url: str) -> Track:
        """Whatever its length: a person has said that this is it."""
        source = owner_of(url, self.sources)
        return Track(title=track.title, artists=track.artists, source=source.name, source_url=url)

    async def _search(self, work: Work, context: JobContext) -> Searched:
        """Ask every source that has a search, in the words of the track and, if they do not lead there, in fewer."""
        found: dict[str, Candidate] = {}
        troubles: dict[str, MusicsyncError] = {}
        judged: tuple[Judged, ...] = ()
        async with context.capacity(CAPACITY):
            for query in queries(work.track):
                for source in self.sources:
                    if source.searches and source.name not in troubles:
                        context.progress(None, f"{source.name}: {query}", step=self.name)
                        await _ask(source, query, found, troubles)
                judged = match(work.track, found.values()).judged
                if any(one.verdict is Verdict.ACCEPT for one in judged):
                    break
        told = [_told(one) for one in judged[:KEPT]]
        tried = (await self.matches.of(work.track_id)).tried
        accepted = [one for one in told if one["verdict"] == Verdict.ACCEPT and one["url"] not in tried]
        await self.matches.record(work.track_id, told, None, [str(one) for one in troubles.values()])
        if not accepted and (hindrance := _hindrance(troubles.values())):
            raise hindrance
        return await self.matches.of(work.track_id)


@dataclass(frozen=True)
class Fetch:
    """match, then what brings the audio: when a candidate's cannot be had, or is not what it seemed, the next try takes
    the next candidate.
    """

    match: Match
    steps: Sequence[Step]
    name: str = "match"

    async def __call__(self, work: Work, context: JobContext) -> Work:
        work = await self.match(work, context)
        try:
            return await walk(work, self.steps, context)
        except Temporary as error:
            if not error.counts or context.attempt < ATTEMPTS or not await self._has_another(work):
                raise
            raise await self._passed_on(work, error) from error
        except Permanent as error:
            if isinstance(error, Denied | NeedsPerson) and not isinstance(error, Withheld):
                raise  # a disk's or a sign-in's fault, not the candidate's
            raise await self._passed_on(work, error) from error

    async def _has_another(self, work: Work) -> bool:
        """Whether a candidate is left for the time when the one in hand is given up."""
        known = await self.match.matches.of(work.track_id)
        if work.audio is None or known.pin:
            return False
        left = replace(known, tried={**known.tried, work.audio.source_url: {}})
        return acceptable(left, {source.name for source in self.match.sources}) is not None

    async def _passed_on(self, work: Work, error: Permanent | Temporary) -> MusicsyncError:
        """For a track of its own source, and for what a person pinned, the failure is the track's own."""
        matches = self.match.matches
        if work.audio is None or (await matches.of(work.track_id)).pin:
            return error
        await matches.refuse(work.track_id, work.audio.source_url, error.as_dict())
        what = f"{shareable_url(work.audio.source_url)} is not the audio of {work.track.label}, or cannot be had"
        return Temporary(what, delay=0, why=str(error), fix="The next candidate is tried", counts=False)


async def _ask(source: Source, query: str, found: dict[str, Candidate], troubles: dict[str, MusicsyncError]) -> None:
    """One search at one source; its trouble stays with it."""
    try:
        candidates = await source.search(query, AT_ONCE)
    except MusicsyncError as error:
        logger.warning("source not searched", source=source.name, why=str(error))
        troubles[source.name] = error
        return
    for one in candidates:
        found.setdefault(one.url, one)


def _hindrance(troubles: Iterable[MusicsyncError]) -> MusicsyncError | None:
    """What kept a source from being searched, and passes or can be mended: until then nothing is known for sure."""
    known = [*troubles]
    later = [one for one in known if isinstance(one, Temporary)]
    if later:
        return min(later, key=lambda one: one.delay or 0.0)
    return next((one for one in known if isinstance(one, NeedsPerson)), None)


def queries(track: Track) -> tuple[str, ...]:
    """What is searched for: all that the title says, then the main artist and the bare title."""
    whole = " ".join((*track.artists, track.title))
    main = split_artists(track.artists[0])[0] if track.artists and split_artists(track.artists[0]) else ""
    fewer = " ".join((main, _bare(track.title)))
    return tuple(dict.fromkeys(words for one in (whole, fewer) if (words := " ".join(one.split()))))


def acceptable(known: Searched, sources: Collection[str] | None = None) -> dict[str, Any] | None:
    """The best candidate that may be taken without asking and was not tried in vain; the chosen one stays chosen.

    `sources` are those that can be asked for it; None: all.
    """
    free = [one for one in known.candidates if one["verdict"] == Verdict.ACCEPT and one["url"] not in known.tried]
    free = [one for one in free if sources is None or one["source"] in sources]
    return next((one for one in free if one["url"] == known.chosen), next(iter(free), None))


def undecided(track: Track, known: Searched) -> MusicsyncError:
    """Why no audio is taken for a track."""
    pin = "name the right one: musicsyncctl match pin TRACK URL"
    open_ = [one for one in known.candidates if one["verdict"] == Verdict.REVIEW and one["url"] not in known.tried]
    if open_:
        many = "1 candidate" if len(open_) == 1 else f"{len(open_)} candidates"
        best = open_[0]
        return Undecided(
            f"{many} may be {track.label}, none for sure",
            why=f"The best is {best['title']} ({best['score']:.2f}): {' '.join(best['reasons'])}",
            fix=f"Look with musicsyncctl match review, then {pin}",
        )
    if known.tried:
        errors = [from_dict(one) for one in known.tried.values()]
        kind = Withheld if any(isinstance(one, Withheld) for one in errors) else Permanent
        return kind(
            f"None of the {len(known.tried)} candidates for {track.label} could be taken",
            why=" ".join((f"The last one: {errors[-1]}", *known.troubles)),
            fix=f"See musicsyncctl match explain TRACK, or {pin}",
        )
    why = (
        f"Of {len(known.candidates)} candidates the best scored {known.candidates[0]['score']:.2f}"
        if known.candidates
        else ""
    )
    why = " ".join((why, *known.troubles)).strip() or "No source that has a search found anything"
    return Permanent(
        f"No audio was found for {track.label}", why=why, fix=f"See musicsyncctl match explain TRACK, or {pin}"
    )


def audio_of(track: Track, chosen: Mapping[str, Any]) -> Track:
    """Where the audio is, as its source wants it: the title and artists are the wanted track's."""
    return Track(
        title=track.title,
        artists=track.artists,
        duration=track.duration or chosen["duration"],
        source=chosen["source"],
        source_url=chosen["url"],
        identities=_identities(chosen["url"]),
    )


def _identities(url: str) -> tuple[Identity, ...]:
    try:
        return (identify(url),)
    except ValueError:
        return ()


def pinnable(url: str, sources: Iterable[Source]) -> str:
    """The URL, if some source can supply what is there; BadInput otherwise."""
    source, place = owner_of(url, [*sources]), address(url)
    if not source.supplies:
        raise BadInput(f"{source.name} supplies no audio", fix="Name a URL of a source that does")
    if (place or source.name in NAMED) and (place is None or place.kind not in PINNABLE):
        why = f"It leads to: {place.kind}" if place else f"It is no address of a track that {source.name} has"
        raise BadInput(f"{shareable_url(url)} is no single track", why=why, fix="Name the track's own address")
    return url


def _told(one: Judged) -> dict[str, Any]:
    candidate = asdict(one.candidate)
    kept = ("source", "url", "title", "uploader", "duration", "isrc", "plays")
    told = {name: candidate[name] for name in kept} | {"artists": [*one.candidate.artists]}
    return told | {"score": round(one.score, 4), "verdict": one.verdict.value, "reasons": [*one.reasons]}


def _bare(title: str) -> str:
    """Without what stands in brackets: services' searches want every word."""
    bare = title.partition("(")[0].partition("[")[0].strip()
    return bare or title
