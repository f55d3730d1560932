"""What a person pinned: it shows if and only if the files of other audio make way."""

from __future__ import annotations

import pytest

from musicsyncd.clock import ManualClock
from musicsyncd.database import Database
from musicsyncd.ledger.entry import FileFacts
from musicsyncd.ledger.ledger import Ledger
from musicsyncd.ledger.matches import MATCHED, SUPERSEDED, Matches
from musicsyncd.music.identity import Identity
from musicsyncd.music.track import Track

TRACK = Track(title="Song", source="spotify", source_url="spotify:1", identities=(Identity("spotify", "1"),))
RIGHT, WRONG = "https://soundcloud.com/ada/right", "https://soundcloud.com/ada/wrong"


@pytest.fixture
def matches(database: Database, clock: ManualClock) -> Matches:
    return Matches(database, clock)


async def kept(ledger: Ledger, delivery: dict[str, str]) -> str:
    """A track whose files were made of this delivery."""
    (track,) = await ledger.record_tracks([TRACK])
    source, output = (
        FileFacts(role=role, format=format_, sha256=sha, size=10, pcm_md5="p", duration=200.0, facts=facts)
        for role, format_, sha, facts in (
            ("source", "", "s1", {"delivery": delivery}),
            ("output", "alac", "o1", {"version": 2, "earlier": {}, "codec": "alac"}),
        )
    )
    await ledger.record_files(track.id, [source, output])
    return track.id


async def output(ledger: Ledger, track: str) -> FileFacts:
    (one,) = [one for one in (await ledger.entry(track)).files if one.role == "output"]
    return one


@pytest.mark.parametrize("delivery", [{MATCHED: WRONG}, {}])
async def test_a_pin_and_what_makes_way_for_it_are_one(
    ledger: Ledger, matches: Matches, delivery: dict[str, str]
) -> None:
    """Written together, so that no kill falls between the two; audio of the track's own source makes way as well."""
    track = await kept(ledger, delivery)
    await matches.pin(track, RIGHT)
    made = await output(ledger, track)
    assert ((await matches.of(track)).pin, made.sha256, made.facts) == (RIGHT, SUPERSEDED, {"codec": "alac"})


async def test_the_same_pin_again_is_obeyed_where_other_audio_stands(ledger: Ledger, matches: Matches) -> None:
    """Files may have been finished of what was wanted before."""
    track = await kept(ledger, {MATCHED: WRONG})
    await matches.pin(track, RIGHT)
    await kept(ledger, {MATCHED: WRONG})
    assert (await output(ledger, track)).sha256 == "o1"
    await matches.pin(track, RIGHT)
    assert (await output(ledger, track)).sha256 == SUPERSEDED


async def test_what_was_made_of_the_pinned_audio_stays(ledger: Ledger, matches: Matches) -> None:
    """And so does everything when a pin is taken back."""
    track = await kept(ledger, {MATCHED: RIGHT})
    await matches.pin(track, RIGHT)
    await matches.pin(track, "")
    assert (await output(ledger, track)).sha256 == "o1"
