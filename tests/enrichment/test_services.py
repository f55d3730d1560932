"""AcoustID, MusicBrainz and the Cover Art Archive under the contract, and what each promises beside it."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest

from musicsyncd.enrichment.acoustid import AcoustId
from musicsyncd.enrichment.base import Enricher, Known, Told
from musicsyncd.enrichment.memory import MemoryEnricher
from musicsyncd.errors import BadInput, MusicsyncError, NeedsPerson, Permanent, Temporary
from musicsyncd.music.identity import Identity
from tests.audio import sounds
from tests.enrichment.conftest import Asking
from tests.enrichment.contract import TRACK, EnricherContract
from tests.fakes.music_services import (
    FINGERPRINT_ID,
    ISRC,
    KEY,
    RECORDING,
    RELEASE,
    Ill,
    MusicServices,
    heard,
    recording,
    release,
)

KNOWN = Known(track=TRACK, duration=6.0, fingerprint="AQAB")
WANTED = frozenset({"album", "date", "isrc", "label", "catalog_number", "artwork"})
OTHER = RECORDING.replace("1", "2")
GARBAGE = (b"", b"<html>busy</html>", b"[]", b"null", b'{"results": [{"id": "../../x"}]}', b"\xff\xfe", b"[" * 100_000)
LONG = b'{"id": "%s", "title": "%s"}' % (RECORDING.encode(), b"x" * 2000)


async def fails(enricher: Enricher, known: Known) -> MusicsyncError:
    with pytest.raises(MusicsyncError) as caught:
        await enricher.ask(known)
    assert KEY not in repr(caught.value.as_dict())
    return caught.value


class TestMemory(EnricherContract):
    """The twin."""

    @pytest.fixture
    def known(self) -> Known:
        return KNOWN

    @pytest.fixture
    def enricher(self) -> Enricher:
        return MemoryEnricher({TRACK.label: Told(facts={"album": "A"})})

    @pytest.fixture
    def ill(self) -> Enricher:
        return MemoryEnricher({}, trouble=Temporary("away"))


# AcoustID


class TestAcoustId(EnricherContract):
    """Against the fake."""

    @pytest.fixture
    def known(self) -> Known:
        return KNOWN

    @pytest.fixture
    def enricher(self, asking: Asking) -> Enricher:
        return asking.acoustid

    @pytest.fixture
    def ill(self, asking: Asking, services: MusicServices) -> Enricher:
        services.fall_ill("/v2", Ill(status=503, headers={"Retry-After": "3600"}))
        return asking.acoustid


async def test_the_key_is_in_no_url(asking: Asking, services: MusicServices) -> None:
    """It is posted; the answer is the fingerprint's id and the recording, and is asked for once."""
    for _ in range(2):
        told = await asking.acoustid.ask(KNOWN)
    assert told.facts == {"acoustid": FINGERPRINT_ID, "score": 0.97, "recording": RECORDING}
    assert (told.identities, told.recording) == ((Identity("acoustid", FINGERPRINT_ID),), RECORDING)
    (asked,) = services.asked
    assert (asked.method, asked.path, asked.form["client"]) == ("POST", "/v2/lookup", KEY)
    assert (asked.form["duration"], asked.form["fingerprint"]) == ("6", "AQAB")


@pytest.mark.parametrize(
    ("result", "note"),
    [
        (heard(score=0.79), "sounds like this"),
        (heard(duration=60), "lasts 60 s and not 6 s"),
        (heard(title="Night Ferry (Kora Remix)"), "another version: “remix kora”"),
        (heard(title="Lighthouse", artists=[{"name": "Tomo Rell"}]), "Tomo Rell - Lighthouse"),
    ],
)
async def test_what_is_not_the_track_is_not_taken(
    asking: Asking, services: MusicServices, result: dict[str, Any], note: str
) -> None:
    """A far sound, another length, a remix, other names: with the reason, and without an id."""
    services.results = [result]
    told = await asking.acoustid.ask(KNOWN)
    assert (dict(told.facts), told.identities, told.recording) == ({}, (), "")
    assert note in told.note


async def test_the_most_fitting_recording_is_taken(asking: Asking, services: MusicServices) -> None:
    """Of several linked to one sound: the likest names, then the most people; nulls and lone ids are lived with."""
    far, near = heard(title="Night Ferry (live)"), heard(title="Night Ferry", sources=2)
    bare = {"id": OTHER.replace("2", "3"), "title": None, "artists": None}
    linked = [*far["recordings"], bare, near["recordings"][0] | {"id": OTHER}]
    services.results = [heard(0.85), {"id": FINGERPRINT_ID, "score": 0.99, "recordings": linked}]
    assert (await asking.acoustid.ask(KNOWN)).recording == OTHER


async def test_a_sound_that_nobody_named(asking: Asking, services: MusicServices) -> None:
    """Its id is known all the same; one that nobody ever sent is asked for again sooner."""
    services.results = [{"id": FINGERPRINT_ID, "score": 0.9}]
    told = await asking.acoustid.ask(KNOWN)
    assert (told.identities, told.recording) == ((Identity("acoustid", FINGERPRINT_ID),), "")
    services.results = []
    other = replace(KNOWN, fingerprint="AQAC")
    for seconds in (0, 2 * 86400, 2 * 86400, 86400):
        await asking.clock.advance(seconds)
        assert "nothing that sounds like this" in (await asking.acoustid.ask(other)).note
    assert [one.form["fingerprint"] for one in services.asked] == ["AQAB", "AQAC", "AQAC"]


async def test_a_wrong_key_is_a_persons_matter(asking: Asking, services: MusicServices) -> None:
    """Said with the setting, asked once, and the service's own sentence, which repeats the key, is not."""
    wrong = AcoustId(
        asking.acoustid._client, asking.acoustid._budget, asking.cache, base_url=services.url(), key="wrong-canary"
    )
    for _ in range(3):
        error = await fails(wrong, KNOWN)
        assert isinstance(error, NeedsPerson)
        assert "enrichment.acoustid_key" in error.fix
        assert "wrong-canary" not in repr(error.as_dict())
    assert len(services.asked) == 1


@pytest.mark.parametrize(
    ("code", "kind"), [(3, Permanent), (8, Permanent), (12, NeedsPerson), (5, Temporary), (13, Temporary)]
)
async def test_error_codes(asking: Asking, services: MusicServices, code: int, kind: type[MusicsyncError]) -> None:
    """What its numbers mean, whatever the status."""
    body = json.dumps({"status": "error", "error": {"code": code, "message": KEY}}).encode()
    for status in (200, 400):
        services.fall_ill("/v2", Ill(status=status, body=body))
        error = await fails(asking.acoustid, replace(KNOWN, fingerprint=f"AQ{code}{status}"))
        assert type(error) is kind
        if kind is NeedsPerson:
            return


@pytest.mark.parametrize("body", GARBAGE)
async def test_garbage_is_never_believed(asking: Asking, services: MusicServices, body: bytes) -> None:
    """Nor remembered: the next time the right answer counts."""
    services.fall_ill("/v2", Ill(body=body))
    assert isinstance(await fails(asking.acoustid, KNOWN), Temporary)
    assert (await asking.acoustid.ask(KNOWN)).recording == RECORDING


# MusicBrainz

NAMED = replace(KNOWN, recording=RECORDING, wanted=WANTED)


class TestMusicBrainz(EnricherContract):
    """Against the fake, which refuses who does not say who asks."""

    @pytest.fixture
    def known(self) -> Known:
        return NAMED

    @pytest.fixture
    def enricher(self, asking: Asking) -> Enricher:
        return asking.musicbrainz

    @pytest.fixture
    def ill(self, asking: Asking, services: MusicServices) -> Enricher:
        services.fall_ill("/ws/2", Ill(status=503, headers={"Retry-After": "3600"}))
        return asking.musicbrainz


async def test_recording_and_release_are_told(asking: Asking, services: MusicServices) -> None:
    """Two questions, the first time; none the second."""
    for _ in range(2):
        told = await asking.musicbrainz.ask(NAMED)
    assert told.facts == {
        "recording": RECORDING,
        "title": "Night Ferry",
        "artists": ["Ada Voss"],
        "isrc": ISRC,
        "album": "Lantern Street",
        "date": "2019-05-04",
        "label": "Harbour Lights",
        "catalog_number": "LS 007",
        "release": RELEASE,
    }
    assert (told.identities, told.cover_of) == ((Identity("mbid", RECORDING),), RELEASE)
    assert [one.path.partition("?")[0] for one in services.asked] == [
        f"/ws/2/recording/{RECORDING}",
        f"/ws/2/release/{RELEASE}",
    ]


async def test_only_what_is_wanted_is_asked(asking: Asking, services: MusicServices) -> None:
    """Without a gap that the release could fill, it is not looked at."""
    await asking.musicbrainz.ask(replace(NAMED, wanted=frozenset({"isrc", "album"})))
    assert len(services.asked) == 1


async def test_a_track_with_an_isrc_needs_no_fingerprint(asking: Asking, services: MusicServices) -> None:
    """The recording is found by it; among several the one that the track may be."""
    live = recording(id=OTHER, title="Night Ferry (live)")
    services.known[f"isrc/{ISRC}"] = {"isrc": ISRC, "recordings": [live, recording()]}
    known = replace(KNOWN, track=replace(TRACK, isrc=ISRC), wanted=WANTED)
    assert (await asking.musicbrainz.ask(known)).recording == RECORDING
    elsewhere = replace(known, track=replace(TRACK, isrc="XXAB11900001"))
    assert (await asking.musicbrainz.ask(elsewhere)).facts == {}


@pytest.mark.parametrize(
    ("more", "note"),
    [
        ({"title": "Night Ferry (Kora remix)"}, "“remix kora”"),
        ({"disambiguation": "live, 2019-05-04: Pier 7"}, "“live"),
        ({"length": 66_000}, "lasts 66 s"),
    ],
)
async def test_a_remix_never_gets_the_originals_isrc(
    asking: Asking, services: MusicServices, more: dict[str, Any], note: str
) -> None:
    """Nor the other way round: what stands beside the title counts as in it, and nothing at all is taken."""
    services.known[f"recording/{RECORDING}"] = recording(**more)
    told = await asking.musicbrainz.ask(NAMED)
    assert (dict(told.facts), told.identities, told.cover_of) == ({}, (), "")
    assert note in told.note


LATER = {"secondary-types": ["Compilation"]}


def on(*releases: dict[str, Any]) -> dict[str, Any]:
    """The recording on these releases."""
    plain = {"status": "Official", "release-group": {"secondary-types": []}}
    return recording(releases=[plain | {"id": f"{RELEASE[:-1]}{n}"} | one for n, one in enumerate(releases)])


@pytest.mark.parametrize(
    ("releases", "album", "expected"),
    [
        ([{"title": "B", "date": "2020"}, {"title": "A", "date": "2019-05"}], "", "A"),
        ([{"title": "A", "date": "2019"}, {"title": "B", "date": "2019-05-04"}], "", "B"),
        ([{"title": "A"}, {"title": "B", "date": "2021"}], "", "B"),
        (
            [{"title": "Hits", "date": "1999", "release-group": LATER}, {"title": "B", "date": "2020"}],
            "",
            "B",
        ),
        ([{"title": "Boot", "date": "1999", "status": "Bootleg"}], "", ""),
        ([{"title": "A", "date": "2019"}, {"title": "B", "date": "2020"}], "b", "B"),
        ([{"title": "A", "date": "2019"}], "Quite another", ""),
        ([], "", ""),
        ([{"title": "A", "date": None, "release-group": None, "status": None}], "", "A"),
    ],
)
async def test_the_release_that_speaks(
    asking: Asking, services: MusicServices, releases: list[dict[str, Any]], album: str, expected: str
) -> None:
    """The earliest official one, of the source's own album where it names one."""
    services.known[f"recording/{RECORDING}"] = on(*releases)
    for number in range(len(releases)):
        services.known[f"release/{RELEASE[:-1]}{number}"] = release(id=f"{RELEASE[:-1]}{number}")
    told = await asking.musicbrainz.ask(replace(NAMED, track=replace(TRACK, album=album)))
    assert told.facts.get("album", "") == expected
    assert ("label" in told.facts) == bool(expected)
    assert told.facts["isrc"] == ISRC


async def test_odd_values_are_left_out(asking: Asking, services: MusicServices) -> None:
    """No label is no label, half a date is none, an ISRC has twelve characters, and no front is no cover."""
    services.known[f"recording/{RECORDING}"] = on({"title": "A", "date": "????-05"}) | {
        "isrcs": ["XX", "DEAB11900009", ISRC],
        "first-release-date": "",
    }
    services.known[f"release/{RELEASE[:-1]}0"] = release(
        id=f"{RELEASE[:-1]}0",
        **{"label-info": [{"catalog-number": "[none]", "label": {"name": "[no label]"}}, {"label": None}]},
        **{"cover-art-archive": {"front": False}},
    )
    told = await asking.musicbrainz.ask(NAMED)
    assert not {"label", "catalog_number", "date"} & set(told.facts)
    assert (told.facts["isrc"], told.facts["isrcs"], told.cover_of) == (ISRC, [ISRC, "DEAB11900009"], "")


async def test_a_throttled_question_is_asked_again(asking: Asking, services: MusicServices) -> None:
    """503 without a word on how long: a second later it goes on."""
    services.fall_ill("/ws/2/recording", Ill(status=503, body=b'{"error": "exceeding the allowable rate limit"}'))
    assert (await asking.musicbrainz.ask(NAMED)).recording == RECORDING


async def test_a_recording_that_is_gone(asking: Asking, services: MusicServices) -> None:
    """Not known any more is an answer, and is remembered for a while."""
    services.known.clear()
    for _ in range(2):
        assert "does not know the recording" in (await asking.musicbrainz.ask(NAMED)).note
    assert len(services.asked) == 1


@pytest.mark.parametrize("body", [*GARBAGE, LONG])
async def test_garbage_of_musicbrainz(asking: Asking, services: MusicServices, body: bytes) -> None:
    """Neither believed nor remembered."""
    services.fall_ill("/ws/2", Ill(body=body))
    assert isinstance(await fails(asking.musicbrainz, NAMED), Temporary)
    assert (await asking.musicbrainz.ask(NAMED)).recording == RECORDING


async def test_a_question_that_is_not_taken(asking: Asking, services: MusicServices) -> None:
    """For good."""
    services.fall_ill("/ws/2", Ill(status=400))
    assert type(await fails(asking.musicbrainz, NAMED)) is Permanent


# The Cover Art Archive

COVERED = replace(NAMED, cover_of=RELEASE)


class TestCoverArt(EnricherContract):
    """Against the fake, which leads on to another host."""

    @pytest.fixture
    def known(self, services: MusicServices) -> Known:
        services.pictures[RELEASE] = sounds.picture()
        return COVERED

    @pytest.fixture
    def enricher(self, asking: Asking) -> Enricher:
        return asking.coverart

    @pytest.fixture
    def ill(self, asking: Asking, services: MusicServices) -> Enricher:
        services.fall_ill("/release", Ill(status=429, headers={"Retry-After": "3600"}))
        return asking.coverart


async def test_the_front_is_fetched_once(asking: Asking, services: MusicServices) -> None:
    """From another host; its file is kept, and fetched again when somebody cleared it away."""
    services.pictures[RELEASE] = sounds.picture()
    for _ in range(2):
        told = await asking.coverart.ask(COVERED)
    assert told.picture is not None
    assert told.picture.read_bytes() == sounds.picture()
    assert [one.host for one in services.asked] == ["127.0.0.1", "localhost"]
    told.picture.unlink()
    assert await asking.coverart.ask(COVERED) == told
    assert told.picture.is_file()
    assert await asking.coverart.ask(replace(COVERED, wanted=frozenset())) == Told()
    assert len(services.asked) == 4


async def test_no_front_is_remembered(asking: Asking, services: MusicServices) -> None:
    """For three days; then somebody may have added one."""
    for seconds in (0, 0, 4 * 86400):
        await asking.clock.advance(seconds)
        assert "no front cover" in (await asking.coverart.ask(COVERED)).note
    assert len(services.asked) == 2


async def test_a_picture_as_large_as_a_film_is_left(asking: Asking, services: MusicServices) -> None:
    """Said at once, without reading it."""
    services.pictures[RELEASE] = b"\xff\xd8\xff" + bytes(9_000_000)
    assert isinstance(await fails(asking.coverart, COVERED), BadInput)
    assert not asking.cache.folder.exists()


async def test_a_page_is_no_picture(asking: Asking, services: MusicServices) -> None:
    """archive.org says that it is busy with a page and status 200."""
    services.pictures[RELEASE] = b"<html>busy</html>"
    assert isinstance(await fails(asking.coverart, COVERED), Temporary)


async def test_a_folder_that_cannot_be_written(asking: Asking, services: MusicServices) -> None:
    """Is an error of ours, which keeps no track away."""
    services.pictures[RELEASE] = sounds.picture()
    asking.cache.folder.write_bytes(b"a file where the folder should be")
    await fails(asking.coverart, COVERED)


async def test_what_is_old_is_tidied_away(asking: Asking, services: MusicServices) -> None:
    """Answers and pictures after their time, and no younger ones."""
    services.pictures[RELEASE] = sounds.picture()
    told = await asking.coverart.ask(COVERED)
    await asking.acoustid.ask(KNOWN)
    assert told.picture is not None
    assert (await asking.cache.tidy(), told.picture.exists()) == (0, True)
    await asking.clock.advance(4000 * 86400)  # the picture bears the real time, this clock began before it
    assert (await asking.cache.tidy(), told.picture.exists()) == (2, False)
