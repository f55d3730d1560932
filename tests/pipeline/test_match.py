"""Where the audio of a track comes from when its own source has none: one matcher, and no way around it."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, ClassVar

import pytest
from hypothesis import given
from hypothesis import strategies as st

from musicsyncd.clock import ManualClock
from musicsyncd.database import MEMORY, Database
from musicsyncd.errors import (
    BadInput,
    Degraded,
    MusicsyncError,
    NeedsPerson,
    Permanent,
    Temporary,
    Undecided,
    Withheld,
    from_dict,
)
from musicsyncd.jobs.retry import ATTEMPTS
from musicsyncd.ledger.ledger import Ledger
from musicsyncd.ledger.matches import Matches, Searched
from musicsyncd.ledger.schema import MIGRATIONS
from musicsyncd.music.candidate import Candidate
from musicsyncd.music.identity import Identity
from musicsyncd.music.matching import Verdict, match
from musicsyncd.music.track import Track
from musicsyncd.pipeline.download import Download
from musicsyncd.pipeline.match import Fetch, Match, acceptable, pinnable, queries, undecided
from musicsyncd.pipeline.step import Work
from musicsyncd.sources.base import Source, Supplied
from musicsyncd.sources.memory import MemorySource
from tests.pipeline.here import Here

WANTED = Track(
    title="Night Ferry",
    artists=("Ada Voss",),
    duration=200.0,
    source="liked",
    source_url="https://open.spotify.com/track/1",
    identities=(Identity("liked", "1"),),
)


def offered(number: int, title: str = "Night Ferry", **more: Any) -> Track:
    """A track that the memory source has, and finds by its words."""
    values: dict[str, Any] = {"title": title, "artists": ("Ada Voss",), "duration": 200.0, "source": "memory"} | more
    return Track(**values, source_url=f"memory:{number}", identities=(Identity("memory", str(number)),))


class Liked(Source):
    """Knows what somebody likes, and has no audio."""

    name: ClassVar[str] = "liked"
    supplies: ClassVar[bool] = False


class Broken(Source):
    """Cannot be searched now."""

    name: ClassVar[str] = "broken"
    searches: ClassVar[bool] = True

    def __init__(self, error: MusicsyncError) -> None:
        self.error = error

    async def search(self, query: str, limit: int) -> Sequence[Candidate]:
        raise self.error


class Counting(MemorySource):
    """Counts its searches and refuses what it was told to."""

    def __init__(self, *tracks: Track, refuse: Sequence[str] = ()) -> None:
        super().__init__({one: one.source_url.encode() for one in tracks})
        self.refused, self.queries = set(refuse), list[str]()

    async def search(self, query: str, limit: int) -> Sequence[Candidate]:
        self.queries.append(query)
        return await super().search(query, limit)

    async def supply(self, track: Track, folder: Path, progress: Any) -> Supplied:
        if track.source_url in self.refused:
            raise Permanent(f"{track.source_url} is under DRM")
        return await super().supply(track, folder, progress)


@pytest.fixture
async def database(tmp_path: Path) -> AsyncIterator[Database]:
    database = await Database.open(MEMORY, {"ledger": MIGRATIONS}, backups=tmp_path, clock=ManualClock())
    yield database
    await database.close()


@pytest.fixture
def matches(database: Database) -> Matches:
    return Matches(database, ManualClock())


@pytest.fixture
async def work(database: Database, tmp_path: Path) -> Work:
    (track,) = await Ledger(database, ManualClock()).record_tracks([WANTED])
    return Work(track_id=track.id, track=WANTED, folder=tmp_path / "staging" / track.id, formats=("wav",))


def fetch(matches: Matches, *sources: Source) -> Fetch:
    every = (Liked(), *sources)
    return Fetch(Match(every, matches), (Download({one.name: one for one in every}),))


async def test_the_accepted_candidate_is_fetched_and_its_id_is_learnt(work: Work, matches: Matches) -> None:
    """The track keeps its own words and its own URL; why it was taken is written down."""
    source = Counting(offered(1, "Night Ferry (Kora Remix)"), offered(2), offered(3, "Harbour"))
    done = await fetch(matches, source)(work, Here())
    assert done.supplied is not None
    assert done.supplied.path.read_bytes() == b"memory:2"
    assert (done.track.title, done.track.source_url) == (WANTED.title, WANTED.source_url)
    assert Identity("memory", "2") in done.track.identities
    assert done.supplied.details["matched_url"] == "memory:2"
    known = await matches.of(work.track_id)
    assert known.chosen == "memory:2"
    assert [(one["url"], one["verdict"]) for one in known.candidates] == [
        ("memory:2", "accept"), ("memory:1", "refuse"), ("memory:3", "refuse")
    ]  # fmt: skip
    assert all(one["reasons"] for one in known.candidates)
    assert source.queries == ["Ada Voss Night Ferry"]


async def test_a_track_whose_source_has_its_audio_is_never_searched_for(work: Work, matches: Matches) -> None:
    """What a person gave or liked there is authoritative."""
    own = offered(7, "Quite another title")
    source = Counting(own, offered(2))
    done = await fetch(matches, source)(replace(work, track=own), Here())
    assert done.supplied is not None
    assert done.supplied.path.read_bytes() == b"memory:7"
    assert source.queries == []
    assert (await matches.of(work.track_id)).searched_at == ""


async def test_a_candidate_that_cannot_be_had_gives_way_to_the_next(work: Work, matches: Matches) -> None:
    """Each in turn, without a new search; when none is left the track fails with the last reason."""
    source, here = Counting(offered(1), offered(2), refuse=["memory:1", "memory:2"]), Here()
    step = fetch(matches, source)
    tried = set[str]()
    for _ in range(2):
        with pytest.raises(Temporary) as caught:
            await step(work, here)
        assert (caught.value.delay, caught.value.counts) == (0, False)
        tried |= (await matches.of(work.track_id)).tried.keys()
    assert tried == {"memory:1", "memory:2"}
    with pytest.raises(Permanent, match="None of the 2 candidates") as failed:
        await step(work, here)
    assert "DRM" in str(failed.value)
    source.refused.clear()
    source._tracks |= {"memory:3": (offered(3), b"memory:3")}
    done = await step(work, here)
    assert done.supplied is not None
    assert done.supplied.path.read_bytes() == b"memory:3"


async def test_what_nobody_can_be_sure_of_waits_for_a_person(work: Work, matches: Matches) -> None:
    """An unknown length: listed for review, taken once it is pinned, and searched no more."""
    source = Counting(offered(1, duration=None))
    step = fetch(matches, source)
    with pytest.raises(Undecided, match="1 candidate may be") as caught:
        await step(work, Here())
    assert "match pin" in caught.value.fix
    assert await matches.undecided(limit=10) == [work.track_id]
    await matches.pin(work.track_id, "memory:1")
    assert await matches.undecided(limit=10) == []
    searched = len(source.queries)
    done = await step(work, Here())
    assert done.audio is not None
    assert (done.audio.source_url, done.audio.duration) == ("memory:1", None)
    assert len(source.queries) == searched


async def test_a_pin_is_obeyed_and_its_failure_is_the_tracks_own(work: Work, matches: Matches) -> None:
    """Even against a perfect candidate; no other is taken in its place."""
    source = Counting(offered(1), offered(9, "Something else"), refuse=["memory:9"])
    await matches.pin(work.track_id, "memory:9")
    step = fetch(matches, source)
    with pytest.raises(Permanent, match="DRM"):
        await step(work, Here())
    source.refused.clear()
    done = await step(work, Here())
    assert done.supplied is not None
    assert done.supplied.path.read_bytes() == b"memory:9"
    await matches.pin(work.track_id, "")
    done = await step(work, Here())
    assert done.supplied is not None
    assert done.supplied.path.read_bytes() == b"memory:1"


async def test_a_pin_turns_even_a_track_of_its_own_source(work: Work, matches: Matches) -> None:
    await matches.pin(work.track_id, "memory:9")
    done = await fetch(matches, Counting(offered(7), offered(9)))(replace(work, track=offered(7)), Here())
    assert done.supplied is not None
    assert done.supplied.path.read_bytes() == b"memory:9"


async def test_nothing_found_is_said_with_what_was_thought_of_the_best(work: Work, matches: Matches) -> None:
    with pytest.raises(Permanent, match="No audio was found"):
        await fetch(matches, Counting())(work, Here())
    with pytest.raises(Permanent, match=r"Of 1 candidates the best scored 0\.\d\d"):
        await fetch(matches, Counting(offered(1, "Night Ferry (Kora Remix)")))(work, Here())
    assert await matches.undecided(limit=10) == []


@pytest.mark.parametrize("error", [Temporary("resting", delay=600), NeedsPerson("sign in"), Permanent("gone")])
async def test_one_sources_trouble_stays_with_it(work: Work, matches: Matches, error: MusicsyncError) -> None:
    """Another's candidate is taken all the same; without one, what passes is waited for, and what a person can mend is
    told.
    """
    done = await fetch(matches, Broken(error), Counting(offered(1)))(work, Here())
    assert done.audio is not None
    assert (await matches.of(work.track_id)).troubles == (str(error),)
    await matches.refuse(work.track_id, "memory:1", {"what": "no"})
    with pytest.raises(type(error)) as caught:
        await fetch(matches, Broken(error))(work, Here())
    assert (caught.value is error) != (type(error) is Permanent)
    assert str(error) in str(caught.value)


async def test_a_disks_fault_is_no_candidates_fault(work: Work, matches: Matches) -> None:
    """It is not passed on: the next try takes the same candidate."""

    class Full(Counting):
        async def supply(self, track: Track, folder: Path, progress: Any) -> Supplied:
            raise NeedsPerson("The disk is full")

    step = fetch(matches, Full(offered(1), offered(2)))
    for _ in range(2):
        with pytest.raises(NeedsPerson, match="disk"):
            await step(work, Here())
    known = await matches.of(work.track_id)
    assert (known.tried, known.chosen) == ({}, "memory:1")


class Guarded(Counting):
    """Shows what it was told to refuse to grown-ups only."""

    async def supply(self, track: Track, folder: Path, progress: Any) -> Supplied:
        if track.source_url in self.refused:
            raise from_dict(Withheld("The service wants to see a person").as_dict())
        return await super().supply(track, folder, progress)


async def test_what_only_some_people_get_gives_way_to_the_next(work: Work, matches: Matches) -> None:
    """An age gate is the candidate's alone. Where no other is left a person may still do something."""
    source, here = Guarded(offered(1), offered(2), refuse=["memory:1"]), Here()
    step = fetch(matches, source)
    with pytest.raises(Temporary):
        await step(work, here)
    done = await step(work, here)
    assert done.audio is not None
    assert done.audio.source_url == "memory:2"
    await matches.refuse(work.track_id, "memory:2", Permanent("gone").as_dict())
    with pytest.raises(NeedsPerson, match="None of the 2 candidates"):
        await step(work, here)


async def test_what_a_person_named_never_gives_way(work: Work, matches: Matches) -> None:
    """Pinned, or of the track's own source: the gate is what there is to tell."""
    step = fetch(matches, Guarded(offered(1), offered(2), refuse=["memory:1"]))
    with pytest.raises(NeedsPerson, match="see a person"):
        await step(replace(work, track=offered(1)), Here())
    await matches.pin(work.track_id, "memory:1")
    with pytest.raises(NeedsPerson, match="see a person"):
        await step(work, Here())
    assert (await matches.of(work.track_id)).tried == {}


class Failing(Counting):
    """Fails with what it was told to refuse, whenever it is asked."""

    counts = True

    async def supply(self, track: Track, folder: Path, progress: Any) -> Supplied:
        if track.source_url in self.refused:
            raise Temporary("It cannot be read", counts=self.counts)
        return await super().supply(track, folder, progress)


async def test_the_last_try_goes_to_the_next_candidate(work: Work, matches: Matches) -> None:
    """Before that the same one is tried again; without another the failure is the track's."""
    source, here = Failing(offered(1), offered(2), refuse=["memory:1", "memory:2"]), Here()
    step = fetch(matches, source)
    for attempt, counts in ((1, True), (ATTEMPTS, False)):
        here.attempt, source.counts = attempt, counts
        with pytest.raises(Temporary, match="cannot be read"):
            await step(work, here)
    source.counts = True
    with pytest.raises(Temporary, match="memory:1 is not the audio") as caught:
        await step(work, here)
    assert (caught.value.delay, caught.value.counts) == (0, False)
    with pytest.raises(Temporary, match="cannot be read"):
        await step(work, here)
    source.refused.clear()
    done = await step(work, here)
    assert done.audio is not None
    assert done.audio.source_url == "memory:2"


async def test_a_candidate_whose_source_is_gone_is_left_out_for_as_long(work: Work, matches: Matches) -> None:
    """Chosen yesterday at a source that is not set up today: another is looked for, and none is held against it."""

    class Other(Counting):
        name: ClassVar[str] = "other"

    other = Other(offered(5, source="other"))
    first, here = Counting(offered(1)), Here()
    await fetch(matches, first)(work, here)
    done = await fetch(matches, other)(work, here)
    assert done.audio is not None
    assert (done.audio.source, (await matches.of(work.track_id)).tried) == ("other", {})
    with pytest.raises(Permanent, match="No audio was found"):
        await fetch(matches)(work, here)
    assert (await matches.of(work.track_id)).tried == {}


async def test_fewer_words_are_tried_only_where_all_of_them_lead_nowhere(work: Work, matches: Matches) -> None:
    wanted = replace(WANTED, title="Night Ferry (feat. Kora)", artists=("Ada Voss & Band", "Kora"))
    assert queries(wanted) == ("Ada Voss & Band Kora Night Ferry (feat. Kora)", "Ada Voss & Band Night Ferry")
    source = Counting()
    with pytest.raises(Permanent):
        await fetch(matches, source)(replace(work, track=wanted), Here())
    assert source.queries == [*queries(wanted)]


def test_only_what_can_supply_is_pinned() -> None:
    assert pinnable("memory:1", (Liked(), Counting(offered(1)))) == "memory:1"
    with pytest.raises(BadInput):
        pinnable("ftp://nobody", (Liked(), Counting()))

    class Owner(Liked):
        def owns(self, url: str) -> bool:
            return True

    with pytest.raises(BadInput, match="supplies no audio"):
        pinnable("https://open.spotify.com/track/1", (Owner(),))


class Named(MemorySource):
    """Owns the addresses of a named service."""

    name: ClassVar[str] = "youtube"

    def owns(self, url: str) -> bool:
        return True


@pytest.mark.parametrize(
    "url",
    [
        "https://www.youtube.com/playlist?list=PL0123456789012345678901234567890ab",
        "https://www.youtube.com/@channel",
        "https://youtube.com/",
        "https://soundcloud.com/ada-voss/sets/x",
        "https://soundcloud.com/ada-voss",
    ],
)
def test_a_list_is_no_pin(url: str) -> None:
    """Refused before anything makes way for it."""
    with pytest.raises(BadInput, match="is no single track"):
        pinnable(url, (Named({}),))


@pytest.mark.parametrize(
    "url",
    ["https://youtu.be/aaaaaaaaaaa", "https://on.soundcloud.com/AbCdEfG", "https://soundcloud.com/ada-voss/night"],
)
def test_a_track_and_a_short_link_are(url: str) -> None:
    assert pinnable(url, (Named({}),)) == url


TITLES = st.sampled_from(["Night Ferry", "Night Ferry (Kora Remix)", "Night Ferry (Live)", "Harbour", "Ferry"])
CANDIDATES = st.lists(
    st.builds(
        Candidate,
        source=st.just("memory"),
        url=st.integers(0, 9).map(lambda number: f"memory:{number}"),
        title=TITLES,
        artists=st.sampled_from([("Ada Voss",), ("Nina Vale",), ()]),
        uploader=st.sampled_from(["Ada Voss", "A Label", ""]),
        duration=st.sampled_from([200.0, 201.0, 260.0, 30.0, None]),
    ),
    max_size=6,
    unique_by=lambda one: one.url,
)


@given(candidates=CANDIDATES, refused=st.sets(st.integers(0, 9).map(lambda number: f"memory:{number}")))
def test_nothing_is_taken_that_the_matcher_does_not_accept(candidates: list[Candidate], refused: set[str]) -> None:
    """Whatever was found and tried: what is taken is accepted, untried, and the best such; else an error says why."""
    judged = match(WANTED, candidates).judged
    told = tuple(
        {"url": one.candidate.url, "verdict": one.verdict.value, "score": one.score, "title": one.candidate.title,
         "reasons": [*one.reasons]}
        for one in judged
    )  # fmt: skip
    known = Searched(track="t", candidates=told, tried={url: {"what": "no"} for url in refused})
    taken = acceptable(known)
    free = [one for one in judged if one.verdict is Verdict.ACCEPT and one.candidate.url not in refused]
    assert (taken or {}).get("url") == (free[0].candidate.url if free else None)
    if taken is None:
        error = undecided(WANTED, known)
        assert isinstance(error, Permanent)
        assert not isinstance(error, Degraded)
        assert error.fix
