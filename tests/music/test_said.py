"""Whose word counts: the first origin of the order that speaks of a field."""

from __future__ import annotations

import pytest

from musicsyncd.music.said import Said, Word, word

SAID = (
    Said(origin="file", facts={"bpm": 126.0, "key": "", "isrc": None}),
    Said(origin="musicbrainz", facts={"isrc": "DEAB12300001", "bpm": 63.0}),
)


@pytest.mark.parametrize(
    ("field", "order", "expected"),
    [
        ("bpm", ("file", "musicbrainz"), Word(value=126.0, origin="file")),
        ("bpm", ("musicbrainz", "file"), Word(value=63.0, origin="musicbrainz")),
        ("isrc", ("file", "musicbrainz"), Word(value="DEAB12300001", origin="musicbrainz")),
        ("key", ("file", "musicbrainz"), None),
        ("isrc", ("file",), None),
        ("album", ("file", "musicbrainz"), None),
        ("bpm", (), None),
    ],
)
def test_the_first_who_speaks_of_it_counts(field: str, order: tuple[str, ...], expected: Word | None) -> None:
    assert word(field, SAID, order) == expected


def test_zero_and_false_are_words_too() -> None:
    said = [Said(origin="file", facts={"track_number": 0, "explicit": False})]
    assert word("track_number", said, ["file"]) == Word(value=0, origin="file")
    assert word("explicit", said, ["file"]) == Word(value=False, origin="file")
