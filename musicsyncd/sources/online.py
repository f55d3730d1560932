"""The sources behind yt-dlp, as their sections say: named services first, then whatever else is on the web."""

from __future__ import annotations

from musicsyncd.http.budgets import Budgets
from musicsyncd.sources.base import Source
from musicsyncd.sources.section import SoundcloudSection, YoutubeSection
from musicsyncd.sources.soundcloud import SoundcloudSource
from musicsyncd.sources.youtube import YoutubeSource
from musicsyncd.sources.ytdlp import YtdlpOptions, YtdlpSource


async def online_sources(
    options: YtdlpOptions, soundcloud: SoundcloudSection, youtube: YoutubeSection, budgets: Budgets
) -> tuple[Source, ...]:
    """Each service with its own budget, which knows what it was told before a restart."""
    return (
        SoundcloudSource(
            options,
            await budgets.of(SoundcloudSource.label, SoundcloudSource.pace),
            profile=soundcloud.profile,
            token=soundcloud.oauth_token.get_secret_value(),
            playlists=soundcloud.playlists,
            likes_limit=soundcloud.likes_limit,
        ),
        YoutubeSource(
            options,
            await budgets.of(YoutubeSource.label, YoutubeSource.pace),
            playlists=youtube.playlists,
            cookies_file=youtube.cookies_file,
        ),
        YtdlpSource(options),
    )
