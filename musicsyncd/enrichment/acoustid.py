"""AcoustID: which recording a fingerprint is of (https://acoustid.org/webservice)."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from typing import Any, ClassVar, Final

from musicsyncd.enrichment.base import Enricher, Known, Told
from musicsyncd.enrichment.cache import Cache
from musicsyncd.enrichment.plausible import Candidate, likeness, objection
from musicsyncd.enrichment.reading import Mbid, Shape, Text, shaped
from musicsyncd.errors import MusicsyncError, NeedsPerson, Permanent, Temporary
from musicsyncd.http.budget import Budget
from musicsyncd.http.client import Answer, HttpClient, Question
from musicsyncd.music.identity import ACOUSTID, Identity
from musicsyncd.music.recognition import HeardAs

FLOOR: Final = 0.8
"""The least score, 0 to 1, of a fingerprint that counts as this one."""
SURE: Final = 0.9
"""The least score at which it may speak against what a search found."""
WITNESSES: Final = 2
"""People who must have said which recording it is: one alone may have mistaken a file."""
BAD_KEY: Final = frozenset({4, 6, 12})
"""Error codes: the application's key or the user's is not valid, or may not do this."""
FOR_A_WHILE: Final = frozenset({5, 13, 14})
"""Error codes: an internal error, unavailable, too many requests."""


class _Artist(Shape):
    name: Text = ""


class _Recording(Shape):
    id: Mbid
    title: Text = ""
    duration: float | None = None
    artists: tuple[_Artist, ...] = ()
    sources: int = 1
    """How many people have linked it to the fingerprint."""

    @property
    def candidate(self) -> Candidate:
        """As plausibility judges it."""
        artists = tuple(one.name for one in self.artists if one.name)
        return Candidate(title=self.title, artists=artists, duration=self.duration)


class _Result(Shape):
    id: Mbid
    score: float
    recordings: tuple[_Recording, ...] = ()


class _Error(Shape):
    code: int = 0
    message: Text = ""


class _Lookup(Shape):
    status: str
    results: tuple[_Result, ...] = ()
    error: _Error = _Error()


class AcoustId(Enricher):
    """Asked by fingerprint and duration; the key goes in a form, never in a URL."""

    name: ClassVar[str] = "acoustid"

    def __init__(self, client: HttpClient, budget: Budget, cache: Cache, *, base_url: str, key: str) -> None:
        self._client, self._budget, self._cache = client, budget, cache
        self._base_url, self._key = base_url, key
        self._refused: NeedsPerson | None = None

    async def ask(self, known: Known) -> Told:
        """The fingerprint's own id, and the recording that most people have linked to it and that may be the track."""
        if not known.fingerprint:
            return Told(note="There is no fingerprint to ask with")
        near = await self._near(known)
        if not near:
            return Told(note="It knows nothing that sounds like this")
        return _chosen(near, known)

    async def recordings(self, known: Known) -> Sequence[HeardAs]:
        """What people have linked to the fingerprint, the most often linked first."""
        near = await self._near(known) if known.fingerprint else []
        linked = [one for result in near for one in result.recordings if one.title and one.candidate.artists]
        if not near or near[0].score < SURE or sum(one.sources for one in linked) < WITNESSES:
            return ()
        ordered = sorted(linked, key=lambda one: -one.sources)
        return [HeardAs(title=one.title, artists=one.candidate.artists, by="AcoustID") for one in ordered]

    async def _near(self, known: Known) -> list[_Result]:
        """What sounds like it, the likest first; asked once for one fingerprint."""
        digest = hashlib.sha256(known.fingerprint.encode()).hexdigest()
        found = await self._cache.answer(self.name, f"{int(known.duration)} {digest}", lambda: self._look_up(known))
        results = _Lookup.model_validate({"status": "ok"} | found).results
        return sorted((one for one in results if one.score >= FLOOR), key=lambda one: -one.score)

    async def _look_up(self, known: Known) -> dict[str, Any]:
        if self._refused:  # the settings are read at the start: until then the key stays wrong
            raise self._refused
        form = {
            "client": self._key,
            "format": "json",
            "duration": str(int(known.duration)),
            "fingerprint": known.fingerprint,
            "meta": "recordings sources",
        }
        answer = await self._client.ask(self._budget, Question(url=f"{self._base_url}/v2/lookup", form=form))
        found = await shaped(answer, _Lookup, self._budget)
        if answer.status != 200 or found.status != "ok":
            error = _refusal(answer, found.error)
            self._refused = error if isinstance(error, NeedsPerson) else None
            raise error
        return found.model_dump(include={"results"}, mode="json") if found.results else {}


def _refusal(answer: Answer, error: _Error) -> MusicsyncError:
    """What a refusal means; the service's own sentence is not repeated, as it may quote what was sent."""
    if error.code in BAD_KEY or answer.status in (401, 403):
        return NeedsPerson(
            "AcoustID does not accept the key",
            why=f"It answered {answer.status} with its error {error.code}",
            fix="Set enrichment.acoustid_key to an application's key from acoustid.org, then restart",
        )
    if error.code in FOR_A_WHILE:
        return Temporary("AcoustID cannot answer now", why=f"Its error is {error.code}")
    return Permanent("AcoustID does not take the question", why=f"It answered {answer.status}, its error {error.code}")


def _chosen(near: list[_Result], known: Known) -> Told:
    """The best recording of the best result that has one; a fingerprint without recordings has an id all the same."""
    objections = []
    for result in near:
        facts = {"acoustid": result.id, "score": round(result.score, 3)}
        own = Identity(ACOUSTID, result.id)
        judged = [(one, objection(known.track, known.duration, one.candidate)) for one in result.recordings]
        if may_be := [one for one, against in judged if not against]:
            best = max(may_be, key=lambda one: (round(likeness(known.track, one.candidate), 3), one.sources, one.id))
            return Told(facts=facts | {"recording": best.id}, identities=(own,), recording=best.id)
        if not judged:
            return Told(facts=facts, identities=(own,), note="Nobody has said which recording this is")
        objections += [against for _, against in judged]
    return Told(note=f"What it knows is not this track. {objections[0]}")
