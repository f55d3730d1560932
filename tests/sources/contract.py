"""What every source promises, whoever its vendor is."""

from __future__ import annotations

import hashlib
from pathlib import Path

import anyio
import pytest

from musicsyncd.errors import MusicsyncError, Permanent
from musicsyncd.music.track import Track
from musicsyncd.sources.base import Source, owner_of
from tests.sources.tones import wav

AUDIO = wav(1.0, seed=1)
"""The bytes behind `Known.url`."""


class Known:
    """A source, a URL that it knows, and one that it does not."""

    def __init__(self, source: Source, *, url: str, unknown: str) -> None:
        self.source, self.url, self.unknown = source, url, unknown


class FindingContract:
    """Inherit, and provide a `known` fixture: behind its URL is AUDIO, `Ada Voss - Night Ferry (X Remix)`."""

    async def found(self, known: Known) -> Track:
        """The one track behind the known URL."""
        found = await known.source.resolve(known.url)
        assert len(found.tracks) == 1
        assert found.refused == ()
        return found.tracks[0]

    async def test_it_owns_its_urls_and_no_others(self, known: Known) -> None:
        """A URL has one owner, and text that is no URL has none."""
        assert known.source.owns(known.url)
        assert known.source.owns(known.unknown)
        assert owner_of(known.url, [Source(), known.source]) is known.source
        assert not any(known.source.owns(text) for text in ("", "gopher://x/y", "spotify:track:1", "Ada Voss"))

    async def test_a_known_url_becomes_a_whole_track(self, known: Known) -> None:
        """Title, artist, source, address and an identity are there."""
        track = await self.found(known)
        assert (track.title, track.artists) == ("Night Ferry (X Remix)", ("Ada Voss",))
        assert track.source == known.source.name
        assert known.source.owns(track.source_url)
        assert track.identities

    async def test_the_same_url_gives_the_same_track(self, known: Known) -> None:
        """Nothing of the moment of asking gets into a track."""
        assert await self.found(known) == await self.found(known)

    async def test_a_tracks_own_address_leads_to_it_again(self, known: Known) -> None:
        """What was found can be found again by its `source_url`, under the same first identity."""
        track = await self.found(known)
        again = await known.source.resolve(track.source_url)
        assert [one.identities[0] for one in again.tracks] == [track.identities[0]]

    async def test_a_track_survives_json(self, known: Known) -> None:
        """What goes into the queue comes out of it, and can be written as UTF-8."""
        track = await self.found(known)
        assert Track.from_dict(track.as_dict()) == track
        str(track.as_dict()).encode()

    async def test_an_unknown_url_is_refused_for_good_in_words(self, known: Known) -> None:
        """Asking again is useless, and the error says why."""
        with pytest.raises(Permanent) as caught:
            await known.source.resolve(known.unknown)
        assert str(caught.value).endswith(".")

    async def test_a_listing_keeps_its_limit(self, known: Known) -> None:
        """`limit` is an upper bound, also 0."""
        assert len((await known.source.list(limit=1)).tracks) <= 1
        assert (await known.source.list(limit=0)).tracks == ()


class SourceContract(FindingContract):
    """What a source promises that supplies audio too."""

    async def test_supply_puts_the_very_bytes_into_the_folder(self, known: Known, tmp_path: Path) -> None:
        """Path, size and hash are those of the audio, and progress ends within its bounds."""
        track = await self.found(known)
        told: list[float | None] = []
        folder = tmp_path / "$HOME %(id)s ünï"
        folder.mkdir()
        supplied = await known.source.supply(track, folder, lambda share, _: told.append(share))
        assert supplied.path.parent == folder
        assert supplied.path.read_bytes() == AUDIO
        assert (supplied.size, supplied.sha256) == (len(AUDIO), hashlib.sha256(AUDIO).hexdigest())
        assert told
        assert all(share is None or 0 <= share <= 1 for share in told)

    async def test_supply_keeps_what_was_known(self, known: Known, tmp_path: Path) -> None:
        """A delivery adds to a track; names and identities stay, the first one first."""
        track = await self.found(known)
        supplied = await known.source.supply(track, tmp_path, lambda share, text: None)
        assert (supplied.track.title, supplied.track.artists) == (track.title, track.artists)
        assert supplied.track.identities[: len(track.identities)] == track.identities

    async def test_supplying_what_is_gone_is_an_error(self, known: Known, tmp_path: Path) -> None:
        """No file, no success."""
        gone = Track(title="gone", source=known.source.name, source_url=known.unknown)
        with pytest.raises(MusicsyncError):
            await known.source.supply(gone, tmp_path, lambda share, text: None)

    async def test_cancelling_is_prompt(self, known: Known, tmp_path: Path) -> None:
        """A cancelled supply ends, and raises nothing else."""
        track = await self.found(known)
        with anyio.fail_after(5), anyio.move_on_after(0) as scope:
            await known.source.supply(track, tmp_path, lambda share, text: None)
        assert scope.cancelled_caught
