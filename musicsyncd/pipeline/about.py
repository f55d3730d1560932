"""What a shelf that files things by more than a path is told of a track."""

from __future__ import annotations

from musicsyncd.ledger.entry import Entry
from musicsyncd.library.base import About
from musicsyncd.music.identity import shareable_url
from musicsyncd.music.precedence import Precedence, effective
from musicsyncd.music.title import version_words


def about_track(entry: Entry, precedence: Precedence) -> About:
    """All of it from the ledger; addresses as anybody may see them."""
    track, analysis, source = entry.track, entry.analysis or {}, entry.source_file
    counts = effective(entry.said, entry.analysis, precedence)
    words = version_words(track.title)
    long, short = "extended" in words, bool({"short", "radio"} & words)
    return About(
        track=entry.id,
        url=shareable_url(track.source_url) if track.source_url.startswith("http") else "",
        artist=track.artist,
        genre=track.genre,
        bpm=counts.bpm,
        key=counts.key,
        source=track.source,
        lossless=bool(source and source.facts.get("lossless") and analysis.get("lossless_honest") is not False),
        extended=long if long or short else None,
        fingerprint=str(analysis.get("fingerprint") or ""),
        playlists=tuple(dict.fromkeys(one.title or one.id for one in entry.playlists)),
    )
