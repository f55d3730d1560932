"""Keys in every notation, there and back."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from musicsyncd.music.camelot import MODES, Key

keys = st.builds(Key, st.integers(0, 11), st.sampled_from(MODES))


@pytest.mark.parametrize(
    ("key", "short", "name", "camelot", "open_key"),
    [
        (Key(9, "minor"), "Am", "A minor", "8A", "1m"),
        (Key(0, "major"), "C", "C major", "8B", "1d"),
        (Key(11, "major"), "B", "B major", "1B", "6d"),
        (Key(8, "minor"), "Abm", "Ab minor", "1A", "6m"),
        (Key(6, "minor"), "F#m", "F# minor", "11A", "4m"),
        (Key(10, "major"), "Bb", "Bb major", "6B", "11d"),
        (Key(4, "major"), "E", "E major", "12B", "5d"),
        (Key(1, "minor"), "C#m", "C# minor", "12A", "5m"),
        (Key(2, "minor"), "Dm", "D minor", "7A", "12m"),
    ],
)
def test_known_keys(key: Key, short: str, name: str, camelot: str, open_key: str) -> None:
    """Keys whose place on both wheels is printed on every DJ's wall."""
    assert (key.short, key.name, key.camelot, key.open_key) == (short, name, camelot, open_key)


def test_the_wheel_has_each_place_once() -> None:
    """24 keys have 24 places, and neighbours on the wheel are a fifth apart."""
    places = {Key(tonic, mode).camelot: Key(tonic, mode) for tonic in range(12) for mode in MODES}
    assert set(places) == {f"{hour}{letter}" for hour in range(1, 13) for letter in "AB"}
    for hour in range(1, 12):
        assert (places[f"{hour + 1}B"].tonic - places[f"{hour}B"].tonic) % 12 == 7
        assert (places[f"{hour}B"].tonic - places[f"{hour}A"].tonic) % 12 == 3


@given(keys)
def test_every_form_is_read_back(key: Key) -> None:
    """What a key prints, in any notation and any usual typing of it, it reads."""
    for text in (key.short, key.name, key.camelot, key.open_key, key.name.upper(), f" {key.camelot.lower()} "):
        assert Key.parse(text) == key
    assert Key.parse(key.name.replace("#", "♯").replace("b ", "♭ ")) == key
    assert Key.parse(key.camelot.rjust(3, "0")) == key


@pytest.mark.parametrize(
    ("text", "key"),
    [
        ("G#m", Key(8, "minor")),
        ("Gb", Key(6, "major")),
        ("Cb", Key(11, "major")),
        ("B#min", Key(0, "minor")),
        ("A Minor", Key(9, "minor")),
        ("bb min", Key(10, "minor")),
        ("CM", Key(0, "major")),
        ("Dmaj", Key(2, "major")),
        ("10m", Key(0, "minor")),
    ],
)
def test_other_spellings(text: str, key: Key) -> None:
    """Enharmonic names and the short words of other programs are understood."""
    assert Key.parse(text) == key


@pytest.mark.parametrize("text", ["", "H", "13A", "0A", "00B", "8C", "o", "Am7", "A minorish", "1", "A##", "８A"])
def test_no_keys(text: str) -> None:
    """What is no key is refused and named."""
    with pytest.raises(ValueError, match="no musical key"):
        Key.parse(text)


@given(st.text(max_size=12))
def test_any_text_is_a_key_or_refused(text: str) -> None:
    """Parsing never answers with anything but a key or ValueError."""
    try:
        key = Key.parse(text)
    except ValueError:
        return
    assert Key.parse(key.short) == key


@pytest.mark.parametrize(("tonic", "mode"), [(-1, "major"), (12, "minor"), (0, "dorian")])
def test_impossible_keys(tonic: int, mode: str) -> None:
    """A key outside the 24 cannot be made."""
    with pytest.raises(ValueError, match="no key has"):
        Key(tonic, mode)  # type: ignore[arg-type]
