"""Each step by itself: what it leaves behind when it fails, what it does not do twice, and whom it recognises."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import AsyncIterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import anyio
import pytest

from musicsyncd.audio.values import Analysis, Transcoded
from musicsyncd.catalog.base import Fields, Published
from musicsyncd.catalog.memory import MemoryCatalog
from musicsyncd.clock import ManualClock
from musicsyncd.database import MEMORY, Database
from musicsyncd.errors import Degraded, MusicsyncError, NeedsPerson, Permanent, Temporary
from musicsyncd.ledger.entry import FileFacts
from musicsyncd.ledger.ledger import Ledger
from musicsyncd.ledger.schema import MIGRATIONS
from musicsyncd.library.base import Kept, Staged
from musicsyncd.library.memory import MemoryShelf
from musicsyncd.library.volume import Volume
from musicsyncd.music.identity import Identity, of_file
from musicsyncd.music.track import Track
from musicsyncd.pipeline.analyze import Analyze
from musicsyncd.pipeline.download import Download
from musicsyncd.pipeline.publish import Publish
from musicsyncd.pipeline.shelve import Shelve
from musicsyncd.pipeline.step import Work, walk
from musicsyncd.pipeline.tag import Tag
from musicsyncd.pipeline.transcode import Transcode
from musicsyncd.pipeline.waveforms import Waveforms
from musicsyncd.sources.base import Progress, Supplied
from musicsyncd.sources.memory import MemorySource
from tests.fakes.audio import FakeAudio, sound
from tests.fakes.gate import Gate
from tests.fakes.prints import print_of
from tests.pipeline.here import Here

NOWHERE = Waveforms(Path("/nonexistent"))  # the twin of the audio room draws none
A = Track(
    title="A",
    duration=200.0,
    source="memory",
    source_url="memory:a",
    identities=(Identity("memory", "a"),),
)
AUDIO = sound("a")


class Half(MemorySource):
    """Writes half of a file, and then does what it was told."""

    def __init__(self, error: Exception | None) -> None:
        super().__init__({A: AUDIO})
        self.error, self.begun = error, anyio.Event()

    async def supply(self, track: Track, folder: Path, progress: Progress) -> Supplied:
        await anyio.Path(folder / "audio.part").write_bytes(AUDIO[:5])
        self.begun.set()
        if self.error:
            raise self.error
        await anyio.sleep_forever()
        raise AssertionError


@pytest.fixture
async def ledger(tmp_path: Path) -> AsyncIterator[Ledger]:
    clock = ManualClock()
    database = await Database.open(MEMORY, {"ledger": MIGRATIONS}, backups=tmp_path, clock=clock)
    yield Ledger(database, clock)
    await database.close()


@pytest.fixture
async def work(ledger: Ledger, tmp_path: Path) -> Work:
    """A, recorded, with two formats to make."""
    (track,) = await ledger.record_tracks([A])
    return Work(track_id=track.id, track=A, folder=tmp_path / "staging" / track.id, formats=("alac", "wav"))


def files(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.rglob("*") if path.is_file())


# Download


@pytest.mark.parametrize("error", [Permanent("no"), Temporary("later"), KeyError("fault")])
async def test_a_download_that_fails_leaves_no_files(work: Work, error: Exception) -> None:
    """On a full disk even the room of half a file counts; nothing is kept of the step."""
    here = Here()
    with pytest.raises(type(error)):
        await Download({"memory": Half(error)})(work, here)
    assert (files(work.folder), here.kept) == ([], {})


async def test_a_download_that_is_cancelled_leaves_no_files(work: Work) -> None:
    """Half a file is no use to the next try."""
    source = Half(None)
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(Download({"memory": source}), work, Here())
        await source.begun.wait()
        assert files(work.folder) == ["audio.part"]
        tasks.cancel_scope.cancel()
    assert files(work.folder) == []


async def test_a_staging_folder_that_cannot_be_written_is_a_persons_matter(work: Work) -> None:
    """The message names the folder, and the job is not tried again and again."""
    work.folder.parent.mkdir(parents=True)
    work.folder.write_bytes(b"a file where the folder should be")
    with pytest.raises(NeedsPerson, match=str(work.folder)):
        await Download({"memory": MemorySource({A: AUDIO})})(work, Here())


async def test_a_source_that_is_no_longer_set_up_is_said(work: Work) -> None:
    """By its name, and for good."""
    with pytest.raises(Permanent, match="'memory'"):
        await Download({})(work, Here())


async def test_a_download_is_not_repeated_while_its_file_stands(work: Work) -> None:
    """The bytes are looked at, not the name: a file that changed or went is fetched again."""
    here, step = Here(), Download({"memory": MemorySource({A: AUDIO})})
    done = await step(work, here)
    assert done.supplied is not None
    assert done.track.identities == (*A.identities, of_file(done.supplied.sha256))
    assert await step(work, here) == done
    assert here.held == ["download"]
    done.supplied.path.write_bytes(b"else")
    assert await step(work, here) == done
    assert done.supplied.path.read_bytes() == AUDIO
    done.supplied.path.unlink()
    assert await step(work, here) == done
    assert here.held == ["download"] * 3


async def test_without_formats_nothing_is_fetched_or_made(work: Work, ledger: Ledger) -> None:
    """A track whose files all stand somewhere passes through untouched."""
    gate, here = Gate(), Here()
    audio, idle = FakeAudio(gate), replace(work, formats=())
    for step in (Download({}), Transcode(audio, ledger), Analyze(audio, ledger, NOWHERE), Tag(audio, ledger)):
        assert await step(idle, here) is idle
    assert (here.kept, here.held, dict(gate.passed)) == ({}, [], {})


# Transcode and tag


async def transcoded(work: Work, ledger: Ledger, here: Here, audio: bytes = AUDIO) -> Work:
    fetched = await Download({"memory": MemorySource({A: audio})})(work, here)
    return await Transcode(FakeAudio(Gate()), ledger)(fetched, here)


async def test_what_was_asked_for_is_recorded_once_it_was_heard(work: Work, ledger: Ledger) -> None:
    """The source's hash, its samples and its own words, and the bytes as an identity."""
    here = Here()
    done = await transcoded(work, ledger, here)
    entry = await ledger.entry(work.track_id)
    assert done.supplied is not None
    assert entry.source_file is not None
    assert (entry.source_file.sha256, entry.source_file.duration) == (done.supplied.sha256, 200.0)
    assert of_file(done.supplied.sha256) in entry.track.identities
    assert set(done.made) == {"alac", "wav"}


class Doubting(FakeAudio):
    """Finds something that can be lived with."""

    async def transcode(self, *args: Any, **options: Any) -> Transcoded:
        return replace(await super().transcode(*args, **options), warnings=("1 of 9 packets were left out",))


async def test_what_was_wrong_with_the_source_is_recorded(work: Work, ledger: Ledger) -> None:
    """The worker's doubts stand among the source's facts, where whoever asks for the track finds them."""
    here = Here()
    fetched = await Download({"memory": MemorySource({A: AUDIO})})(work, here)
    await Transcode(Doubting(Gate()), ledger)(fetched, here)
    source = (await ledger.entry(work.track_id)).source_file
    assert source is not None
    assert source.facts["warnings"] == ["1 of 9 packets were left out"]


async def test_refused_audio_is_not_recorded(work: Work, ledger: Ledger) -> None:
    """Neither as a file nor as an identity of this track."""
    with pytest.raises(Permanent, match="preview"):
        await transcoded(work, ledger, Here(), sound("b", 30.0))
    entry = await ledger.entry(work.track_id)
    assert (entry.files, entry.track) == ((), A)


async def test_bytes_that_are_no_audio_leave_no_outputs(work: Work, ledger: Ledger) -> None:
    """The refusal is the worker's own, and the folder of half-made outputs is gone."""
    with pytest.raises(MusicsyncError, match="no audio"):
        await transcoded(work, ledger, Here(), b"<html>")
    assert files(work.folder) == ["audio.wav"]


async def test_outputs_are_made_again_when_one_is_gone_or_another_is_wanted(work: Work, ledger: Ledger) -> None:
    """What an earlier try kept counts only while it stands and is enough."""
    here = Here()
    done = await transcoded(work, ledger, here)
    assert await transcoded(work, ledger, here) == done
    Path(done.made["alac"].path).unlink()
    assert await transcoded(work, ledger, here) == done
    more = await transcoded(replace(work, formats=("alac", "wav", "flac")), ledger, here)
    assert set(more.made) == {"alac", "wav", "flac"}
    less = await transcoded(replace(work, formats=("flac",)), ledger, here)
    assert set(less.made) == {"alac", "wav", "flac"}
    assert here.held == ["download", "cpu", "cpu", "cpu"]


async def test_tags_are_written_once_for_all_that_was_made(work: Work, ledger: Ledger) -> None:
    """A second pass finds them; a format that came later, or a file that changed, is tagged again."""
    here, gate = Here(), Gate()
    step = Tag(FakeAudio(gate), ledger)
    done = await step(await transcoded(work, ledger, here), here)
    assert {one.format: one.sha256 for one in (await ledger.entry(work.track_id)).files if one.role == "output"} == {
        name: made.sha256 for name, made in done.made.items()
    }
    assert await step(await transcoded(work, ledger, here), here) == done
    assert gate.passed["tag"] == 1
    Path(done.made["wav"].path).write_bytes(b"else")
    await step(await transcoded(work, ledger, here), here)
    assert gate.passed["tag"] == 2
    here.kept["tag"] = json.dumps(json.loads(here.kept["tag"])[:1])
    again = await step(await transcoded(work, ledger, here), here)
    assert set(again.made) == {"alac", "wav"}


# Analyze


async def heard(
    ledger: Ledger, name: str, *, pcm: str = "", print_: str = "", seconds: float = 200.0, title: str = ""
) -> str:
    """A track that was heard before, with this packed fingerprint; its id."""
    track = Track(title=title or name, identities=(Identity("memory", name),))
    (made,) = await ledger.record_tracks([track])
    source = FileFacts(role="source", format="", sha256=name, size=1, pcm_md5=pcm, facts={})
    await ledger.record_files(made.id, [source])
    await ledger.record_analysis(made.id, {"duration": seconds, "fingerprint": print_})
    return made.id


async def analyzed(work: Work, ledger: Ledger) -> Work:
    """The track after this step, its fingerprint being that of the sound `a`."""
    here = Here()
    done = await Analyze(FakeAudio(Gate()), ledger, NOWHERE)(await transcoded(work, ledger, here), here)
    assert "recognise" in here.held
    assert (await ledger.entry(work.track_id)).duplicate_of == done.duplicate_of
    return done


async def samples_of(work: Work, ledger: Ledger) -> str:
    """What transcoding makes known of the track's samples."""
    await transcoded(work, ledger, Here())
    source = (await ledger.entry(work.track_id)).source_file
    assert source is not None
    return source.pcm_md5


async def test_equal_samples_are_recognised_first(work: Work, ledger: Ledger) -> None:
    """The first track with these very samples is the one, whatever sounds alike, and also where nothing is heard."""
    samples = await samples_of(work, ledger)
    await heard(ledger, "other", pcm="else", print_=print_of("a"))
    first = await heard(ledger, "first", pcm=samples)
    await heard(ledger, "second", pcm=samples, print_=print_of("a"))
    assert (await analyzed(work, ledger)).duplicate_of == first
    verdict = (await ledger.entry(work.track_id)).verdict or {}
    assert (verdict["verdict"], verdict["score"]) == ("same", 1.0)


async def test_who_was_not_heard_yet_or_is_another_version_is_not_the_first(work: Work, ledger: Ledger) -> None:
    """Of two copies that arrive together only one is kept; the words of a version count for equal samples too."""
    samples = await samples_of(work, ledger)
    (coming,) = await ledger.record_tracks([Track(title="coming", identities=(Identity("memory", "coming"),))])
    source = FileFacts(role="source", format="", sha256="x", size=1, pcm_md5=samples, facts={})
    await ledger.record_files(coming.id, [source])
    await heard(ledger, "live", pcm=samples, print_=print_of("a"), title="A (Live)")
    assert (await analyzed(work, ledger)).duplicate_of is None


@pytest.mark.parametrize(
    ("others", "expected"),
    [
        ({}, None),
        ({"far": 0.25, "similar": 0.2}, None),
        ({"near": 0.1, "nearest": 0.05, "far": 0.25}, "nearest"),
    ],
)
async def test_the_nearest_sound_below_the_limit_is_the_same(
    work: Work, ledger: Ledger, others: dict[str, float], expected: str | None
) -> None:
    """Likeness alone decides between those that are near enough; none is better than a wrong one."""
    ids = {name: await heard(ledger, name, pcm=name, print_=print_of("a", rate)) for name, rate in others.items()}
    found = await analyzed(work, ledger)
    assert found.duplicate_of == (ids[expected] if expected else None)


@pytest.mark.parametrize("apart", ["", "length", "words", "copy", "failed"])
async def test_equal_sound_is_not_enough(work: Work, ledger: Ledger, apart: str) -> None:
    """Length and words must agree, and what is no copy itself and was not given up is the only one to be kept."""
    other = await heard(
        ledger,
        "other",
        print_=print_of("a"),
        seconds=180.0 if apart == "length" else 203.1,
        title="A (Extended Mix)" if apart == "words" else "A",
    )
    if apart == "copy":
        await ledger.mark_duplicate(other, await heard(ledger, "keeper", print_=print_of("b")), {})
    if apart == "failed":
        await ledger.record_failure(other, Permanent("no"))
    assert (await analyzed(work, ledger)).duplicate_of == (None if apart else other)


async def test_a_keeper_that_is_left_out_at_this_moment_keeps_nothing_out(
    work: Work, ledger: Ledger, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The mark is not written, and the walk goes on."""
    other, third = await heard(ledger, "other", print_=print_of("a")), await heard(ledger, "third")
    mark = ledger.mark_duplicate

    async def late(track_id: str, of: str, verdict: Mapping[str, Any]) -> bool:
        await mark(other, third, {})
        return await mark(track_id, of, verdict)

    monkeypatch.setattr(ledger, "mark_duplicate", late)
    assert (await analyzed(work, ledger)).duplicate_of is None


async def test_at_ten_minutes_lengths_may_differ_more(work: Work, ledger: Ledger) -> None:
    """Two percent, as the verdict has it: candidates come by their sound."""
    long = replace(work.track, source_url="memory:long", identities=(Identity("memory", "long"),))
    (track,) = await ledger.record_tracks([long])
    other = await heard(ledger, "other", print_=print_of("a"), seconds=611.0)
    audio = FakeAudio(Gate())
    ready = replace(work, track_id=track.id, track=long, analysis=await _analysis_of(work, 600.0))
    assert (await Analyze(audio, ledger, NOWHERE)(ready, Here())).duplicate_of == other


async def _analysis_of(work: Work, seconds: float) -> Analysis:
    work.folder.mkdir(parents=True)
    (work.folder / "long").write_bytes(sound("a", seconds))
    return await FakeAudio(Gate()).analyze(work.folder / "long")


async def test_what_stood_already_is_never_called_a_duplicate(work: Work, ledger: Ledger) -> None:
    """A track with files of its own that is made again keeps them."""
    await heard(ledger, "near", print_=print_of("a"))
    assert (await analyzed(replace(work, fresh=False), ledger)).duplicate_of is None
    assert (await ledger.entry(work.track_id)).analysis is not None


async def test_what_transcode_did_not_hear_is_heard_now(work: Work, ledger: Ledger) -> None:
    """The values are those of the source file."""
    here = Here()
    ready = replace(await transcoded(work, ledger, here), analysis=None)
    done = await Analyze(FakeAudio(Gate()), ledger, NOWHERE)(ready, here)
    assert done.analysis is not None
    assert (done.analysis.duration, done.analysis.fingerprint) == (200.0, print_of("a"))


# Shelve and publish


async def test_a_track_walks_from_nothing_to_its_row(work: Work, ledger: Ledger) -> None:
    """Every step in its order; the evidence is what the shelf and the catalog gave back."""
    shelf, catalog, audio = MemoryShelf("main", formats=("alac", "wav")), MemoryCatalog(), FakeAudio(Gate())
    steps = (
        Download({"memory": MemorySource({A: AUDIO})}),
        Transcode(audio, ledger),
        Analyze(audio, ledger, NOWHERE),
        Tag(audio, ledger),
        Shelve({shelf.target: shelf}, ledger),
        Publish({catalog.target: catalog}, ledger),
    )
    wanted = replace(work, shelves={shelf.target: ("alac", "wav")}, catalogs=(catalog.target,))
    await walk(wanted, steps, Here())
    proofs = {(one.target, one.part): one.proof for one in (await ledger.entry(work.track_id)).evidence}
    made = {one.format: one.sha256 for one in (await ledger.entry(work.track_id)).files if one.role == "output"}
    assert {part: proof for (target, part), proof in proofs.items() if target == shelf.target} == made
    assert (catalog.target, "row") in proofs
    assert sorted(shelf.files) == ["Unknown Artist/Unknown Artist - A.m4a", "Unknown Artist/Unknown Artist - A.wav"]


async def test_a_volume_that_hangs_holds_up_no_other(work: Work, ledger: Ledger, tmp_path: Path) -> None:
    """A copy that is read from it is what fails: the volume that was to get it takes the next file at once."""
    a, b = [
        Volume(name, tmp_path / name, formats=("wav",), layout="{title}", longest_silence=0.2) for name in ("A", "B")
    ]
    assert (await b.adopt()).ready
    marker = (await a.adopt()).marker
    os.mkfifo(pipe := tmp_path / "A" / "hangs.wav")  # nobody writes into it: to open it takes for ever
    kept = Kept(shelf="A", marker=marker, path="hangs.wav", format="wav", size=4, mtime_ns=0, sha256="x")
    wanted, here = replace(work, shelves={b.target: ("wav",)}, copies={"wav": kept}), Here()
    try:
        done = await Shelve({one.target: one for one in (a, b)}, ledger)(wanted, here)
    finally:
        os.close(os.open(pipe, os.O_RDWR))
    missed = done.missed[b.target]
    assert isinstance(missed, Degraded)
    assert (missed.target, here.held) == (a.target, [a.target])
    (tmp_path / "ready.wav").write_bytes(b"ready")
    digest = hashlib.sha256(b"ready").hexdigest()
    ready = Staged(path=tmp_path / "ready.wav", format="wav", extension="wav", size=5, sha256=digest)
    assert (await b.place(ready, "T", tie_breaker="t")).kept.path == "T.wav"
    with pytest.raises(Temporary, match="taken out"):
        await Shelve({b.target: b}, ledger)(wanted, here)


async def test_a_recognised_duplicate_walks_no_further(work: Work) -> None:
    """Nothing behind that step is called."""

    class Recognise:
        name = "recognise"

        async def __call__(self, work: Work, context: object) -> Work:
            return replace(work, duplicate_of="keeper")

    class Never:
        name = "never"

        async def __call__(self, work: Work, context: object) -> Work:
            raise AssertionError("a duplicate came this far")

    assert (await walk(work, (Recognise(), Never()), Here())).duplicate_of == "keeper"


async def test_a_track_that_its_row_led_to_is_published_into_that_row(work: Work, ledger: Ledger) -> None:
    """The page is one of its names; that the row was found is written down as for any other."""

    class Book(MemoryCatalog):
        name = "notion"

    catalog = Book()
    page = (await catalog.publish("a person's", {"title": "A", "rating": 5}, known=None)).id
    await ledger.record_facts(work.track_id, work.track.with_identities(Identity("notion", page)))
    await Publish({catalog.target: catalog}, ledger)(replace(work, catalogs=(catalog.target,)), Here())
    (row,) = catalog.rows.values()
    assert (row.id, row.fields["rating"], row.fields["title"]) == (page, 5, "A")
    assert [(one["what"], one["after"]["id"]) for one in await ledger.journal()] == [("updated", page)]


async def test_a_row_is_verified_and_a_persons_values_are_no_fault(work: Work, ledger: Ledger) -> None:
    """What he wrote stays, and is heard where it is a word on the music; another's earlier words stay his."""
    catalog = MemoryCatalog()
    wanted, publish = replace(work, catalogs=(catalog.target,)), Publish({catalog.target: catalog}, ledger)
    assert not (await publish(wanted, Here())).heard
    (page,) = catalog.rows
    catalog.edit(page, title="His", camelot="8A", bpm="128,5", rating=3)
    assert (await publish(wanted, Here())).heard
    assert {one.origin: one.facts for one in (await ledger.entry(work.track_id)).said} == {
        "person": {"bpm": 128.5, "key": "Am"}
    }
    assert not (await publish(wanted, Here())).heard, "it is no news the second time"
    assert catalog.rows[page].fields["title"] == "His"


async def test_a_row_that_reads_back_otherwise_is_not_believed(work: Work, ledger: Ledger) -> None:
    """No evidence is recorded, and the job comes again."""

    class Forgetful(MemoryCatalog):
        async def publish(self, key: str, fields: Fields, *, known: str | None) -> Published:
            return await super().publish(key, {**fields, "title": "cut sho"}, known=known)

    class Deaf(MemoryCatalog):
        async def publish(self, key: str, fields: Fields, *, known: str | None) -> Published:
            published = await super().publish(key, fields, known=known)
            self.rows.clear()
            return published

    for catalog, told in ((Forgetful(), "differs in title"), (Deaf(), "is not there")):
        with pytest.raises(Temporary, match=told):
            await Publish({catalog.target: catalog}, ledger)(replace(work, catalogs=(catalog.target,)), Here())
    assert (await ledger.entry(work.track_id)).evidence == ()
    assert await ledger.journal() == []
