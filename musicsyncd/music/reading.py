"""How a title on a service is read: its parts, asides, guests and version, without what is only said to be found."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache
from itertools import pairwise
from typing import Final

from musicsyncd.music.title import (
    ACCOMPANIMENT,
    bare_words,
    counted_words,
    group_words,
    read_group,
    without_bare_words,
    without_number,
)

_LETTERS: Final = str.maketrans({
    "ø": "o", "đ": "d", "ð": "d", "ł": "l", "æ": "ae", "œ": "oe", "þ": "th", "ı": "i",
    "а": "a", "б": "b", "в": "v", "г": "g", "ґ": "g", "д": "d", "е": "e", "ё": "e", "є": "ye", "ж": "zh", "з": "z",
    "и": "i", "і": "i", "ї": "yi", "й": "y", "к": "k", "л": "l", "м": "m", "н": "n", "о": "o", "п": "p", "р": "r",
    "с": "s", "т": "t", "у": "u", "ф": "f", "х": "kh", "ц": "ts", "ч": "ch", "ш": "sh", "щ": "shch", "ъ": "", "ы": "y",
    "ь": "", "э": "e", "ю": "yu", "я": "ya",
})  # fmt: skip
"""Letters that Unicode does not take apart into a letter and a mark; Cyrillic as services write it in Latin letters."""
_MARKS: Final = re.compile(r"[\u0300-\u036f\u0591-\u05c7\u064b-\u065f]")
"""Accents and points of Latin, Greek, Cyrillic, Hebrew and Arabic; other scripts' marks are letters of their own."""
_APOSTROPHES: Final = re.compile(r"(?<=\w)['’‘`´ʼ](?=\w)|(?<=\w)['’`´](?=\s|$)")
_DOLLARS: Final = re.compile(r"\$+(?=\w)|(?<=\w)\$+")
_AND: Final = re.compile(r"\s*[&＆]\s*|\s\+\s")
_SIGNS: Final = re.compile(r"[$&+'’‘`´ʼ]")
_NO_LETTERS: Final = re.compile(r"[^\w\s]|_")
_DIGITS: Final = re.compile(r"\d+")
_LATIN: Final = re.compile(r"[a-z]")
_OTHER_SCRIPT: Final = re.compile(r"[^\W\da-z_]")

LONGEST: Final = 300
"""Characters of a title that are read; services allow 100 to 200."""
MOST_PARTS: Final = 8
SLIP: Final = 0.88
"""How alike two titles are that a slip of the pen parts."""
LEAST_FOR_A_SLIP: Final = 8
"""Letters of a title in which one may be a slip."""
_BRACKETS: Final = re.compile(
    "|".join(rf"\{a}([^\{a}\{b}]*)\{b}" for a, b in ("()", "[]", "{}"))
    + "|【([^【】]*)】|〔([^〔〕]*)〕|[〈《]([^〈《》〉]*)[》〉]"
)
_SQUARE: Final = re.compile(r"[\[【]([^\[\]【】]*)[\]】]")
_FROM_QUOTED: Final = re.compile(
    r"\s(?:[-–(\[]\s*)?(?:(?:love |main )?theme |taken |music |song )?from [\"“«][^\"”»]+[\"”»](?: soundtrack)?[)\]]?",
    re.IGNORECASE,
)
_QUOTED: Final = re.compile(r"[「『“„«]([^」』”“»]+)[」』”“»]|(?<!\S)\"([^\"]+)\"(?!\w)")
_DASHES: Final = re.compile(r"[-‐‑‒−~|/•·:–—―｜／♪_]+")
_LONG_DASHES: Final = frozenset("–—―|｜／♪")
"""Those that part by themselves; the others want room."""
_HYPHENS: Final = frozenset("-‐‑‒−")
_GUEST: Final = re.compile(r"(?:^|[\s(\[])(?:feat(?:uring)?|ft)\b\.?\s*(.+)$|\sw/\s*(.+)$", re.IGNORECASE)
_WITH: Final = re.compile(r"^(?:with|w/|con|avec|mit)\s+(.+)$", re.IGNORECASE)
_PRODUCER: Final = re.compile(r"(?:^|\s)(?:prod(?:uced)?\b\.?(?:\s+by)?|p/)\s*(\S.*)$", re.IGNORECASE)
_VERSION_TAIL: Final = re.compile(
    r"\s+(?=(?:\S+ )?(?:remix|rmx|edit|mix|version|bootleg|flip|rework|vip|live|acoustic|cover|demo|instrumental"
    r"|acapella|karaoke|slowed|sped up|nightcore|8d|extended)\b)",
    re.IGNORECASE,
)
_NAMES_APART: Final = re.compile(
    r"\s*[,;/&+×]\s*|\s+(?:x|vs\.?|and|y|und|et|with|meets|feat\.?|ft\.?|featuring|pres\.?|presents?|aka|a\.k\.a\.)\s+",
    re.IGNORECASE,
)
_MAY_BE_LIST: Final = re.compile(r"[,;/&+×]|\s\w{1,9}\.?\s")
_MEDIUM: Final = (
    r"(?:official|oficial|officiel(?:le)?|offizielle?s?|lyrics?|letra|paroles|music|audio|video|vídeo|vidéo|clip|clipe"
    r"|videoclip|musikvideo|visuali[sz]er|hd|hq|uhd|4k|1080p|720p|full|high quality|premiere|exclusive|exclusiva"
    r"|out now|free|download|dl|mv|m v|pv|single|explicit|dirty|uncensored|stream|release|records?|recordings|the|with"
    r"|on screen|in|and|color coded|han rom eng|vietsub|thaisub|eng ?sub|subtitulad[oa]|legendad[oa]"
    r"|copyright free|teledisk|клип|премьера|официальное видео|видео|аудио|текст песни|公式|歌詞"
    r"|가사|뮤직비디오|ミュージックビデオ)"
)
_NOISE: Final = re.compile(
    rf"{_MEDIUM}(?:\s+{_MEDIUM})*(?:\s+(?:19|20)\d\d)?|(?:19|20)\d\d|\d+ ?bpm|[a-g][#b]? ?(?:min|maj)(?:or)?"
)
_NOISE_TAIL: Final = re.compile(
    r"\s+(?:(?:the )?official(?: (?:music|lyrics?|hd|4k))*(?: (?:video|audio|visuali[sz]er|clip))|lyrics? video"
    r"|music video|(?:video|audio|clip|clipe|videoclip) (?:oficial|officiel|ufficiale)|official|with lyrics|lyrics"
    r"|free (?:download|dl)|(?:in )?h[dq]|4k|m/?v|out now)\s*[!.]*$",
    re.IGNORECASE,
)
_NOISE_HEAD: Final = re.compile(r"^(?:premi[eè]re|exclusive|free (?:download|dl)|out now|new)\s*[:|]\s*", re.IGNORECASE)
_SOUNDTRACK: Final = re.compile(
    r"^(?:taken |music |theme )?from the (?:original )?(?:motion picture|film|movie|series|soundtrack|album|game)\b"
    r"|^(?:original )?(?:motion picture )?soundtrack|^ost\b|^o s t\b"
    r"|^(?:bonus|album|deluxe|expanded)(?: track| edition)?$|.*\b(?:anniversary|soundtrack|ost"
    r"|(?:deluxe|expanded|special|limited|collectors?|anniversary|bonus|standard|platinum|legacy|japan(?:ese)?|vinyl"
    r"|cd|digital|international) edition)$"
)
"""Where a recording was published, which makes no other recording of it."""


_LIVE_WORDS: Final = frozenset((
    "live", "at", "from", "in", "on", "the", "version", "session", "sessions", "performance", "video", "edit", "mix",
    "audio", "remastered", "remaster", "hd", "hq", "official", "a", "and", "of", "to", "recording", "en", "vivo", "ao",
    "directo",
))  # fmt: skip


@lru_cache(maxsize=4096)
def folded(text: str) -> str:
    """Words one space apart, without case, width, accents and punctuation; `&` is `and`, a text of signs stays."""
    plain = text.lower() if text.isascii() else unicodedata.normalize("NFKC", text).casefold()
    if _SIGNS.search(plain):
        plain = _DOLLARS.sub(lambda signs: "s" * len(signs[0]), _AND.sub(" and ", _APOSTROPHES.sub("", plain)))
    if plain.isascii():
        words = _NO_LETTERS.sub(" ", plain).split()
    else:
        plain = unicodedata.normalize("NFC", _MARKS.sub("", unicodedata.normalize("NFKD", plain.translate(_LETTERS))))
        words = "".join(" " if unicodedata.category(char)[0] in "PSZC" else char for char in plain).split()
    return " ".join(words) or "".join(text.split()).casefold()


def squashed(text: str) -> str:
    """`folded` without spaces, so that `N i g h t  D r i v e`, `Jay-Z` and `Everytime` are as they are spoken."""
    return folded(text).replace(" ", "")


def scripts_differ(first: str, second: str) -> bool:
    """Whether of two folded texts one is in Latin letters and the other in none, so that they cannot be compared."""
    if first.isascii() and second.isascii():
        return False
    latin = [bool(_LATIN.search(text)) for text in (first, second)]
    other = [bool(_OTHER_SCRIPT.search(text)) for text in (first, second)]
    return latin[0] != latin[1] and other[0] != other[1]


@dataclass(frozen=True, kw_only=True)
class Reading:
    """One title, taken apart."""

    parts: tuple[str, ...]
    """Folded, in order: what stands between the dashes, artist and title among them."""
    asides: tuple[str, ...]
    """Folded: what stands in brackets and is neither version nor guest nor noise."""
    guests: tuple[str, ...]
    """As written: who is featured."""
    versions: frozenset[str]
    """Version words (`music.title`), accents folded, makers' names in one order."""
    clean: bool | None
    """True for the censored text, False for one that says it is explicit."""
    occasion: frozenset[str]
    """Of a live version: the words for where and when."""


def read(title: str, *, names: Iterable[str] = (), titles: Iterable[str] = (), label: str = "") -> Reading:
    """Take a title apart; what is one of `names` or `titles` (by `name_key`) is that, whatever its words.

    `Oasis - Live Forever` is no live recording for him who knows that title. A square bracket with the name of the
    `label` that publishes it goes.
    """
    text = " ".join(unicodedata.normalize("NFKC", title[:LONGEST]).split())
    text = _NOISE_HEAD.sub("", text) or text
    text = _FROM_QUOTED.sub(" ", text) if "from" in text.lower() else text
    text = without_number(text) if any(map(str.isdigit, text[:5])) else text
    brackets, text = _take(_BRACKETS, _without_label(text, name_key(label)) if label else text)
    reader = _Reader(names, titles)
    for bracket in brackets[:MOST_PARTS]:
        reader.bracket(bracket.strip())
    for part in _parts(_take(_QUOTED, text, keep=True)[1]):
        reader.part(part.strip())
    words = {_maker(word) for word in reader.versions | counted_words(text)}
    return Reading(
        parts=tuple(reader.parts) or (folded(title),),
        asides=tuple(reader.asides),
        guests=tuple(reader.guests),
        versions=_one_of_each(words - {"clean"}),
        clean=True if "clean" in words else False if "explicit" in title.casefold() else None,
        occasion=frozenset(reader.occasion - _LIVE_WORDS),
    )


def _parts(text: str) -> list[str]:
    """What stands between dashes of all sorts, at most `MOST_PARTS` and the rest."""
    found: list[str] = []
    start = 0
    for match in _DASHES.finditer(text):
        if len(found) < MOST_PARTS and _separates(match[0], text[: match.start()][-2:], text[match.end() :][:1]):
            found.append(text[start : match.start()])
            start = match.end()
    return [*found, text[start:]]


def _separates(sign: str, before: str, after: str) -> bool:
    """Whether a dash parts artist and title: `Jay-Z` and `AC/DC` are one, `Burial- Archangel` and `Foo: Bar` two."""
    if not _LONG_DASHES.isdisjoint(sign):
        return True
    room_before, room_after = not before[-1:].strip(), not after.strip()
    if room_before or room_after:
        two_letters = len(before) == 2 and before.isalpha()
        beside = two_letters or (room_before and after.isalpha()) if _HYPHENS.issuperset(sign) else sign == ":"
        return beside or (room_before and room_after)
    return False


class _Reader:
    """Gathers what brackets and parts say, one after another."""

    def __init__(self, names: Iterable[str], titles: Iterable[str]) -> None:
        self._titles = frozenset(titles)
        self._known = self._titles | frozenset(names)
        self.parts: list[str] = []
        self.asides: list[str] = []
        self.guests: list[str] = []
        self.versions: set[str] = set()
        self.occasion: set[str] = set()

    def bracket(self, text: str) -> None:
        """What stands in a bracket: a guest, a name, noise, the version, or an aside."""
        text = self._without_people(text)
        plain = folded(text) if text else ""
        if (guest := _WITH.match(text)) and not ACCOMPANIMENT.search(plain):
            self.guests.append(guest[1])
        elif name_key(text) in self._known and plain:
            self.asides.append(plain)
        elif (group := read_group(text))[1]:
            self._hear(group[0], plain)
        elif plain and not _is_advert(plain):
            self.asides.append(plain)

    def part(self, text: str) -> None:
        """What stands between two dashes: a name, noise, the version, or the title with words of its version."""
        text = self._without_people(text)
        while (shorter := _NOISE_TAIL.sub("", text)) != text and shorter.strip():
            text = shorter
        plain = folded(text) if text.strip() else ""
        if not plain or (name_key(text) not in self._known and self._is_noise(plain)):
            return
        if name_key(text) in self._known:
            self.parts.append(plain)
        elif split := self._after_title(plain):
            self.parts.append(split[0])
            self._hear(group_words(split[1]), split[1])
        elif self.parts and (group := read_group(text))[1]:
            self._hear(group[0], plain)
        else:
            found = bare_words(text)
            self.versions |= found
            self.parts.append(folded(without_bare_words(text)) if found else plain)

    def _hear(self, words: frozenset[str], plain: str) -> None:
        self.versions |= words
        self.occasion |= set(plain.split()) if "live" in words else set()

    def _without_people(self, text: str) -> str:
        """Without guests and producers; version words that stand behind them are heard."""
        lower = text.lower()
        if not any(word in lower for word in ("prod", "p/", "feat", "ft", "w/")):
            return text
        for pattern in (_PRODUCER, _GUEST):
            if match := pattern.search(text):
                name, *spare = _VERSION_TAIL.split(next(filter(None, match.groups())), maxsplit=1)
                text = text[: match.start()].strip()
                for tail in spare:
                    self.versions |= group_words(tail) | bare_words(f"x {tail}")
                if pattern is _GUEST:
                    self._guest(name)
        return text

    def _guest(self, name: str) -> None:
        plain = folded(name)
        if ACCOMPANIMENT.search(plain) and name_key(name) not in self._known:
            self.asides.append(plain)
        else:
            self.guests.append(without_bare_words(name))

    def _after_title(self, plain: str) -> tuple[str, str] | None:
        """`hot in here` and `chozen remix` out of `hot in here chozen remix`, for him who knows the title."""
        if not plain.replace(" ", "").startswith(tuple(self._titles)):
            return None
        words = plain.split()
        for end in range(len(words) - 1, 0, -1):
            rest = " ".join(words[end:])
            if "".join(words[:end]) in self._titles and read_group(rest)[1]:
                return " ".join(words[:end]), rest
        return None

    def _is_noise(self, plain: str) -> bool:
        """One word alone behind one part (`Prince - 1999`, `Foo - Video`) may be the title itself."""
        said = bool(_NOISE.fullmatch(plain)) and len(plain) > 3
        counts = bool(_SOUNDTRACK.match(plain)) or (said and (len(self.parts) > 1 or " " in plain))
        return counts and bool(self.parts)


def _is_advert(plain: str) -> bool:
    """Whether a bracket tells only where and how it was published; what is played on is no album's name."""
    return bool(_NOISE.fullmatch(plain) or (_SOUNDTRACK.match(plain) and not ACCOMPANIMENT.search(plain)))


def _without_label(text: str, label: str) -> str:
    def keep(match: re.Match[str]) -> str:
        return " " if name_key(match[1].strip()) == label else match[0]

    return _SQUARE.sub(keep, text).strip(" -")


def _take(pattern: re.Pattern[str], text: str, *, keep: bool = False) -> tuple[list[str], str]:
    """What the pattern encloses, and the rest; twice, for brackets in brackets."""
    found: list[str] = []

    def out(match: re.Match[str]) -> str:
        inner = next((group for group in match.groups() if group is not None), "")
        found.append(inner)
        return f" | {inner} | " if keep else " "

    for _ in range(1 if keep else 2):
        if pattern.search(text):
            text = pattern.sub(out, text)
    return found, text


def _maker(word: str) -> str:
    """A version word with its accents folded; who made it in one order, without `and`, `x`, `DJ` and `official`."""
    kind, _, who = folded(word).partition(" ")
    if kind in {"part", "volume", "chapter", "episode", "sped", "bass", "8d", "radio", "club"} or not who:
        return folded(word)
    names = sorted(name for name in who.split() if name not in {"and", "x", "dj", "the", "official", "s"})
    return " ".join([kind, *names])


def _one_of_each(words: set[str]) -> frozenset[str]:
    """`remix` beside `remix chozen` says nothing more."""
    named = {word.partition(" ")[0] for word in words if " " in word}
    return frozenset(word for word in words if " " in word or word not in named or word not in {"remix", "edit"})


_OWN_CHANNEL: Final = re.compile(r"\s+-\s+topic$|(?<=\w)vevo$", re.IGNORECASE)
_CHANNEL: Final = re.compile(
    r"\s+-\s+topic$|(?<=\w)vevo$|\s+(?:official|oficial)(?:\s+(?:channel|music|tv))?$", re.IGNORECASE
)
_OFFICIAL_HEAD: Final = re.compile(r"^official\s*", re.IGNORECASE)


def is_own_channel(account: str) -> bool:
    """Whether the account is by its name the artist's own (`Adele - Topic`, `AdeleVEVO`)."""
    return bool(_OWN_CHANNEL.search(account.strip()))


@lru_cache(maxsize=2048)
def name_key(name: str) -> str:
    """A name as it is compared: squashed, without a leading `The` and what channels add (`- Topic`, `VEVO`)."""
    plain = folded(name)
    if any(word in plain for word in ("topic", "vevo", "ficial")):
        plain = folded(_OFFICIAL_HEAD.sub("", _CHANNEL.sub("", name.strip())) or name)
    key = plain.removeprefix("the ").replace(" ", "")
    return key or squashed(name)


@lru_cache(maxsize=2048)
def name_keys(name: str) -> frozenset[str]:
    """The name's key, and those of everybody in it where it may be a list (`A & B`, `A x B`)."""
    apart = _NAMES_APART.split(name) if _MAY_BE_LIST.search(name) else ()
    return frozenset(key for one in (name, *apart) if (key := name_key(one)))


def likeness(first: str, second: str) -> float:
    """How alike two folded titles are: 1 the same letters, `SLIP` a slip of the pen, else at most 0.8.

    Numbers are never a slip (`Song 1`, `Song 2`), nor is anything in a short title: `Burn` and `Burnt` are two.
    """
    one, two = first.replace(" ", ""), second.replace(" ", "")
    if one == two:
        return 1.0
    if not one or not two:
        return 0.0
    pairs, others = _pairs(one), _pairs(two)
    alike = min(0.8, 2 * len(pairs & others) / (len(pairs) + len(others) or 1))
    if alike > 0.5 and _DIGITS.findall(first) != _DIGITS.findall(second):
        return 0.5
    slip = alike > 0.5 and min(len(one), len(two)) >= LEAST_FOR_A_SLIP and _slips(first.split(), second.split())
    return SLIP if slip else alike


@lru_cache(maxsize=4096)
def _pairs(text: str) -> frozenset[str]:
    """Neighbouring letters; Dice's coefficient of two such sets says how alike two texts are."""
    return frozenset(map("".join, pairwise(text)))


def _slips(first: list[str], second: list[str]) -> bool:
    """Whether the words are pairwise the same, but for one in three that a letter parts."""
    if len(first) != len(second):
        return False
    apart = [(a, b) for a, b in zip(first, second, strict=True) if a != b]
    return len(apart) <= max(1, len(first) // 3) and all(nearly(a, b) for a, b in apart)


def nearly(first: str, second: str) -> bool:
    """Whether a letter that was lost, doubled or swapped, or in a long word mistaken, parts two words.

    `Dream` and `Dreams` are two, and so are `Home` and `Hope`, `Light` and `Night`.
    """
    short, long = sorted((first, second), key=len)
    if len(long) < 5 or len(long) - len(short) > 1 or short[:1] != long[:1] or f"{short}s" == long:
        return False
    start = next((i for i, (a, b) in enumerate(zip(short, long, strict=False)) if a != b), len(short))
    if len(short) < len(long):
        return short[start:] == long[start + 1 :]
    swapped = short[start : start + 2] == long[start : start + 2][::-1] and short[start + 2 :] == long[start + 2 :]
    return swapped or (len(short) >= 7 and short[start + 1 :] == long[start + 1 :])
