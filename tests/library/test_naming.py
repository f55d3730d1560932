"""Names: any text in, and out comes a path that every file system takes."""

from __future__ import annotations

import unicodedata

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from musicsyncd.errors import ConfigInvalid
from musicsyncd.library.naming import (
    COUNTED_NAMES,
    LONGEST_COMPONENT,
    LONGEST_PATH,
    candidates,
    check_layout,
    component_size,
    path_key,
    relative_path,
)

LAYOUT = "{artist}/{artist} - {title}"
DEEP = "{genre}/{album_artist}/{year} - {album}/{title} ({key} {bpm}) [{camelot}]"
ANYTHING = st.text(st.characters(), max_size=400)  # lone surrogates and unassigned code points too
NASTY = st.text(st.sampled_from([*'ab .-_/\\:*?"<>|[](){}CONnul1\n\0', "\u202e", "\u200d", "é", "\u0301", "👩", "🇩"]))
WORDS = ANYTHING | NASTY
DEVICES = {"CON", "PRN", "AUX", "NUL", *(f"{kind}{number}" for kind in ("COM", "LPT") for number in range(10))}


def assert_portable(path: str) -> None:
    """Every component is one that exFAT, NTFS, HFS+, APFS and ext4 take, and none leaves its folder."""
    assert component_size(path) <= LONGEST_PATH
    assert path == unicodedata.normalize("NFC", path)
    for component in path.split("/"):
        assert component not in ("", ".", "..")
        assert not set(component) & set('\\:*?"<>|')
        assert component[0] not in ".- "
        assert component[-1] not in ". "
        assert component.partition(".")[0].strip().upper() not in DEVICES
        assert len(unicodedata.normalize("NFD", component).encode()) <= LONGEST_COMPONENT
        assert len(unicodedata.normalize("NFD", component).encode("utf-16-le")) // 2 <= LONGEST_COMPONENT
        assert not {unicodedata.category(char) for char in component if char != "\u200d"} & {"Cc", "Cf", "Cs", "Cn"}


@given(artist=WORDS, title=WORDS, tie_breaker=WORDS, extension=WORDS)
@example(artist="..", title="..", tie_breaker="..", extension="..")
@example(artist="/", title="\n", tie_breaker="/", extension="a/b")
@example(artist="CON", title="nul.", tie_breaker="", extension="")
@example(artist="e" + "\u0301" * 500, title="👩\u200d" * 200, tie_breaker="x" * 500, extension="wav" * 100)
def test_any_words_make_a_portable_path(artist: str, title: str, tie_breaker: str, extension: str) -> None:
    """Two parts always, both within every file system's rules."""
    path = relative_path(LAYOUT, {"artist": artist, "title": title}, extension, tie_breaker=tie_breaker)
    assert path.count("/") == 1
    assert_portable(path)


@given(values=st.dictionaries(st.sampled_from(["genre", "album_artist", "album", "title", "year", "key"]), WORDS))
def test_a_deep_layout_keeps_the_whole_path_short(values: dict[str, str]) -> None:
    """However long the words, the path stays within what macOS takes, and no part is empty."""
    assert_portable(relative_path(DEEP, values, "aiff", tie_breaker="abc123"))


@given(wanted=WORDS)
def test_a_name_is_its_own_name(wanted: str) -> None:
    """Naming what was named changes nothing: a second run wants the same file."""
    first = next(candidates(wanted, "", ""))
    assert next(candidates(first, "", "")) == first


@given(artist=WORDS, title=WORDS)
def test_a_rendered_path_is_wanted_as_it_is(artist: str, title: str) -> None:
    """What the layout gives goes through `candidates` unchanged, but for its ending and the room for that."""
    fields = {"artist": artist, "title": title}
    wanted = relative_path(LAYOUT, fields)
    assert next(candidates(wanted, "", "")) == wanted
    if component_size(wanted.rpartition("/")[2]) + 4 <= LONGEST_COMPONENT:
        assert next(candidates(wanted, "wav", "")) == relative_path(LAYOUT, fields, "wav") == f"{wanted}.wav"


@given(wanted=WORDS, ties=st.sets(st.from_regex(r"[a-z0-9]{6}", fullmatch=True), min_size=2, max_size=2))
def test_tie_breakers_survive_every_cut(wanted: str, ties: set[str]) -> None:
    """However long the name, two tie breakers make two names that no volume takes for one."""
    names = [[*candidates(wanted, "wav", tie)] for tie in sorted(ties)]
    keys = {path_key(name) for tied in names for name in tied[1:]}
    assert len(keys) == 2 * COUNTED_NAMES
    for tie, tied in zip(sorted(ties), names, strict=True):
        assert all(f"[{tie}]" in name and name.endswith(".wav") for name in tied[1:])
        for name in tied:
            assert_portable(name)


@given(words=WORDS)
def test_one_key_for_all_spellings(words: str) -> None:
    """Case and Unicode form make no difference to the key, and a key is its own key."""
    name = next(candidates(words, "wav", ""))
    key = path_key(name)
    assert path_key(unicodedata.normalize("NFD", name)) == key == path_key(name.casefold()) == path_key(key)


@pytest.mark.parametrize(
    ("artist", "title", "path"),
    [
        ("AC/DC", "T.N.T.", "AC-DC/AC-DC - T.N.T.wav"),
        ("", "", "Unknown Artist/Unknown Artist - Untitled.wav"),
        ("{title}", "{id}", "{title}/{title} - {id}.wav"),
        ("CON", "x", "_CON/CON - x.wav"),
        (".hidden", "-rf", "hidden/hidden - rf.wav"),
        ("Björk", 'What "is" <this>: a|b?', "Björk/Björk - What 'is' (this)- a-b.wav"),
        ("a\u200bb", "one\ntwo\u202e", "ab/ab - one two.wav"),
        ("👨‍👩‍👧", "שלום", "👨‍👩‍👧/👨‍👩‍👧 - שלום.wav"),
    ],
)
def test_names_as_people_expect_them(artist: str, title: str, path: str) -> None:
    """What becomes of names that libraries are full of."""
    assert relative_path(LAYOUT, {"artist": artist, "title": title}, "wav") == path


@pytest.mark.parametrize(
    ("layout", "fields", "path"),
    [
        ("{artist}/{album}/{title}", {"artist": "A", "title": "T"}, "A/T"),
        ("{artist}/{year} - {album}/{title}", {"artist": "A", "title": "T", "album": "B"}, "A/B/T"),
        ("{artist} - {album} - {title}", {"artist": "A", "title": "T"}, "A - T"),
        ("{title} ({year})", {"title": "T"}, "T"),
        ("{title} ({key} {bpm})", {"title": "T", "bpm": 127.5}, "T (127.5)"),
        ("{title} ({key} {bpm})", {"title": "T", "key": "Am"}, "T (Am)"),
        ("{bpm} {title}", {"title": "T", "bpm": 128.0}, "128 T"),
        ("{genre}/{title}", {"title": "T", "genre": None, "year": 2019}, "T"),
        ("{album}", {}, "Untitled"),
        ("{playlist}/{title}", {"title": "T"}, "Unsorted/T"),
        ("{playlist}/{title}", {"title": "T", "playlist": "Warm/up"}, "Warm-up/T"),
    ],
)
def test_empty_fields_take_their_surroundings_along(layout: str, fields: dict[str, str], path: str) -> None:
    """No folder without a name, no separator and no bracket around nothing."""
    assert relative_path(layout, fields) == path


def test_a_cut_tears_no_character() -> None:
    """Neither a joined emoji, a flag nor an accent loses its half."""
    for piece in ("👨‍👩‍👧", "🇩🇪", "e\u0301\u0323\u0315", "👍🏽"):
        whole = unicodedata.normalize("NFC", piece)
        name = relative_path("{title}", {"title": piece * 100}, "wav").removesuffix(".wav")
        assert name == whole * (len(name) // len(whole))


@pytest.mark.parametrize(
    "layout", ["", "/{title}", "{title}/", "../{title}", "a//{title}", "{nope}/{title}", "{title", "{artist}/x"]
)
def test_a_layout_that_cannot_work_is_refused(layout: str) -> None:
    """With the reason, before any file is named by it."""
    with pytest.raises(ConfigInvalid) as refusal:
        check_layout(layout)
    assert refusal.value.why
