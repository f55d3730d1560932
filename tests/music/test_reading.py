"""How titles of services are taken apart, and when two texts are one."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from musicsyncd.music.reading import SLIP, folded, likeness, name_key, name_keys, nearly, read, scripts_differ, squashed


@pytest.mark.parametrize(
    ("title", "parts", "asides"),
    [
        ("NELLY - HOT IN HERE (CHOZEN REMIX)", ("nelly", "hot in here"), ()),
        ("Darude - Sandstorm (Official Video) [HD]", ("darude", "sandstorm"), ()),
        ("YOASOBI「夜に駆ける」 Official Music Video", ("yoasobi", "夜に駆ける"), ()),
        ('Caribou "Sun" [Official MV]', ("caribou", "sun"), ()),
        ("Premiere: Foo - Bar (Original Mix)", ("foo", "bar"), ()),
        ("02. Burial- Archangel", ("burial", "archangel"), ()),
        ("Burial: Archangel", ("burial", "archangel"), ()),
        ("Archangel | Burial", ("archangel", "burial"), ()),
        ("AC/DC - T.N.T", ("ac dc", "t n t"), ()),
        ("Doo Wop (That Thing)", ("doo wop",), ("that thing",)),
        ("Prince - 1999", ("prince", "1999"), ()),
        ("Foo - Bar - Official Video", ("foo", "bar"), ()),
        ("Foo - Bar (2004)", ("foo", "bar"), ()),
        ("Foo - Bar (Jools Holland 2004)", ("foo", "bar"), ("jools holland 2004",)),
        ("Foo - Bar (From the Basement)", ("foo", "bar"), ("from the basement",)),
        ('Foo - Bar (From "The Film")', ("foo", "bar"), ()),
        ("[Drum & Bass] Foo - Bar", ("foo", "bar"), ("drum and bass",)),
        ("【Piano】Foo - Bar", ("foo", "bar"), ("piano",)),
        ("[Premiere] Foo - Bar", ("foo", "bar"), ()),
        ("[Vietsub + Lyrics] Foo - Bar", ("foo", "bar"), ()),
        ("Foo - Bar (Deluxe Edition)", ("foo", "bar"), ()),
        ("Foo - Bar (Kalimba Edition)", ("foo", "bar"), ("kalimba edition",)),
        ("Foo - Bar (with Strings)", ("foo", "bar"), ("with strings",)),
        ("Foo - Bar (prod. Tomo)", ("foo", "bar"), ()),
        ("", ("",), ()),
    ],
)
def test_titles_come_apart(title: str, parts: tuple[str, ...], asides: tuple[str, ...]) -> None:
    """Names and titles are left, adverts, years, producers and versions are not."""
    found = read(title)
    assert (found.parts, found.asides) == (parts, asides)


@pytest.mark.parametrize(
    ("title", "versions", "guests"),
    [
        ("Foo - Bar feat. Mira (Tomo Remix)", {"remix tomo"}, ("Mira",)),
        ("Foo - Bar feat. Mira Remix", {"remix"}, ("Mira",)),
        ("Foo - Bar ft. Mira live", {"live"}, ("Mira",)),
        ("Foo - Bar prod. Tomo slowed", {"slowed"}, ()),
        ("Foo - Bar (with Mira)", set(), ("Mira",)),
        ("Foo - Bar (Tiësto's Remix)", {"remix tiesto"}, ()),
        ("Foo - Bar (B & A Remix)", {"remix a b"}, ()),
        ("Foo - Bar (A x B Remix)", {"remix a b"}, ()),
        ("[Nightcore] Foo - Bar", {"nightcore"}, ()),
        ("Foo - Bar (Clean)", set(), ()),
        ("Foo - Bar (2011 Remaster)", set(), ()),
    ],
)
def test_versions_and_guests(title: str, versions: set[str], guests: tuple[str, ...]) -> None:
    """Who plays too never hides which version it is."""
    found = read(title)
    assert found.versions == versions
    assert found.guests == guests


def test_what_is_known_is_no_version() -> None:
    """Titles and names that hold such words, for him who knows them."""
    assert read("Oasis - Live Forever").versions == {"live"}
    known = read("Oasis - Live Forever (Remastered)", names={"oasis"}, titles={"liveforever"})
    assert (known.versions, known.parts) == (frozenset(), ("oasis", "live forever"))
    assert read("Flow - Dub FX", names={"dubfx"}).versions == frozenset()
    assert read("Foo - Bar Tomo Remix", titles={"bar"}).versions == {"remix tomo"}
    assert read("Foo - Bar [Blue]", label="Blue").asides == ()
    assert read("Foo - Bar (Blue)", label="Blue").asides == ("blue",)


@pytest.mark.parametrize(
    ("first", "second"),
    [
        ("Björk", "BJORK"),
        ("MØ", "mo"),
        ("Ｆ ＬＡＳＨ", "flash"),
        ("N i g h t D r i v e", "NightDrive"),
        ("Ke$ha", "Kesha"),
        ("Bada$$", "badass"),
        ("Don’t", "dont"),
        ("Florence + the Machine", "Florence and The Machine"),
        ("Молчат Дома", "Molchat Doma"),
        ("ﾌｧｯｼｮﾝ", "ファッション"),
        ("𝕾𝖊𝖒𝖆", "sema"),
        ("نسّم", "نسم"),
    ],
)
def test_spellings_of_one(first: str, second: str) -> None:
    """Case, width, accents, signs and spaces are no difference."""
    assert squashed(first) == squashed(second)


@pytest.mark.parametrize(("first", "second"), [("が", "か"), ("दिल", "दल"), ("÷", "×"), ("戦場", "戦"), ("กา", "กี")])
def test_marks_that_are_letters_stay(first: str, second: str) -> None:
    """Outside Latin, Greek, Cyrillic, Hebrew and Arabic a mark makes another word."""
    assert folded(first) != folded(second)


@pytest.mark.parametrize(
    ("first", "second", "close"),
    [
        ("hot in herre", "hot in here", True),
        ("sandstorm", "sandstrom", True),
        ("unfinished sympathy", "unfinshed sympathy", True),
        ("burnt", "burn", False),
        ("dreams of you", "dream of you", False),
        ("home again", "hope again", False),
        ("parallel 4", "parallel 5", False),
        ("firelight", "firestone", False),
        ("love me", "love you", False),
    ],
)
def test_slips_of_the_pen(first: str, second: str, close: bool) -> None:
    """A letter lost in a long title, never another word or number."""
    assert (likeness(first, second) == SLIP) is close
    assert likeness(first, second) == likeness(second, first) < 1.0


def test_names() -> None:
    """What channels add goes, lists come apart, bands stay whole too."""
    assert name_key("Adele - Topic") == name_key("AdeleVEVO") == name_key("Official Adele") == "adele"
    assert name_key("The Prodigy") == name_key("Prodigy")
    assert {"aboveandbeyond", "above", "beyond"} <= name_keys("Above & Beyond")
    assert {"adavoss", "tomo", "mira"} <= name_keys("Ada Voss x Tomo feat. Mira")
    assert nearly("royksopp", "royksop")
    assert not nearly("chip", "chap")


def test_scripts() -> None:
    """Only where no letter can be held against another."""
    assert scripts_differ("夜に駆ける", "yoru ni kakeru")
    assert not scripts_differ("yoasobi 夜", "yoru")
    assert not scripts_differ("yoru", "kakeru")


@given(st.text(max_size=60))
def test_folding_is_done_at_once(text: str) -> None:
    """A second pass changes nothing, and a text that says something never becomes nothing."""
    once = folded(text)
    assert folded(once) == once
    assert bool(once) == bool(text.split())
