"""File names and titles: who, what, and which version."""

from __future__ import annotations

import time

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from musicsyncd.music.title import parse_file_name, read_group, split_artists, version_words, without_bare_words


@pytest.mark.parametrize(
    ("stem", "artists", "title"),
    [
        ("Ada Voss - Night Ferry", ("Ada Voss",), "Night Ferry"),
        ("Artist - Title (X Remix)", ("Artist",), "Title (X Remix)"),
        ("Artist – Title", ("Artist",), "Title"),
        ("Artist—Title", ("Artist",), "Title"),
        ("Artist - Title - Extended Mix", ("Artist",), "Title - Extended Mix"),
        ("01 - Artist - Title", ("Artist",), "Title"),
        ("01. Artist - Title", ("Artist",), "Title"),
        ("1-05 Artist - Title", ("Artist",), "Title"),
        ("(03) Foo - Bar", ("Foo",), "Bar"),
        ("[12] Foo - Bar", ("Foo",), "Bar"),
        ("A1. Foo - Bar", ("Foo",), "Bar"),
        ("B2 - Foo - Bar", ("Foo",), "Bar"),
        ("07 Song", (), "Song"),
        ("99 Luftballons", (), "99 Luftballons"),
        ("50 Cent - In da Club", ("50 Cent",), "In da Club"),
        ("112 - Peaches", ("112",), "Peaches"),
        ("808 State - Pacific", ("808 State",), "Pacific"),
        ("Jay-Z - 99 Problems", ("Jay-Z",), "99 Problems"),
        ("ada_voss-night_ferry", ("ada voss",), "night ferry"),
        ("Artist_-_Title_(Live)", ("Artist",), "Title (Live)"),
        ("AC_DC - Thunder", ("AC_DC",), "Thunder"),
        ("Foo - Bar [Official Music Video]", ("Foo",), "Bar"),
        ("Foo - Bar (Free Download)", ("Foo",), "Bar"),
        ("Foo - Bar (Lyrics to Live By)", ("Foo",), "Bar (Lyrics to Live By)"),
        ("Just a Title", (), "Just a Title"),
        ("שלום - עולם (רמיקס)", ("שלום",), "עולם (רמיקס)"),
        ("🎵 - 🎶🔥", ("🎵",), "🎶🔥"),
        ("Foo -\tBar\n", ("Foo",), "Bar"),
        ("[Official Video]", (), "[Official Video]"),
        ("07", (), "07"),
        (" - ", (), "-"),
        ("", (), ""),
    ],
)
def test_file_names(stem: str, artists: tuple[str, ...], title: str) -> None:
    """Names as they lie on people's disks give the artists and the title that a person would read."""
    assert parse_file_name(stem) == (artists, title)


@pytest.mark.parametrize(
    ("text", "artists"),
    [
        ("Ada Voss feat. Tomo Rell", ("Ada Voss", "Tomo Rell")),
        ("Ada Voss (ft. Tomo Rell)", ("Ada Voss", "Tomo Rell")),
        ("Ada Voss Featuring Tomo", ("Ada Voss", "Tomo")),
        ("A x B × C", ("A", "B", "C")),
        ("A vs. B; C", ("A", "B", "C")),
        ("Ada Voss, Tomo Rell & Mira", ("Ada Voss", "Tomo Rell", "Mira")),
        ("Ada Voss, Ada Voss", ("Ada Voss",)),
        ("Above & Beyond", ("Above & Beyond",)),
        ("Earth, Wind & Fire", ("Earth, Wind & Fire",)),
        ("Tyler, The Creator", ("Tyler, The Creator",)),
        ("Charli XCX", ("Charli XCX",)),
        ("Lil Nas X", ("Lil Nas X",)),
        ("Max Felix", ("Max Felix",)),
        ("The Feathers", ("The Feathers",)),
        ("", ()),
    ],
)
def test_artists(text: str, artists: tuple[str, ...]) -> None:
    """Guests and collaborations are parted, names that hold such words are not."""
    assert split_artists(text) == artists


@pytest.mark.parametrize(
    ("title", "words"),
    [
        ("Hot in Herre", set()),
        ("Hot in Herre (Original Mix)", set()),
        ("Hot in Herre - Remastered 2011", set()),
        ("Hot in Herre (2011 Digital Remaster)", set()),
        ("Hot in Herre (feat. Someone)", set()),
        ("Hot in Herre (Album Version)", set()),
        ("Hot in Herre (Explicit)", set()),
        ("Hot in Herre (CHOZEN REMIX)", {"remix chozen"}),
        ("Hot in Herre [Chozen's Rmx]", {"remix chozen"}),
        ("Hot in Herre (feat. Y) [Chozen Remix]", {"remix chozen"}),
        ("Hot in Herre (Remixed by Chozen)", {"remix chozen"}),
        ("Hot in Herre - Chozen Remix", {"remix chozen"}),
        ("Hot in Herre (Remix)", {"remix"}),
        ("Hot in Herre Remix", {"remix"}),
        ("Song (Live at Wembley)", {"live"}),
        ("Song - Live", {"live"}),
        ("Born to Live", set()),
        ("Song (I Live for You)", set()),
        ("Song (Extended Mix)", {"extended"}),
        ("Song Extended Mix", {"extended"}),
        ("Song (Claptone Extended Mix)", {"extended", "mix claptone"}),
        ("Song (Radio Edit)", {"radio edit"}),
        ("Song - Radio Mix", {"radio edit"}),
        ("Song (Edit)", {"edit"}),
        ("Song (Dimitri Edit)", {"edit dimitri"}),
        ("Song (Foo Remix 2019)", {"remix foo 2019"}),
        ("Song (Foo Remix Edit)", {"remix foo"}),
        ("Song (Extended Edit)", {"extended"}),
        ("Song (Extended Re-Edit)", {"extended", "edit"}),
        ("Song (Foo Remix - Radio Edit)", {"remix foo", "radio edit"}),
        ("Song (Foo Remix feat. Bar)", {"remix foo"}),
        ("Song (Phonk Version)", {"version phonk"}),
        ("Song - Dancing with Foo Remix", {"remix dancing with foo"}),
        ("Song (8D Audio)", {"8d audio"}),
        ("Song (Club Mix)", {"club mix"}),
        ("Song (Dub)", {"dub"}),
        ("Song (Dub Mix)", {"dub"}),
        ("Dub Be Good to Me", set()),
        ("Song (Instrumental)", {"instrumental"}),
        ("Song (A Cappella)", {"acapella"}),
        ("Song [Acapella]", {"acapella"}),
        ("Song VIP", {"vip"}),
        ("Song (VIP Mix)", {"vip"}),
        ("Song (Foo Bootleg)", {"bootleg foo"}),
        ("Song (Foo Rework) - Radio Edit", {"rework foo", "radio edit"}),
        ("Song (Piano Cover)", {"cover"}),
        ("Cover Me", set()),
        ("Song (Karaoke Version)", {"karaoke"}),
        ("song (slowed + reverb)", {"slowed", "reverb"}),
        ("song slowed & reverb", {"slowed", "reverb"}),
        ("song (sped up)", {"sped up"}),
        ("song sped up", {"sped up"}),
        ("Nightcore - Song", {"nightcore"}),
        ("Song, Pt. II", {"part 2"}),
        ("Song (Part 2)", {"part 2"}),
        ("The Part I Like", set()),
        ("Mixes Vol. 03", {"volume 3"}),
        ("Song (Ａｃｏｕｓｔｉｃ)", {"acoustic"}),
        ("Песня (Ремикс) [Фу Remix]", {"remix фу"}),
        ("Song Remix (Foo Remix)", {"remix foo"}),
        ("Песня (Ремикс)", {"remix"}),
        ("曲 (リミックス)", {"remix"}),
        ("Canción (En Vivo)", {"live"}),
        ("Canção - Ao Vivo", {"live"}),
        ("曲 (ライブ)", {"live"}),
        ("Song (BBC Radio 1 Live Lounge)", {"live", "radio edit"}),
        ("Canción (Versión Acústica)", {"acoustic"}),
        ("Lied (Akustik Version)", {"acoustic"}),
        ("曲 (カラオケ)", {"karaoke"}),
        ("Song (off vocal)", {"karaoke"}),
        ("노래 (Inst.)", {"instrumental"}),
        ("曲 (歌ってみた)", {"cover"}),
        ("Song (English Ver.)", {"version english"}),
        ("Canción - Remasterizado 2007", set()),
        ("Song (2019 Remaster)", set()),
        ("Song (Mono)", {"mono"}),
        ("Song (16D Audio)", {"8d audio"}),
        ("3D", set()),
        ("Song A x Song B Mashup", {"mashup"}),
        ("", set()),
    ],
)
def test_versions(title: str, words: set[str]) -> None:
    """One piece in many dresses: each real difference has its marker, the plain recording has none."""
    assert version_words(title) == words


def test_brackets_and_dashes_say_the_same() -> None:
    """How a title is punctuated is no difference between two files of one version."""
    forms = ("Song (Foo Remix)", "Song [foo remix]", "SONG - Foo Remix", "Song – Foo  Remix", "Song {Foo Remix}")
    assert len({version_words(form) for form in forms}) == 1


@pytest.mark.parametrize(
    ("text", "rest"),
    [
        ("Tidal Wave Remix", "Tidal Wave"),
        ("song slowed + reverb", "song"),
        ("Song sped up", "Song"),
        ("Moby Dick Part II", "Moby Dick"),
        ("Another Brick in the Wall, Pt. 2", "Another Brick in the Wall"),
        ("Remix", "Remix"),
        ("Part 2", "Part 2"),
        ("Song Nightcore Remix", "Song"),
        ("Plain Song", "Plain Song"),
    ],
)
def test_what_is_left_without_words_of_the_version(text: str, rest: str) -> None:
    """The title alone, and a title that is nothing but such words as it is."""
    assert without_bare_words(text) == rest


@pytest.mark.parametrize(
    ("group", "heard", "words"),
    [
        ("Original Mix", True, set()),
        ("2011 Remaster", True, set()),
        ("Tomo Remix", True, {"remix tomo"}),
        ("Part 2", True, {"part 2"}),
        ("That Thing", False, set()),
        ("Official Video", False, set()),
    ],
)
def test_a_bracket_speaks_of_the_version_or_not(group: str, heard: bool, words: set[str]) -> None:
    """Also where it only says that it is the plain recording."""
    assert read_group(group) == (frozenset(words), heard)


names = st.text(min_size=1, max_size=300)


@given(names)
@example("(" * 300)
@example("a - " * 75)
@example("(live " * 50)
@example("\u202e\u05d0\u200f - \u0627" * 40)
@example("👩‍👩‍👧" * 37 + " - x")
def test_any_text_is_survived(text: str) -> None:
    """Whatever the letters and however long: a title comes out, no artist is empty, and markers are words."""
    artists, title = parse_file_name(text)
    assert title
    assert all(artist.strip() for artist in artists)
    assert all(word == word.strip() != "" for word in version_words(text))


@pytest.mark.parametrize("part", ["(", " ", "- ", "a - ", "live ", "remix ", "[a", "part ", "x ", ", ", "_", "é "])
def test_long_text_costs_little(part: str) -> None:
    """A hostile title of thirty thousand letters is read in a moment: no pattern runs away."""
    start = time.process_time()
    parse_file_name(part * (30_000 // len(part)))
    version_words(part * (30_000 // len(part)))
    assert time.process_time() - start < 2.0


plain = st.text("abcdeéßøжש日本", min_size=1, max_size=20)


@given(plain, plain)
def test_what_is_put_together_comes_apart(artist: str, title: str) -> None:
    """`Artist - Title` gives back exactly the two, with any of the dashes."""
    for dash in (" - ", " – ", " — "):
        assert parse_file_name(artist + dash + title) == ((artist,), title)
