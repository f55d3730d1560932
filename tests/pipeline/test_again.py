"""The pure decisions of a step done again: whose word it is, which copy is heard, and what of it counts."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from musicsyncd.audio.keeping import remembered
from musicsyncd.audio.tags import to_texts
from musicsyncd.audio.values import Analysis, Claims, Tags
from musicsyncd.ledger.entry import Entry, FileFacts
from musicsyncd.ledger.standing import Evidence
from musicsyncd.music.said import Said
from musicsyncd.music.track import Track
from musicsyncd.pipeline.rehear import best_copy, merged
from musicsyncd.pipeline.transcode import claimed
from musicsyncd.pipeline.words import dj_word, renewed

OURS = Tags(title="T", artists=("A",), bpm=124.0, key="Am")
NEWER = replace(OURS, bpm=125.0)


def output(format_: str, pcm: str = "p", **facts: Any) -> FileFacts:
    """An output as it was made with our tags."""
    told = {"tags": remembered(OURS)} | facts
    return FileFacts(role="output", format=format_, sha256=f"{format_}1", size=1, pcm_md5=pcm, facts=told)


def source(pcm: str = "p", *, lossless: bool = True) -> FileFacts:
    return FileFacts(role="source", format="", sha256="s", size=1, pcm_md5=pcm, facts={"lossless": lossless})


def stands(format_: str, proof: str, mtime: float = 0.0, sha256: str = "") -> Evidence:
    """A file on a volume, last written at that time (seconds)."""
    detail = {"mtime_ns": int(mtime * 1e9), "sha256": sha256 or proof}
    return Evidence(target="volume:m", part=format_, proof=proof, detail=detail)


def entry(*files: FileFacts, said: tuple[Said, ...] = (), analysis: dict[str, Any] | None = None) -> Entry:
    return Entry(id="t", track=Track(title="T"), files=files, said=said, analysis=analysis)


@pytest.mark.parametrize(
    ("claims", "said", "expected"),
    [
        (Claims(), (), {}),
        (Claims(bpm="128", key="8A"), (), {"file": {"bpm": 128.0, "key": "Am"}}),
        (Claims(bpm="0", key="none"), (), {}),
        (Claims(bpm="128", software="Traktor"), (), {"dj": {"bpm": 128.0, "software": "Traktor"}}),
        (Claims(software="Traktor"), (), {}),
        (Claims(bpm="128"), (Said(origin="file", facts={"bpm": 128.0}),), {}),
        (Claims(), (Said(origin="file", facts={"bpm": 128.0}),), {"file": {}}),
        (Claims(bpm="128", software="Traktor"), (Said(origin="dj", facts={"bpm": 126.0}),), {}),
        (
            Claims(bpm="128", key="8A", software="Traktor"),
            (Said(origin="dj", facts={"bpm": 126.0}),),
            {"dj": {"bpm": 126.0, "key": "Am"}},
        ),
    ],
)
def test_what_incoming_tags_change(claims: Claims, said: tuple[Said, ...], expected: dict[str, dict[str, Any]]) -> None:
    """The file's word, or a DJ's; never against what was written into our own files since, and silent when no news."""
    assert claimed(claims, said) == expected


def test_the_copy_with_the_sources_samples_is_heard() -> None:
    """Else a lossless one, else any of ours; never a file of other samples."""
    files = (output("mp3", "q"), output("aiff"), output("wav", "r"))
    known = entry(source(), *files)
    evidence = [stands("mp3", "mp31"), stands("wav", "wav1"), stands("aiff", "aiff1")]
    assert [best_copy(known, evidence[:count]) for count in (0, 1, 2, 3)] == [
        None,
        evidence[0],
        evidence[1],
        evidence[2],
    ]
    assert best_copy(known, [stands("aiff", "of another source")]) is None


def test_only_the_sources_own_samples_tell_of_its_highs_and_peaks() -> None:
    """From a copy that was rounded or encoded, what was first heard of them stays; all else is new."""
    before = {"duration": 9.0, "cutoff_hz": 16000.0, "true_peak_dbtp": 0.5, "replay_peak": 1.1, "lossless_honest": None}
    heard = Analysis(duration=9.0, bpm=125.0, cutoff_hz=None, true_peak_dbtp=0.0, replay_peak=1.0, lossless_honest=True)
    assert merged(entry(source(), output("wav"), analysis=before), "wav", heard) == heard
    for lossy in (entry(source(lossless=False), output("wav")), entry(source("other"), output("wav"))):
        found = merged(replace(lossy, analysis=before), "wav", heard)
        assert {name: getattr(found, name) for name in before} == before
        assert found.bpm == 125.0
        assert merged(lossy, "wav", heard) == heard, "there is nothing older to keep"


def test_a_renewed_output_knows_the_versions_that_copies_bear() -> None:
    """By their proofs, with what was written; those that no copy bears any more are forgotten."""
    first = renewed(output("wav"), NEWER, [stands("wav", "wav1")])
    assert (first.sha256, first.older("wav1"), first.tags_of("wav1")) == ("wav1", True, remembered(OURS))
    assert first.tags_of(first.proof) == remembered(NEWER)
    second = renewed(first, replace(NEWER, bpm=126.0), [stands("wav", first.proof)])
    assert {*second.facts["earlier"]} == {first.proof, "wav1"}, "the file as made, and the copy's"
    third = renewed(second, replace(NEWER, bpm=127.0), [stands("wav", second.proof)])
    assert {*third.facts["earlier"]} == {second.proof, "wav1"}
    again = renewed(first, NEWER, [])
    assert (again.proof, again.older(again.proof)) == (first.proof, False)


def test_the_latest_hand_is_a_djs_word() -> None:
    """Of files with the newest tags the youngest; one with older tags only if it was written after the last word."""
    files = {"wav": output("wav"), "aiff": output("aiff")}
    texts = {bpm: to_texts(replace(OURS, bpm=bpm)) for bpm in (124.0, 126.0, 127.0)}
    found = [(stands("wav", "wav1", 20.0), texts[126.0]), (stands("aiff", "aiff1", 10.0), texts[127.0])]
    assert dj_word(entry(*files.values()), found, {}) == {"bpm": 126.0}
    assert dj_word(entry(*files.values()), [(stands("wav", "wav1"), texts[124.0])], {}) == {}

    said = (Said(origin="dj", facts={"bpm": 140.0, "software": "Serato"}, at="1970-01-01T00:00:15+00:00"),)
    older = entry(renewed(files["wav"], NEWER, [stands("wav", "wav1")]), said=said)
    assert dj_word(older, [(stands("wav", "wav1", 10.0), texts[126.0])], {})["bpm"] == 140.0
    assert dj_word(older, [(stands("wav", "wav1", 20.0), texts[126.0])], {}) == {"bpm": 126.0}


def test_a_file_of_which_it_is_not_known_what_we_wrote() -> None:
    """Untouched, it says nothing new; edited, it is held against what we would have written."""
    unknown = replace(output("wav"), facts={})
    texts = to_texts(replace(OURS, bpm=126.0))
    assert dj_word(entry(unknown), [(stands("wav", "wav1"), texts)], to_texts(OURS)) == {}
    edited = stands("wav", "wav1", sha256="edited")
    assert dj_word(entry(unknown), [(edited, texts)], to_texts(OURS)) == {"bpm": 126.0}
    assert dj_word(entry(unknown), [(edited, to_texts(OURS))], to_texts(OURS)) == {}
