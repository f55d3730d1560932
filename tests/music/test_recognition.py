"""When what others say of a sound speaks against what a search found."""

from __future__ import annotations

import pytest

from musicsyncd.music.recognition import HeardAs, contradiction
from musicsyncd.music.track import Track


def heard(title: str, *artists: str) -> HeardAs:
    return HeardAs(title=title, artists=artists, by="AcoustID")


@pytest.mark.parametrize(
    ("wanted", "told"),
    [
        ("Hello", [heard("Skyfall", "Adele")]),
        ("Hello", [heard("Hello", "Lionel Richie")]),
        ("Hello", [heard("Hello (Live)", "Adele")]),
        ("Hello", [heard("Hello (Karaoke Version)", "Adele")]),
        ("Hello", [heard("Skyfall", "Adele"), heard("Chasing Pavements", "Adele")]),
        ("Hello (Dave Audé Remix)", [heard("Hello (Other One Remix)", "Adele")]),
    ],
)
def test_another_recording_is_told(wanted: str, told: list[HeardAs]) -> None:
    """Another song, another singer, another version: the sentence names the first of them."""
    against = contradiction(Track(title=wanted, artists=("Adele",), source="s", source_url="u"), told)
    assert against == f"AcoustID says that it is {told[0].artists[0]} - {told[0].title}"


@pytest.mark.parametrize(
    ("wanted", "told"),
    [
        ("Hello", []),
        ("Hello", [heard("hello", "ADELE")]),
        ("Hello", [heard("Skyfall", "Adele"), heard("Hello", "Adele")]),  # somebody mistook a file
        ("Hello - Radio Edit", [heard("Hello", "Adele")]),  # a database without a word for the version
        ("Hello (Extended Mix)", [heard("Hello", "Adele")]),
        ("Hello (feat. Guest)", [heard("Hello", "Adele", "Guest")]),
        ("Hello - 2016 Remaster", [heard("Hello", "Adele")]),
    ],
)
def test_what_may_be_it_is_not_doubted(wanted: str, told: list[HeardAs]) -> None:
    """One that fits is enough, a plain title says nothing of the version, and silence forbids nothing."""
    assert contradiction(Track(title=wanted, artists=("Adele",), source="s", source_url="u"), told) == ""


def test_names_in_another_script_are_no_objection() -> None:
    """Cyrillic against Latin letters."""
    wanted = Track(title="Спутник", artists=("Земфира",), duration=200.0, source="s", source_url="u")
    assert contradiction(wanted, [heard("Sputnik", "Zemfira")]) == ""
    kana = Track(title="さくら", artists=("いきものがかり",), source="s", source_url="u")
    assert contradiction(kana, [heard("Sakura", "Ikimonogakari")]) == ""
