"""What file names and titles tell: artist and title, and which version of a piece it is."""

from __future__ import annotations

import re
import unicodedata
from functools import lru_cache
from typing import Final

_DASHES = "-‐‑‒–—―−﹘﹣－"
# A hyphen wants room on both sides ("Jay-Z"); the longer dashes separate by themselves.
_SEPARATOR = re.compile(rf"\s+[{_DASHES}]+\s+|\s*[–—―]\s*")
_NUMBER = r"(?:\d{1,2}-)?\d{1,3}"
_TRACK_NUMBERS: Final = (
    re.compile(rf"[\[(]{_NUMBER}[\])]\s*[{_DASHES}.]?\s*(?=\S)"),
    re.compile(rf"{_NUMBER}[.)]\s+(?=\S)"),
    re.compile(r"(?:\d{1,2}-)?0\d{1,2}\s+(?=\w)"),
    re.compile(rf"(?:\d{{1,2}}-)?\d{{1,2}}\s+[{_DASHES}]+\s+(?=\S)"),
)
# "112 - Peaches" is by 112; "112 - 112 - Peaches" and "A1 - 112 - Peaches" begin with a number.
_NUMBER_BEFORE_ARTIST = re.compile(rf"(?:\d{{3}}|[A-H]\d{{1,2}})\s*[{_DASHES}.]+\s+(?=\S)")
_ADVERTS = re.compile(
    r"\s*[(\[](?:(?:the\s+)?official(?:\s+(?:music|lyrics?|hd|4k))*(?:\s+(?:video|audio|visuali[sz]er|clip))?"
    r"|lyrics?(?:\s+video)?|music\s+video|visuali[sz]er|audio|hd|hq|4k|free\s+(?:download|dl)|out\s+now)[)\]]",
    re.IGNORECASE,
)
_GUEST = re.compile(r"\s+[(\[]?(?:feat\.?|ft\.?|featuring)\s+", re.IGNORECASE)
_TOGETHER = re.compile(r"\s+[x×]\s+|\s+vs\.?\s+|\s*;\s*")
_COMMA = re.compile(r",\s+(?!the\b)", re.IGNORECASE)
_LAST_OF_LIST = re.compile(r"\s+(?:&|and)\s+(?=[^,]*$)")

_BRACKETED = re.compile(r"[(\[{]([^()\[\]{}]*)[)\]}]")
_NOT_WORDS = re.compile(r"[^\w+]+|_+")
_COUNTED = re.compile(
    r"\b(part|pt|volume|vol|chapter|episode|ep)\b\.?\s*#?(\d{1,4}|[ivx]{1,5}|one|two|three|four|five)\b"
    r"(?=\s*(?:$|[()\[\]{}:;,.|–—-]))"
)
_COUNTED_NAMES: Final = {"pt": "part", "vol": "volume", "ep": "episode"}
_NUMERALS: Final = {
    numeral: str(number)
    for numerals in ("i ii iii iv v vi vii viii ix x xi xii", "one two three four five")
    for number, numeral in enumerate(numerals.split(), start=1)
}
_PLAYED: Final = (
    r"\b(?:piano|guitar|ukulele|kalimba|violin|harp|flute|saxophone|trumpet|drums|strings|orchestra|choir|rain|reverb"
    r"|vocals|effects?|chords|tabs?)$"
)
ACCOMPANIMENT: Final = re.compile(_PLAYED)
"""Behind a `with` or `feat.`: what is heard besides or shown, and nobody's name."""
# Found in brackets or after a dash, in this order; their words are taken out, the rest may name a remixer.
_MARKERS: Final = tuple(
    (re.compile(pattern), marker)
    for pattern, marker in (
        (
            r"\b(?:\d{4} )?(?:digital(?:ly)? )?re ?master(?:ed|i[sz]ad[ao]|is[ée])?(?: in)?(?: \d{4})?"
            r"(?: version| edition| mix)?\b",
            "",
        ),
        (rf"\b(?:feat|ft|featuring|prod|produced by) .*$|^with (?!.*{_PLAYED}).*$", ""),
        (r"\b(?:original|album|main|explicit|stereo|full) (?:mix|version|edit|ver)\b|^(?:original|explicit)$", ""),
        (r"\b(?:sped|speed|speeded) up\b", "sped up"),
        (r"\bslowed(?: down)?\b", "slowed"),
        (r"\breverb(?:ed)?\b", "reverb"),
        (r"\bbass ?boosted\b", "bass boosted"),
        (r"\bnight ?core\b", "nightcore"),
        (r"\b(?:8|9|16|32|100)d(?: audio)?\b", "8d audio"),
        (r"\bkaraok[eé]\b|カラオケ|караоке|\boff vocal\b", "karaoke"),
        (r"\ba ?cap+ell?a\b", "acapella"),
        (r"\binstrumentale?s?\b|^inst(?: ver)?$", "instrumental"),
        (r"\b(?:acoustic|unplugged|ac[uú]stic[oa]|acoustique|akusti[ck])\b|акустика", "acoustic"),
        (
            r"^live\b.*|\blive$|\blive (?:at|from|in|on|version|session|edit|mix|performance|lounge|video)\b.*"
            r"|\b(?:en|ao|dal) vivo\b.*|\ben direct[o]?\b.*|ライブ|концерт",
            "live",
        ),
        (r"^(?:piano |guitar |.* )?cover(?: version| ver| of .*| by .*)?$|^covered by .*|歌ってみた|кавер", "cover"),
        (r"\bradio\b", "radio edit"),
        (r"\bextended\b", "extended"),
        (r"\bclub\b(?= (?:mix|edit|version)\b)", "club mix"),
        (r"\bdub\b", "dub"),
        (r"\bvip\b", "vip"),
        (r"\bdemo\b", "demo"),
        (r"^mono(?: version| mix)?$", "mono"),
        (r"^clean\b", "clean"),
        (r"^(?:intro|outro|interlude|skit|reprise)$", "fragment"),
    )
)
# Who made it may stand before or after; what else follows a strong word ("Foo Remix 2019") belongs to it.
_STRONG = re.compile(
    r"^(?:(?P<who>.*?) )?(?P<kind>re ?mix|rmx|rework|remake|re ?edit|boot ?leg|flip|refix|mash ?up"
    r"|ремикс|リミックス)(?:ed)?"
    r"(?: by)?(?: (?P<rest>.*))?$"
)
_WEAK = re.compile(r"^(?:(?P<who>.*?) )?(?P<kind>edit|mix|version|ver|versión|versão|バージョン)(?: by (?P<rest>.+))?$")
_KINDS: Final = {
    "rmx": "remix", "reedit": "edit", "ремикс": "remix", "リミックス": "remix", "ver": "version", "versión": "version",
    "versão": "version", "バージョン": "version",
}  # fmt: skip
# Said without brackets too; "live", "dub" or "cover" without brackets may be any title's own words.
_BARE: Final = tuple(
    (re.compile(pattern), marker)
    for pattern, marker in (
        (r"\bsped up\b", "sped up"),
        (r"\bslowed\b", "slowed"),
        (r"\bslowed\b.*\breverb(?:ed)?\b", "reverb"),
        (r"\bnightcore\b", "nightcore"),
        (r"\bkaraoke\b", "karaoke"),
        (r"\w (?:remix|rmx)$", "remix"),
        (r"\w (bootleg|rework|vip|acapella|instrumental|mashup)$", r"\1"),
        (r"\w (extended) mix$", r"\1"),
        (r"\w radio edit$", "radio edit"),
    )
)

_ANY_BARE: Final = re.compile("|".join(f"(?:{pattern.pattern})" for pattern, _ in _BARE))
_COUNTED_TAIL: Final = re.compile(_COUNTED.pattern, re.IGNORECASE)
_BARE_TAIL: Final = re.compile(
    r"(?<=\w)[\W_]+(?:remix|rmx|bootleg|rework|vip|acapella|instrumental|mashup|extended mix|radio edit|sped up"
    r"|nightcore|karaoke|slowed(?: down)?(?:[\W_]+(?:and )?reverb(?:ed)?)?)\W*$",
    re.IGNORECASE,
)


def parse_file_name(stem: str) -> tuple[tuple[str, ...], str]:
    """Artists and title out of a file name without its extension; no artists where the name tells none.

    `01 - Artist feat. Guest - Title (X Remix)`: the first separating dash ends the artists, the rest is the
    title with its version words; a track number in front and adverts in brackets (`[Official Video]`) go.
    An underscore counts as a space in names without spaces. A name that is nothing but prefix is the title.
    """
    name = _spaced(stem)
    if not name:
        return (), stem
    name = _ADVERTS.sub("", name).strip() or name
    name = without_number(name)
    artist, separator, title = _halves(name)
    if not separator:
        return (), name
    return split_artists(artist), title


def split_artists(text: str) -> tuple[str, ...]:
    """The artists in one text, the main one first, none twice.

    Splits at `feat.`, `ft.`, `featuring`, ` x `, ` vs `, `;` and `, `, but not before a `The` (Tyler, The
    Creator). `&` and `and` split only where they end a comma list, and not between single words: Above &
    Beyond, and Earth, Wind & Fire are one act. A name torn in two is worse than two names in one.
    """
    parts = [part for guest in _GUEST.split(text) for part in _TOGETHER.split(guest)]
    names = [name.strip(" ()[]") for part in parts for name in _listed(part)]
    return tuple(dict.fromkeys(name for name in names if name))


def _listed(text: str) -> list[str]:
    commas = _COMMA.split(text)
    if len(commas) == 1:
        return commas
    names = commas[:-1] + _LAST_OF_LIST.split(commas[-1])
    one_act = len(names) > len(commas) and all(len(name.split()) == 1 for name in names)
    return [text] if one_act else names


def _spaced(stem: str) -> str:
    """One space between words; in `ada_voss-night_ferry` the only hyphen is the separator."""
    text = "".join(" " if unicodedata.category(char) == "Cc" else char for char in stem).strip()
    if "_" in text and not re.search(r"\s", text):
        text = text.replace("-", " - ") if text.count("-") == 1 else text
        text = text.replace("_", " ")
    return " ".join(text.split())


def without_number(name: str) -> str:
    """The name without a track's number in front: `02. Burial - Archangel`."""
    for pattern in _TRACK_NUMBERS:
        if found := pattern.match(name):
            return name[found.end() :]
    found = _NUMBER_BEFORE_ARTIST.match(name)
    return name[found.end() :] if found and _SEPARATOR.search(name[found.end() :]) else name


def _halves(name: str) -> tuple[str, str, str]:
    """Artist, separator, title; no separator when either side would be empty."""
    for found in _SEPARATOR.finditer(name):
        artist, title = name[: found.start()].strip(), name[found.end() :].strip()
        if artist and title:
            return artist, found[0], title
    return "", "", name


def version_words(title: str) -> frozenset[str]:
    """What sets this version apart, normalised: `remix chozen`, `live`, `extended` with `mix claptone`.

    Read from brackets and from what follows a dash, some words also from the bare title; the remixer belongs
    to the marker. Empty for the plain recording, its original mix and its remasters.
    """
    text = _plain_text(title)
    bare, *after_dashes = _SEPARATOR.split(_BRACKETED.sub(" ", text))
    brackets = [part for bracket in _BRACKETED.findall(text) for part in _SEPARATOR.split(bracket)]
    found = _counted(text) | bare_words(bare)
    for group in (*brackets, *after_dashes):
        found |= group_words(group)
    return _without_nameless(found)


def counted_words(text: str) -> frozenset[str]:
    """`part 2`, `volume 3`, wherever they stand."""
    return _counted(_plain_text(text))


def bare_words(text: str) -> frozenset[str]:
    """What a title says of its version without bracket or dash."""
    plain = _plain_text(text)
    words = _words(plain)
    if not _ANY_BARE.search(words):
        return _counted(plain)
    found = {match.expand(marker) for pattern, marker in _BARE if (match := pattern.search(words))}
    return _counted(plain) | found


def without_bare_words(text: str) -> str:
    """The text without the words that `bare_words` finds at its end; the whole where nothing else is in it."""
    words = " ".join(_COUNTED_TAIL.sub(" ", unicodedata.normalize("NFKC", text)).split())
    while (shorter := _BARE_TAIL.sub("", words)) != words:
        words = shorter
    return words.strip(" ,-") or text


def group_words(group: str) -> frozenset[str]:
    """The markers of one bracket, or of what follows a dash."""
    return read_group(group)[0]


def read_group(group: str) -> tuple[frozenset[str], bool]:
    """The markers, and whether the group speaks of the version at all, be it only of the plain one (`Original Mix`)."""
    plain = _plain_text(group)
    (found, heard), counted = _read_group(_words(plain)), _counted(plain)
    return found | counted, heard or bool(found or counted)


@lru_cache(maxsize=1024)
def _read_group(group: str) -> tuple[frozenset[str], bool]:
    """The markers, and whether any word was understood at all."""
    found: set[str] = set()
    heard = False
    for pattern, marker in _MARKERS:
        if pattern.search(group):
            group = " ".join(pattern.sub(" ", group).split())
            heard = True
            found |= {marker} - {""}
    signed = _STRONG.match(group) or _WEAK.match(group)
    if signed is None:
        return frozenset(found), heard
    kind = signed["kind"].replace(" ", "")
    called = _KINDS.get(kind, kind)
    who = (signed["who"] or "").removesuffix(" s").split() + (signed["rest"] or "").split()
    who = [word for word in who if word not in {"edit", "mix", "version", "ver"}]
    if who or (called not in {"mix", "version"} and not (kind == "edit" and found)):
        found.add(" ".join([called, *who]))
    return frozenset(found), True


def _without_nameless(found: frozenset[str]) -> frozenset[str]:
    """`remix` beside `remix chozen` says nothing more: “Song Remix (Chozen Remix)”."""
    kinds = {word.partition(" ")[0] for word in found if " " in word}
    return frozenset(word for word in found if word not in {"remix", "edit"} or word not in kinds)


def _counted(plain: str) -> frozenset[str]:
    return frozenset(f"{_COUNTED_NAMES.get(word, word)} {_number(number)}" for word, number in _COUNTED.findall(plain))


@lru_cache(maxsize=1024)
def _plain_text(text: str) -> str:
    return " ".join(unicodedata.normalize("NFKC", text).casefold().split())


def _number(text: str) -> str:
    return _NUMERALS.get(text, text.lstrip("0") or "0")


def _words(text: str) -> str:
    """Words and nothing else, one space apart; `slowed+reverb` is two words."""
    return " ".join(_NOT_WORDS.sub(" ", text).replace("+", " ").split())
