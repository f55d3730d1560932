"""What each database's fields are called in Notion, and in which kinds of property they may be kept. A table; no I/O.

The names are tried in order, and the first that the live schema has counts. No property is ever added.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

TEXT: Final = ("rich_text", "title", "url", "select", "email", "phone_number")
"""Where a text may be kept."""
LABEL: Final = ("select", "rich_text", "multi_select", "status", "title")
LINK: Final = ("url", "rich_text", "title")
NUMBER: Final = ("number", "rich_text", "title", "select")
FLAG: Final = ("checkbox", "select", "rich_text")
DATE: Final = ("date", "rich_text")
LABELS: Final = ("multi_select", "rich_text", "select", "title")
RELATION: Final = ("relation",)
PERSON: Final = ("relation", "people", "select", "rich_text")
STATE: Final = ("status", "select", "rich_text", "multi_select")


@dataclass(frozen=True)
class Field:
    """One field of a row."""

    names: tuple[str, ...]
    """Of the property, the usual one first."""
    kinds: tuple[str, ...]
    """Types of property in which it may be kept, the usual one first."""
    required: bool = False
    """Whether nothing is written to a database without it."""


def _text(*names: str) -> Field:
    return Field(names, TEXT)


def _number(*names: str) -> Field:
    return Field(names, NUMBER)


TRACKS: Final[Mapping[str, Field]] = {
    "title": Field(("Title", "Name"), ("title",), required=True),
    "external_key": Field(("External Key", "External ID"), ("rich_text", "url", "title")),
    "downloaded": Field(("Downloaded", "DL"), FLAG, required=True),
    "artists": Field(("Artist Name", "Artists"), (*TEXT, "multi_select")),
    "artist_pages": Field(("Artist", "Artists", "Artist Relation"), RELATION),
    "album": _text("Album", "Album Name"),
    "genre": Field(("Genre", "Genres"), LABEL),
    "label": Field(("Label", "Record Label"), LABEL),
    "catalog_number": _text("Catalog Number", "Catalogue Number"),
    "composer": _text("Composer"),
    "remixer": _text("Remixer"),
    "date": Field(("Release Date",), DATE),
    "year": _number("Year", "Release Year"),
    "track_number": _number("Track Number", "TrackNumber"),
    "disc_number": _number("Disc Number", "DiscNumber"),
    "isrc": _text("ISRC", "Track ISRC"),
    "path_m4a": _text("M4A File Path", "M4A", "M4A Path"),
    "path_wav": _text("WAV File Path", "WAV", "WAV Path"),
    "path_aiff": _text("AIFF File Path", "AIFF", "AIFF Path"),
    "path_flac": _text("FLAC File Path", "FLAC", "FLAC Path"),
    "path_mp3": _text("MP3 File Path", "MP3", "MP3 Path"),
    "files": Field(("Files", "File Paths"), (*TEXT, "multi_select")),
    "bpm": _number("Tempo", "AverageBpm", "BPM"),
    "bpm_origin": Field(("Tempo Source", "BPM Source"), LABEL),
    "key": Field(("Key",), LABEL),
    "key_origin": Field(("Key Source",), LABEL),
    "camelot": Field(("Camelot", "Camelot Key"), LABEL),
    "duration": _number("Audio Duration (seconds)", "Duration (s)", "TotalTime"),
    "duration_ms": _number("Duration (ms)"),
    "fingerprint": _text("Fingerprint"),
    "fingerprint_m4a": _text("M4A Fingerprint"),
    "fingerprint_wav": _text("WAV Fingerprint"),
    "fingerprint_aiff": _text("AIFF Fingerprint"),
    "eagle_id": _text("Eagle File ID", "Eagle ID", "EagleID"),
    "soundcloud_url": Field(("SoundCloud URL", "Soundcloud URL", "SoundCloud"), LINK),
    "soundcloud_id": Field(("SoundCloud ID",), ("number", "rich_text")),
    "spotify_id": _text("Spotify ID", "Spotify Track ID", "SpotifyID"),
    "spotify_url": Field(("Spotify URL", "Spotify Link"), LINK),
    "youtube_url": Field(("YouTube URL", "YouTube Link", "YouTube"), LINK),
    "source_url": Field(("Source URL", "URL"), LINK),
    "acoustid_id": _text("AcoustID"),
    "musicbrainz_recording": _text("MusicBrainz Recording", "MusicBrainz ID"),
    "identities": Field(("Identities",), (*TEXT, "multi_select")),
    "playlist_pages": Field(("Playlists", "Playlist", "Playlist Relation", "Related Playlists"), RELATION),
    "playlists": Field(("Playlist Title", "Playlist Name", "Playlist Names", "Playlist Name(s)"), LABELS),
    "stages": Field(("Audio Processing",), LABELS),
    "status": Field(("Audio Processing Status", "Audio Analysis Status"), (*LABELS, "status")),
    "source": Field(("Download Source",), LABEL),
    "fallback_used": Field(("Fallback Used",), FLAG),
    "processed_at": Field(("Processing Timestamp", "Processed At"), DATE),
    "lufs": _number("Audio LUFS Level", "Loudness Level"),
    "peak": _number("Audio Peak Level"),
    "sample_rate": _number("Audio Sample Rate", "SampleRate"),
    "source_codec": Field(("Source Codec",), LABEL),
    "source_bit_rate": _number("BitRate", "Source Bit Rate"),
    "lossless": Field(("Lossless",), FLAG),
    "lossless_honest": Field(("Lossless Honest",), FLAG),
    "cutoff_hz": _number("Cutoff (Hz)", "Cutoff"),
    "file_size": _number("Audio File Size (MB)"),
    "rating": Field(("Rating",), NUMBER),
    "comments": _text("Comment", "Comments", "Notes"),
    "priority": Field(("Priority",), (*STATE, "number")),
    "sync_enabled": Field(("Sync Enabled",), FLAG),
    "automation_source": Field(("Seren-Automation-Source",), LABEL),
    "lock": _text("Processing Lock", "ProcessingLock"),
    "djay_id": _text("djay Pro ID"),
    "last_used": Field(("Last Used",), DATE),
}

ARTISTS: Final[Mapping[str, Field]] = {
    "title": Field(("Name", "Title"), ("title",), required=True),
    "source": Field(("Source",), LABEL),
    "spotify_id": _text("Spotify ID"),
    "spotify_url": Field(("Spotify URL",), LINK),
    "soundcloud_url": Field(("SoundCloud Profile URL", "SoundCloud URL"), LINK),
    "genres": Field(("Genres",), LABELS),
    "last_used": Field(("Last Used",), DATE),
}

PLAYLISTS: Final[Mapping[str, Field]] = {
    "title": Field(("Name", "Title"), ("title",), required=True),
    "spotify_id": _text("Spotify ID"),
    "spotify_url": Field(("Spotify URL",), LINK),
    "soundcloud_url": Field(("SoundCloud URL", "SoundCloud Playlist URL"), LINK),
    "youtube_url": Field(("YouTube URL", "YouTube Playlist URL"), LINK),
    "track_count": _number("Track Count"),
    "public": Field(("Public",), FLAG),
    "description": _text("Description"),
    "source": Field(("Source", "Platform"), LABEL),
    "last_sync": Field(("Last Sync", "Last Synced"), DATE),
}

TASKS: Final[Mapping[str, Field]] = {
    "title": Field(("Task Name", "Name", "Title"), ("title",), required=True),
    "external_key": Field(("External Key", "External ID"), ("rich_text", "url")),
    "description": _text("Description"),
    "priority": Field(("Priority",), (*STATE, "number")),
    "status": Field(("Status",), STATE),
    "assignee": Field(("Assigned-Agent", "Assigned Agent", "Assignee"), PERSON),
    "due": Field(("Due Date", "Due"), DATE),
}

ISSUES: Final[Mapping[str, Field]] = {
    "title": Field(("Name", "Title"), ("title",), required=True),
    "external_key": Field(("External Key", "External ID"), ("rich_text", "url")),
    "description": _text("Description"),
    "priority": Field(("Priority",), (*STATE, "number")),
    "status": Field(("Status",), STATE),
    "type": Field(("Type",), LABELS),
    "component": Field(("Component",), LABEL),
    "tags": Field(("Tags",), LABELS),
    "tasks": Field(("Agent-Tasks", "Agent Tasks"), RELATION),
}

CONFIG: Final[Mapping[str, Field]] = {
    "title": Field(("Name", "Title"), ("title",), required=True),
    "enabled": Field(("Sync Enabled", "Enabled"), FLAG),
    "mode": Field(("Sync Mode", "Mode"), LABEL),
    "interval": _number("Sync Interval", "Interval", "Interval (minutes)"),
    "cron": _text("Cron", "Cron Expression"),
    "trigger": Field(("Trigger Type", "Trigger"), LABEL),
    "cron_active": Field(("Cron Active",), FLAG),
    "gas_active": Field(("GAS Trigger Active",), FLAG),
    "last_run": Field(("Last Sync", "Last Run"), DATE),
    "last_result": Field(("Last Result",), (*LABEL,)),
    "error_count": _number("Error Count"),
}

DATABASES: Final[Mapping[str, Mapping[str, Field]]] = {
    "tracks": TRACKS,
    "artists": ARTISTS,
    "playlists": PLAYLISTS,
    "tasks": TASKS,
    "issues": ISSUES,
    "config": CONFIG,
}
"""By kind; the setting is `tracks_db` and so on."""


def placed(field: str) -> tuple[str, str] | None:
    """The kind and the field that `playlists.title` means, `title` being the tracks'; None for what is no field."""
    kind, dot, name = field.rpartition(".")
    kind = kind if dot else "tracks"
    return (kind, name) if name in DATABASES.get(kind, {}) else None
