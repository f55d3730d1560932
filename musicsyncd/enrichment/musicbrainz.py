"""MusicBrainz: what is known of a recording and the releases it is on (https://musicbrainz.org/doc/MusicBrainz_API)."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any, ClassVar, Final

from pydantic import Field

from musicsyncd.enrichment.base import Enricher, Known, Told
from musicsyncd.enrichment.cache import Answer, Cache
from musicsyncd.enrichment.plausible import Candidate, likeness, objection
from musicsyncd.enrichment.reading import Mbid, S, Shape, Text, shaped
from musicsyncd.errors import Permanent
from musicsyncd.http.budget import Budget
from musicsyncd.http.client import HttpClient, Question
from musicsyncd.music.identity import RECORDING, Identity
from musicsyncd.music.track import Track

ISRC: Final = re.compile(r"[A-Z]{2}[A-Z0-9]{3}\d{7}")
DATE: Final = re.compile(r"\d{4}(-\d\d(-\d\d)?)?")
BESIDE_THE_POINT: Final = frozenset({"compilation", "dj-mix", "mixtape/street", "live", "interview", "audiobook"})
"""Kinds of release groups that a recording is put on later, in lower case."""
OF_A_RELEASE: Final = frozenset({"label", "catalog_number", "artwork"})
"""What only a look at the release itself tells."""
NOBODY: Final = re.compile(r"\[.*\]|none|not on label.*", re.IGNORECASE)
"""How it says that there is no label, or no catalogue number."""


class _Credit(Shape):
    name: Text = ""


class _Group(Shape):
    secondary: tuple[str, ...] = Field((), alias="secondary-types")


class _Release(Shape):
    id: Mbid
    title: Text = ""
    status: str = ""
    date: str = ""
    group: _Group = Field(_Group(), alias="release-group")


class _Recording(Shape):
    id: Mbid
    title: Text
    disambiguation: Text = ""
    length: float | None = None
    """Milliseconds."""
    first_release: str = Field("", alias="first-release-date")
    isrcs: tuple[str, ...] = ()
    credit: tuple[_Credit, ...] = Field((), alias="artist-credit")
    releases: tuple[_Release, ...] = ()

    @property
    def artists(self) -> tuple[str, ...]:
        """Their names, as credited."""
        return tuple(one.name for one in self.credit if one.name)

    @property
    def candidate(self) -> Candidate:
        """As plausibility judges it: version words often stand beside the title."""
        title = f"{self.title} ({self.disambiguation})" if self.disambiguation else self.title
        seconds = self.length / 1000 if self.length else None
        return Candidate(title=title, artists=self.artists, duration=seconds)


class _OfIsrc(Shape):
    recordings: tuple[_Recording, ...] = ()


class _Label(Shape):
    name: Text = ""


class _LabelInfo(Shape):
    number: Text = Field("", alias="catalog-number")
    label: _Label = _Label()


class _Covers(Shape):
    front: bool = False


class _ReleaseDetails(Shape):
    id: Mbid
    labels: tuple[_LabelInfo, ...] = Field((), alias="label-info")
    covers: _Covers = Field(_Covers(), alias="cover-art-archive")


class MusicBrainz(Enricher):
    """Asked by the recording's id, else by the ISRC that the track's source gave."""

    name: ClassVar[str] = "musicbrainz"

    def __init__(self, client: HttpClient, budget: Budget, cache: Cache, *, base_url: str) -> None:
        self._client, self._budget, self._cache, self._base_url = client, budget, cache, base_url

    async def ask(self, known: Known) -> Told:
        """ISRC of the recording; title, date, label and cover of the release that it first came out on."""
        recording = known.recording or await self._by_isrc(known)
        if not recording:
            return Told(note="Nobody could say which recording this is")
        found = await self._get(_Recording, f"recording/{recording}", "artist-credits isrcs releases release-groups")
        if found is None:
            return Told(note=f"It does not know the recording {recording} any more")
        if against := objection(known.track, known.duration, found.candidate):
            return Told(note=f"What it knows is not this track. {against}")
        release = first_release(found.releases, known.track.album)
        details = None
        if release and known.wanted & OF_A_RELEASE:
            details = await self._get(_ReleaseDetails, f"release/{release.id}", "labels")
        facts = _facts(found, release, details)
        return Told(
            facts={name: value for name, value in facts.items() if value},
            identities=(Identity(RECORDING, found.id),),
            recording=found.id,
            cover_of=details.id if details and details.covers.front else "",
            note="" if release else "No release of it fits",
        )

    async def _by_isrc(self, known: Known) -> str:
        """The recording with the track's own ISRC that is most like it; empty when there is none."""
        if not ISRC.fullmatch(known.track.isrc):
            return ""
        found = await self._get(_OfIsrc, f"isrc/{known.track.isrc}", "artist-credits")
        may_be = [
            one for one in (found.recordings if found else ())
            if not objection(known.track, known.duration, one.candidate)
        ]  # fmt: skip
        best = max(may_be, key=lambda one: (round(likeness(known.track, one.candidate), 3), one.id), default=None)
        return best.id if best else ""

    async def _get(self, shape: type[S], what: str, including: str) -> S | None:
        """One lookup; None when it knows no such thing."""

        async def ask() -> Answer:
            question = Question(url=f"{self._base_url}/{what}", params={"inc": including, "fmt": "json"})
            answer = await self._client.ask(self._budget, question)
            if answer.status == 404:
                return {}
            if answer.status != 200:
                raise Permanent("MusicBrainz does not take the question", why=f"It answered {answer.status}")
            return (await shaped(answer, shape, self._budget)).model_dump(by_alias=True, mode="json")

        found = await self._cache.answer(self.name, what, ask)
        return shape.model_validate(found) if found else None


def first_release(releases: Sequence[_Release], album: str) -> _Release | None:
    """The release that speaks for the recording: official, no compilation, the earliest; where the source names an
    album, one of that title or none.
    """
    fitting = [one for one in releases if one.status in ("Official", "") and one.title]
    if album:
        fitting = [one for one in fitting if _same(one.title, album)]
    return min(fitting, key=_order, default=None)


def _order(release: _Release) -> tuple[bool, str, str]:
    later = bool(BESIDE_THE_POINT & {kind.lower() for kind in release.group.secondary})
    known = release.date if DATE.fullmatch(release.date) else ""
    return later, (known + "-99-99")[:10] if known else "9999", release.id


def _same(one: str, other: str) -> bool:
    return likeness(Track(title=one), Candidate(title=other)) == 1.0


def _facts(found: _Recording, release: _Release | None, details: _ReleaseDetails | None) -> dict[str, Any]:
    isrcs = sorted(one for one in found.isrcs if ISRC.fullmatch(one))
    dates = [release.date if release else "", found.first_release]
    infos = details.labels if details else ()
    return {
        "recording": found.id,
        "title": found.title,
        "artists": list(found.artists),
        "isrc": isrcs[0] if isrcs else "",
        "isrcs": isrcs if len(isrcs) > 1 else [],
        "album": release.title if release else "",
        "date": next((one for one in dates if DATE.fullmatch(one)), ""),
        "label": next((one.label.name for one in infos if _somebody(one.label.name)), ""),
        "catalog_number": next((one.number for one in infos if _somebody(one.number)), ""),
        "release": release.id if release else "",
    }


def _somebody(name: str) -> bool:
    return bool(name.strip()) and not NOBODY.fullmatch(name.strip())
