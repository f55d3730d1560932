"""Reading a person's lists at Spotify: no further than needed, and never losing a line that nobody took.

Saved tracks come newest first and have no snapshot: they are read from the top until a run of lines that are known,
and once a day to their end. A playlist has a `snapshot_id`: while that stands, nothing is read.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any, Final

import structlog

from musicsyncd.clock import Clock
from musicsyncd.errors import BadInput, MusicsyncError, Temporary
from musicsyncd.music.identity import SPOTIFY, Identity
from musicsyncd.music.playlist import Playlist
from musicsyncd.music.track import Track
from musicsyncd.sources.base import Found, Progress, Refusal, Unknown
from musicsyncd.sources.spotify_client import Call
from musicsyncd.sources.spotify_lists import Lists, Remembered
from musicsyncd.sources.spotify_track import Entry, entry_of, named

logger = structlog.get_logger()
PAGE: Final = 50
"""Lines of one page, the most that Spotify gives."""
RUN: Final = 10
"""Lines at a page's end that must all be known before the rest counts as known: lines that were added in the same
second have no order among each other."""
WHOLE_EVERY: Final = timedelta(days=1)
"""How often saved tracks are read to their end: only that finds what was taken out of them."""
LONGEST: Final = 100_000
"""Lines of one list that are read; a playlist holds 11,000."""

Ask = Callable[[str, Call], Awaitable[Any]]
"""Puts a question in the name of who is signed in; the text names it in errors."""
Turn = Callable[[Any, int, int], Any]
"""One page of a list from a `spotipy.Spotify`, by limit and offset."""


Named = tuple[Identity, str]
"""A list's identity and title."""
SAVED: Final = (Identity(SPOTIFY, "collection"), "Saved tracks")


@dataclass(frozen=True, kw_only=True)
class Page:
    """Some lines of a list."""

    entries: Sequence[Entry]
    total: int
    """Lines of the whole list, as Spotify counts them now."""
    last: bool


@dataclass
class Reading:
    """What was read of a list so far."""

    tracks: dict[str, Track] = field(default_factory=dict)
    """By id; the order is the list's."""
    lines: dict[str, str] = field(default_factory=dict)
    """When each was added; the latest time where it stands more than once."""
    refused: list[Refusal] = field(default_factory=list)
    offset: int = 0
    totals: set[int] = field(default_factory=set)
    lost: int = 0
    """Lines of which nobody knows what they were."""

    def add(self, page: Page) -> None:
        """One page more."""
        for entry in page.entries:
            if entry.track:
                self.tracks.setdefault(entry.id, entry.track)
                self.lines[entry.id] = max(entry.added_at, self.lines.get(entry.id, ""))
            elif entry.refusal:
                self.refused.append(entry.refusal)
            self.lost += entry.lost
        self.offset += len(page.entries)
        self.totals.add(page.total)

    @property
    def steady(self) -> bool:
        """Whether nothing was taken out while it was read: a line after it would have been passed over."""
        return len(self.totals) == 1

    def found(self, of: Named | None = None, *, whole: bool = False, newest_first: bool = False) -> Found:
        """The tracks, what was left out, and that they are in the list `of`, which may have been read `whole`."""
        tracks = list(self.tracks.values())
        if newest_first:
            tracks.sort(key=lambda one: self.lines[one.identities[0].id], reverse=True)
        ids, all_known = tuple(one.identities[0] for one in tracks), whole and self.steady and not self.lost
        playlists = (Playlist(identity=of[0], title=of[1], tracks=ids, whole=all_known),) if of else ()
        return Found(tracks=tuple(tracks), refused=tuple(self.refused), playlists=playlists)


class SpotifyLibrary:
    """The lists of whoever is signed in."""

    def __init__(self, ask: Ask, account: Callable[[], Awaitable[str]], lists: Lists, clock: Clock) -> None:
        """`account` says whose lists they are."""
        self._ask, self._account, self._lists, self._clock = ask, account, lists, clock

    async def saved(self, unknown: Unknown | None) -> Found:
        """Saved tracks: with `unknown` what is new, else all of them. What was read before an error is not lost."""
        account = await self._account()
        before = await self._settled(account, "saved", unknown)
        due = before.whole_at is None or self._clock.now() - before.whole_at >= WHOLE_EVERY
        waiting = set() if unknown is None or due else set(before.waiting)
        reading, whole = Reading(), False
        try:
            while True:
                page = await self._page("Saved tracks", saved_page, reading.offset)
                reading.add(page)
                waiting -= reading.lines.keys()
                if page.last:
                    await self._read_whole(account, "saved", reading)
                    whole = True
                    break
                if not (unknown is None or due or waiting) and await self._reached_known(account, "saved", page):
                    await self._read_new(account, before, reading)
                    break
        except MusicsyncError as error:
            if not reading.tracks:
                raise
            await self._lists.add(account, "saved", reading.lines, stale=True)
            reading.refused.append(Refusal(name=f"Saved tracks after the first {reading.offset}", error=error))
        return reading.found(SAVED, whole=whole)

    async def newest(self, count: int) -> Found:
        """The newest saved tracks, by one question; nothing is remembered of it."""
        page = await self._page("Saved tracks", saved_page, 0, min(count, PAGE))
        reading = Reading()
        reading.add(page)
        return reading.found(SAVED)

    async def playlist(self, id_: str, unknown: Unknown | None) -> Found:
        """A playlist's tracks, the newest first; nothing while it is unchanged and all of it is taken."""
        account, name = await self._account(), f"playlist:{id_}"
        before = await self._settled(account, name, unknown)
        title, snapshot = await self.head(id_)
        if unknown and snapshot and before.snapshot == snapshot and not before.waiting:
            return Found()
        reading = await self._whole(f"Playlist {title or id_}", playlist_page(id_))
        await self._read_whole(account, name, reading, snapshot=snapshot)
        return reading.found(_named(id_, title), whole=True, newest_first=True)

    async def recent(self, unknown: Unknown) -> Found:
        """What was played since the last call whose tracks were taken; Spotify remembers fifty plays."""
        account = await self._account()
        before = await self._settled(account, "recent", unknown)
        cursor = before.cursor
        if before.lines and not before.waiting and (latest := await self._lists.latest(account, "recent")):
            cursor = milliseconds(latest)
            await self._lists.advance(account, "recent", cursor)
        answer = await self._ask(
            "Recently played tracks", lambda spotify: spotify.current_user_recently_played(limit=PAGE, after=cursor)
        )
        reading = Reading()
        reading.add(Page(entries=_entries(answer, "Recently played", 0), total=0, last=True))
        await self._lists.add(account, "recent", reading.lines)
        return reading.found()

    async def everything(self, title: str, turn: Turn, progress: Progress, *, of: Named | None = None) -> Found:
        """All tracks of a list that a person named; nothing is remembered of it."""
        return (await self._whole(title, turn, progress)).found(of, whole=True)

    async def named(self, id_: str, progress: Progress) -> Found:
        """All tracks of a playlist that a person named; nothing is remembered of it."""
        title, _ = await self.head(id_)
        return await self.everything(f"Playlist {title or id_}", playlist_page(id_), progress, of=_named(id_, title))

    async def head(self, id_: str) -> tuple[str, str]:
        """A playlist's name and `snapshot_id`."""
        fields = "name,snapshot_id"
        answer = await self._ask(f"Playlist {id_}", lambda spotify: spotify.playlist(id_, fields=fields))
        name, snapshot = (answer.get(key) if isinstance(answer, dict) else None for key in ("name", "snapshot_id"))
        return str(name or ""), snapshot if isinstance(snapshot, str) else ""

    async def _whole(self, title: str, turn: Turn, progress: Progress | None = None) -> Reading:
        reading = Reading()
        while True:
            page = await self._page(title, turn, reading.offset)
            reading.add(page)
            if progress and page.total:
                progress(min(1.0, reading.offset / page.total), title)
            if page.last:
                return reading

    async def _page(self, title: str, turn: Turn, offset: int, limit: int | None = None) -> Page:
        """A page by its place: the address of the next one that Spotify names is never followed with a token."""
        answer = await self._ask(title, lambda spotify: turn(spotify, limit or PAGE, offset))
        entries, total = _entries(answer, title, offset), answer.get("total")
        if not isinstance(total, int) or (not entries and offset < total):
            raise Temporary(f"{title} broke off after {offset} of {total}", why="Spotify gave an empty page")
        end = offset + len(entries)
        if end >= LONGEST and end < total:
            raise BadInput(f"{title} has {total} lines", why=f"At most {LONGEST} are read")
        return Page(entries=entries, total=total, last=end >= total)

    async def _settled(self, account: str, name: str, unknown: Unknown | None) -> Remembered:
        """What is remembered of a list, after asking which of its waiting lines were taken meanwhile."""
        remembered = await self._lists.of(account, name)
        if unknown is None or not remembered.waiting:
            return remembered
        left = {one.identities[0].id for one in await unknown([named(id_) for id_ in sorted(remembered.waiting)])}
        await self._lists.taken(account, name, remembered.waiting - left)
        return await self._lists.of(account, name)

    async def _reached_known(self, account: str, name: str, page: Page) -> bool:
        """Whether everything after this page is known."""
        tail = [entry for entry in page.entries[-RUN:] if entry.track]
        lines = {entry.id: entry.added_at for entry in tail}
        return bool(tail) and await self._lists.known(account, name, lines) == lines.keys()

    async def _read_new(self, account: str, before: Remembered, reading: Reading) -> None:
        """Remember what is new. Where Spotify counts more than we do, a line was passed over: all is read next time."""
        await self._lists.add(account, "saved", reading.lines)
        now = await self._lists.of(account, "saved")
        if max(reading.totals) > now.lines + before.gap + len(reading.refused):
            await self._lists.add(account, "saved", {}, stale=True)

    async def _read_whole(self, account: str, name: str, reading: Reading, *, snapshot: str = "") -> None:
        """Remember that this is the list; not where it changed while it was read."""
        if not reading.steady:
            await self._lists.add(account, name, reading.lines, stale=True)
            return
        (total,) = reading.totals
        now = self._clock.now()
        gone = await self._lists.replace(account, name, reading.lines, total=total, at=now, snapshot=snapshot)
        if gone:
            logger.info("no longer in the list", service="spotify", list=name, count=gone)


def _named(id_: str, title: str) -> Named:
    return Identity(SPOTIFY, f"playlist:{id_}"), " ".join(title.split())


def saved_page(spotify: Any, limit: int, offset: int) -> Any:
    """A page of saved tracks."""
    return spotify.current_user_saved_tracks(limit=limit, offset=offset)


def playlist_page(id_: str) -> Turn:
    """Pages of a playlist."""
    return lambda spotify, limit, offset: spotify.playlist_items(id_, limit=limit, offset=offset)


def milliseconds(moment: str) -> int:
    """Since 1970, of a moment as Spotify writes it; 0 for what is none."""
    try:
        found = datetime.fromisoformat(moment)
    except ValueError:
        return 0
    return int((found if found.tzinfo else found.replace(tzinfo=UTC)).timestamp() * 1000)


def _entries(answer: Any, title: str, offset: int) -> Sequence[Entry]:
    lines = answer.get("items") if isinstance(answer, dict) else None
    if not isinstance(lines, list):
        raise Temporary(f"{title} cannot be read", why="Spotify's answer holds no list")
    return [entry_of(line, f"{title}, number {offset + number}") for number, line in enumerate(lines, 1)]
