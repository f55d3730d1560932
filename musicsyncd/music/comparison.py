"""A wanted track and a candidate read against one another: which part is the title, who is named, what is left."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Final, NamedTuple

from musicsyncd.music.candidate import Candidate
from musicsyncd.music.reading import SLIP, Reading, folded, likeness, name_key, name_keys, read
from musicsyncd.music.track import Track

TELLTALE: Final = frozenset((
    "remix", "rmx", "live", "cover", "covers", "covered", "karaoke", "instrumental", "acapella", "acappella",
    "acoustic", "tribute", "parody", "nightcore", "daycore", "slowed", "reverb", "sped", "speed", "bootleg", "mashup",
    "medley", "megamix", "minimix", "mix", "demo", "rehearsal", "reaction", "tutorial", "lesson", "loop", "loops",
    "hour", "hours", "remake", "8d", "16d", "lofi", "extended", "snippet", "preview", "teaser", "trailer", "session",
    "sessions", "concert", "unplugged", "piano", "guitar", "violin", "orchestra", "orchestral", "choir", "originally",
    "famous", "dj", "continuous", "playlist", "compilation", "edit", "version", "ringtone", "chipmunk", "chipmunks",
    "8bit", "symphonic", "dub", "vip", "flip", "rework", "minus", "backing", "sings", "singing", "perform",
    "performs", "performance", "mtv", "bbc", "kexp", "festival", "tour", "vs", "type", "beat", "challenge", "fanmade",
    "ai", "intro", "outro", "interlude", "skit", "reprise", "kalimba", "ukulele", "marimba", "fingerstyle", "vocaloid",
    "utau", "midi", "synthesia", "reversed", "isolated", "drumless", "multitrack", "stems", "lullaby", "elevator",
    "pitch", "pitched", "muffled",
))  # fmt: skip
"""Words that, where only one of two titles has them outside its names, tell of something else than the track."""
_LABELS: Final = frozenset((
    "records", "recordings", "label", "monstercat", "ukf", "ncs", "nocopyrightsounds", "anjunabeats", "anjunadeep",
    "spinnin", "armada", "owsla", "liquicity", "toolroom", "drumcode", "afterlife", "ophelia",
))  # fmt: skip
"""Words in the name of who publishes the artists' own recordings; the last are labels that are known by one word."""
_RELEASES: Final = _LABELS | {"release", "releases", "premiere", "premieres", "ltd"}
"""Words of a part of a title that names a publication: `Blue Records`, `NCS Release`."""
_COMPANIES: Final = frozenset({"music", "network", "musik", "promotion"})
"""Behind the first word of an account's name they tell of a publisher; in a title of anything (`Elevator Music`)."""
_GENRES: Final = frozenset((
    "ambient", "bass house", "big room", "breakbeat", "breaks", "chillout", "chillstep", "complextro", "deep house",
    "dnb", "drum and bass", "drumstep", "dubstep", "edm", "electro", "electro house", "electronic", "future bass",
    "future house", "garage", "glitch hop", "hard dance", "hardcore", "hardstyle", "hip hop", "house", "indie dance",
    "jungle", "liquid", "liquid dnb", "melodic dubstep", "melodic house", "melodic techno", "midtempo", "minimal",
    "moombahcore", "moombahton", "neurofunk", "nu disco", "progressive house", "progressive trance", "psytrance",
    "riddim", "synthwave", "tech house", "techno", "trance", "trap", "tropical house", "uk garage",
))  # fmt: skip
"""What labels write before a title. Behind it, or from anybody else, it may tell of a version in that style."""


@dataclass(frozen=True, kw_only=True)
class Wanted:
    """The wanted track, read once for all candidates."""

    track: Track
    reading: Reading
    titles: tuple[tuple[str, tuple[str, ...]], ...]
    """Folded titles it may go by, each with the artists that then play it."""
    names: frozenset[str]
    """Keys of all who are named: artists, guests and who remixed."""
    duration: float | None
    words: frozenset[str]
    """All words of title, album and artists, folded."""
    title_keys: frozenset[str]
    """By which a candidate's title is known for one."""

    @classmethod
    def of(cls, track: Track) -> Wanted:
        """Read it."""
        artists = keys(track.artists)
        reading = read(track.title, names=artists)
        titles = _titles_of_wanted(track, reading, artists)
        names = artists | keys(reading.guests) | makers(reading)
        names |= keys(name for _, players in titles[1:] for name in players)
        said = folded(" ".join((track.title, track.album, *track.artists, *reading.versions)))
        return cls(
            track=track,
            reading=reading,
            titles=titles,
            names=names,
            duration=seconds(track.duration),
            words=frozenset(said.split()),
            title_keys=frozenset(name_key(title) for title, _ in titles),
        )


@dataclass(frozen=True, kw_only=True)
class Seen:
    """A candidate as it reads best against the wanted track."""

    reading: Reading
    title: str
    """Folded: the part that is the title."""
    wanted_title: str
    artists: tuple[str, ...]
    """Who plays it, by the wanted track."""
    likeness: float
    named: frozenset[str]
    """Keys of all whom the candidate names."""
    unexplained: tuple[str, ...]
    """Parts and asides that are neither names nor title."""
    missing: tuple[str, ...]
    """Asides of the wanted title that it lacks."""
    strangers: tuple[str, ...]
    """Players whom the wanted track does not name."""


def keys(names: Iterable[str]) -> frozenset[str]:
    """The keys of all names, lists taken apart."""
    return frozenset().union(*map(name_keys, names))


def makers(reading: Reading) -> frozenset[str]:
    """Who remixed, by the version words."""
    return frozenset(word.partition(" ")[2].replace(" ", "") for word in reading.versions if " " in word)


def seconds(duration: float | None) -> float | None:
    """The duration, or None for what cannot be one."""
    return duration if duration is not None and math.isfinite(duration) and duration > 0 else None


def _titles_of_wanted(
    track: Track, reading: Reading, artists: frozenset[str]
) -> tuple[tuple[str, tuple[str, ...]], ...]:
    """The title as it stands, and where it bears an artist itself (`NELLY - HOT IN HERE`, artist CHOZEN), without."""
    parts = reading.parts
    titles = [(" ".join(parts), track.artists)]
    rest = tuple(part for part in parts if not name_keys(part) & artists) or parts
    if rest != parts:
        titles.insert(0, (" ".join(rest), track.artists))
    if len(rest) > 1:
        titles.append((" ".join(rest[1:]), (rest[0], *track.artists)))
    if len(rest) > 1 and (not track.artists or artists & makers(reading) or _publishes(track.artist)):
        titles.append((rest[0], (*rest[1:], *track.artists)))
    return tuple(titles)


def _publishes(name: str) -> bool:
    words = folded(name).split()
    return not (_RELEASES.isdisjoint(words) and _COMPANIES.isdisjoint(words[1:]))


def seen(wanted: Wanted, candidate: Candidate) -> Seen:
    """The candidate's title read in the way that comes closest to the wanted one."""
    stated = keys(candidate.artists) | {name_key(candidate.uploader)} - {""}
    known = wanted.names | stated
    reading = read(candidate.title, names=known, titles=wanted.title_keys, label=_label(candidate))
    pairs = [(one, asked) for one in _titles(reading, wanted, stated) for asked in wanted.titles]
    same = [(one, asked) for one, asked in pairs if one[0] == asked[0]]
    tries = [
        _Try(asked, one[0], one[1], *_alike(asked[0], wanted.reading.asides, one[0], reading.asides))
        for one, asked in same or pairs
    ]
    best = max(one.likeness for one in tries)
    closest = [one for one in tries if one.likeness == best][: None if best >= SLIP else 1]
    read_so = [_seen(wanted, candidate, reading, one) for one in closest]
    return max(read_so, key=lambda one: (bool(one.named & keys(one.artists)), -len(one.unexplained)))


def _label(candidate: Candidate) -> str:
    """The uploader where its name in a bracket tells of a release, and not of its own version."""
    plain = "original mix" in candidate.title.casefold()
    return candidate.uploader if plain or _publishes(candidate.uploader) else ""


def _titles(reading: Reading, wanted: Wanted, stated: frozenset[str]) -> Iterator[tuple[str, tuple[str, ...]]]:
    """Each way to say which part is the title, with the other parts; who is `stated` to play it is not the title."""
    parts = reading.parts
    yield " ".join(parts), ()
    for number, part in enumerate(parts if len(parts) > 1 else ()):
        key = name_key(part)
        if key in stated and not all(name_key(other) in stated for other in parts):
            continue
        if key in wanted.names and key not in wanted.title_keys:
            continue
        yield part, (*parts[:number], *parts[number + 1 :])
    for number in range(1, len(parts) - 1):
        yield " ".join(parts[number:]), parts[:number]
    for aside in reading.asides:
        yield aside, parts
    for number, part in enumerate(parts):
        for name in wanted.track.artists:
            if (rest := _without_name(part, folded(name))) != part:
                yield rest, (folded(name), *parts[:number], *parts[number + 1 :])


def _without_name(part: str, name: str) -> str:
    """`darude sandstorm` and `sandstorm by darude` without `darude`."""
    if part.startswith(f"{name} "):
        return part.removeprefix(f"{name} ")
    return part.removesuffix(f" {name}").removesuffix(" by") if part.endswith(f" {name}") else part


class _Try(NamedTuple):
    """One way to read a candidate against one way to read the wanted title."""

    asked: tuple[str, tuple[str, ...]]
    title: str
    others: tuple[str, ...]
    likeness: float
    missing: tuple[str, ...]
    spare: tuple[str, ...]


def _seen(wanted: Wanted, candidate: Candidate, reading: Reading, one: _Try) -> Seen:
    named = keys((*candidate.artists, *reading.guests, *one.others)) | {name_key(candidate.uploader)} - {""}
    players = (", ".join(candidate.artists), *one.others)
    return Seen(
        reading=reading,
        title=one.title,
        wanted_title=one.asked[0],
        artists=one.asked[1],
        likeness=one.likeness,
        named=named,
        unexplained=tuple(part for part in (*one.others, *one.spare) if not _explained(part, wanted, candidate)),
        missing=one.missing,
        strangers=_strangers(reading.guests, players, wanted.names),
    )


def _strangers(guests: Iterable[str], lists: Iterable[str], known: frozenset[str]) -> tuple[str, ...]:
    """Who plays too, though the wanted track does not name him; a list names players where one of it is known."""
    found = [name for name in guests if not name_keys(name) & known]
    for players in lists:
        own = name_keys(players)
        if own & known and name_key(players) not in known:
            found += sorted(key for key in own - known - {name_key(players)} if not _is_made_of(key, known))
    return tuple(dict.fromkeys(found))


def _is_made_of(key: str, known: frozenset[str]) -> bool:
    """Whether it is a piece of a known name: `beyond` of `aboveandbeyond`."""
    return any(key in name for name in known)


def _alike(
    ours: str, our_asides: tuple[str, ...], theirs: str, their_asides: tuple[str, ...]
) -> tuple[float, tuple[str, ...], tuple[str, ...]]:
    """How alike two titles are, with the asides that only one of the two has."""
    if not our_asides and not their_asides:
        return likeness(ours, theirs), (), ()
    their_asides = tuple(aside for aside in their_asides if aside != theirs)
    only_ours = tuple(aside for aside in our_asides if aside not in their_asides)
    only_theirs = tuple(aside for aside in their_asides if aside not in our_asides)
    best = likeness(ours, theirs), only_ours, only_theirs
    if best[0] == 1.0 or not (only_ours or only_theirs):
        return best
    # One of the two wrote the brackets' words without brackets: (I Can't Get No) Satisfaction.
    for a in _with_asides(ours, our_asides):
        for b in _with_asides(theirs, their_asides):
            if (like := likeness(a, b)) > best[0] and like >= SLIP:
                best = (like, () if a != ours else only_ours, () if b != theirs else only_theirs)
    return best


def _with_asides(title: str, asides: tuple[str, ...]) -> tuple[str, ...]:
    return (title, " ".join((title, *asides)), " ".join((*asides, title))) if asides else (title,)


def _explained(part: str, wanted: Wanted, candidate: Candidate) -> bool:
    """Whether a part or an aside is a name of the wanted track, its album, or the label that published it."""
    own = name_keys(part)
    if own & wanted.names:
        return True
    if set(part.split()) & TELLTALE:
        return False
    if part in {folded(wanted.track.album), folded(candidate.album)} or not _RELEASES.isdisjoint(part.split()):
        return True
    if part in _GENRES and folded(candidate.title).startswith(part):
        return _is_at_home(wanted, candidate)
    if own & keys(candidate.artists) and keys(candidate.artists) & wanted.names:
        return True
    return name_key(candidate.uploader) in own and _publishes(candidate.uploader)


def _is_at_home(wanted: Wanted, candidate: Candidate) -> bool:
    """Whether an artist or a label publishes it, who have no reason to call a version by a genre alone."""
    uploader = candidate.uploader
    return name_key(uploader) in wanted.names or not _LABELS.isdisjoint(folded(uploader).split())
