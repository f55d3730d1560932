"""Audio that a search found is doubted where others know its sound by another name, and nowhere else."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, ClassVar

import pytest

from musicsyncd.audio.values import Analysis
from musicsyncd.clock import ManualClock
from musicsyncd.database import MEMORY, Database
from musicsyncd.enrichment.base import Enricher, Known
from musicsyncd.errors import MusicsyncError, Permanent, Temporary
from musicsyncd.ledger.entry import FileFacts
from musicsyncd.ledger.ledger import Ledger
from musicsyncd.ledger.matches import MATCHED, Matches
from musicsyncd.ledger.schema import MIGRATIONS
from musicsyncd.music.identity import Identity
from musicsyncd.music.recognition import HeardAs
from musicsyncd.music.track import Track
from musicsyncd.pipeline.recognise import Recognise
from musicsyncd.pipeline.step import Work
from tests.fakes.prints import print_of

WANTED = Track(
    title="Night Ferry",
    artists=("Ada Voss",),
    duration=200.0,
    source="liked",
    source_url="liked:1",
    identities=(Identity("liked", "1"),),
)
FOUND = Track(title="Night Ferry", artists=("Ada Voss",), source="memory", source_url="memory:9")
OTHER = Track(
    title="Glass Harbour",
    artists=("Tomo Rell",),
    source="folder",
    source_url="file:///a.wav",
    identities=(Identity("sha256", "1" * 64),),
)


class Knowing(Enricher):
    """Takes every sound for these recordings, or cannot be asked."""

    name: ClassVar[str] = "knowing"

    def __init__(self, *told: HeardAs | MusicsyncError) -> None:
        self.told = told

    async def recordings(self, known: Known) -> Sequence[HeardAs]:
        """Known by its fingerprint alone."""
        assert known.fingerprint
        for one in self.told:
            if isinstance(one, MusicsyncError):
                raise one
        return [one for one in self.told if isinstance(one, HeardAs)]


def heard(track: Track) -> HeardAs:
    return HeardAs(title=track.title, artists=track.artists, by="AcoustID")


def analysis(sound: str) -> Analysis:
    return Analysis(duration=200.0, fingerprint=print_of(sound))


@pytest.fixture
async def database(tmp_path: Path) -> AsyncIterator[Database]:
    database = await Database.open(MEMORY, {"ledger": MIGRATIONS}, backups=tmp_path, clock=ManualClock())
    yield database
    await database.close()


@pytest.fixture
def ledger(database: Database) -> Ledger:
    return Ledger(database, ManualClock())


@pytest.fixture
def matches(database: Database) -> Matches:
    return Matches(database, ManualClock())


@pytest.fixture
async def work(ledger: Ledger, tmp_path: Path) -> Work:
    (entry,) = await ledger.record_tracks([WANTED])
    return Work(track_id=entry.id, track=WANTED, folder=tmp_path, formats=("wav",), audio=FOUND)


async def keep(ledger: Ledger, track: Track, sound: str, **delivery: Any) -> None:
    """A track of this sound is in the ledger."""
    (entry,) = await ledger.record_tracks([track])
    facts = FileFacts(
        role="source", format="", sha256="f" * 64, size=1, facts={"delivery": delivery} if delivery else {}
    )
    await ledger.record_files(entry.id, [facts])
    await ledger.record_analysis(entry.id, {"duration": 200.0, "fingerprint": print_of(sound)})


async def test_what_all_take_for_another_recording_is_refused(ledger: Ledger, matches: Matches, work: Work) -> None:
    """By a service, or by what is kept; one that fits is enough for it to be taken."""
    known = Recognise(matches, ledger, [Knowing(heard(OTHER))])
    with pytest.raises(Permanent, match=r"not that of Ada Voss - Night Ferry.*Tomo Rell - Glass Harbour"):
        await known(work, analysis("a"))
    await Recognise(matches, ledger, [Knowing(heard(OTHER), heard(WANTED))])(work, analysis("a"))
    await keep(ledger, OTHER, "a")
    with pytest.raises(Permanent, match="A track that is kept says"):
        await Recognise(matches, ledger, [])(work, analysis("a"))
    await Recognise(matches, ledger, [Knowing(heard(WANTED))])(work, analysis("a"))
    await Recognise(matches, ledger, [])(work, analysis("b"))


async def test_a_copy_that_was_itself_searched_for_proves_nothing(ledger: Ledger, matches: Matches, work: Work) -> None:
    """It may be the one that is wrong."""
    await keep(ledger, OTHER, "a", **{MATCHED: "memory:3"})
    await Recognise(matches, ledger, [])(work, analysis("a"))


async def test_a_persons_word_is_not_doubted(ledger: Ledger, matches: Matches, work: Work) -> None:
    """Neither a URL of the track's own source nor a pin."""
    known = Recognise(matches, ledger, [Knowing(heard(OTHER))])
    await known(replace(work, audio=None), analysis("a"))
    await matches.pin(work.track_id, FOUND.source_url)
    await known(work, analysis("a"))


async def test_who_cannot_be_asked_forbids_nothing(ledger: Ledger, matches: Matches, work: Work) -> None:
    """The next one is asked all the same."""
    down = Knowing(Temporary("down"))
    await Recognise(matches, ledger, [down])(work, analysis("a"))
    with pytest.raises(Permanent):
        await Recognise(matches, ledger, [down, Knowing(heard(OTHER))])(work, analysis("a"))
