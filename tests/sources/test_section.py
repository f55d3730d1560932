"""What may stand in the sections of services."""

from __future__ import annotations

import pytest
from pydantic import ValidationError

from musicsyncd.sources.section import SoundcloudSection, YoutubeSection


@pytest.mark.parametrize(
    ("said", "kept"),
    [("ada-voss", "ada-voss"), ("https://soundcloud.com/Ada-Voss", "ada-voss"), ("", ""),
     ("https://soundcloud.com/ada-voss/likes", "ada-voss"), ("http://m.soundcloud.com/ada-voss/", "ada-voss")],
)  # fmt: skip
def test_a_profile_is_a_name_or_its_address(said: str, kept: str) -> None:
    """Whichever a person has at hand."""
    assert SoundcloudSection(profile=said).profile == kept


@pytest.mark.parametrize("said", ["ada voss", "a/b", "https://www.youtube.com/@ada", "discover", "../x"])
def test_what_is_no_profile_is_refused(said: str) -> None:
    """Before anything is asked under that name."""
    with pytest.raises(ValidationError, match=r"soundcloud\.com/NAME"):
        SoundcloudSection(profile=said)


def test_lists_must_be_lists_of_their_service() -> None:
    """A track, or another service's list, is refused."""
    mix, videos = "https://soundcloud.com/a/sets/b", "https://www.youtube.com/playlist?list=PLabcdefgh"
    assert SoundcloudSection(playlists=(mix,)).playlists == (mix,)
    assert YoutubeSection(playlists=(videos, "https://www.youtube.com/@ada")).playlists[0] == videos
    for wrong in (videos, "https://soundcloud.com/a/b", "x"):
        with pytest.raises(ValidationError, match="address of a set"):
            SoundcloudSection(playlists=(wrong,))
    for wrong in (mix, "https://youtu.be/dQw4w9WgXcQ", "x"):
        with pytest.raises(ValidationError, match="address of a playlist"):
            YoutubeSection(playlists=(wrong,))


def test_a_token_is_not_shown() -> None:
    """Not even in a traceback."""
    section = SoundcloudSection.model_validate({"oauth_token": "canary-token"})
    assert "canary" not in repr(section)
