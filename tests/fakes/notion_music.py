"""The owner's workspace: his databases with the names and kinds that they have."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

from tests.fakes.notion import Database, NotionFake

EXTERNAL_KEY: Final = "External Key"


def _of(kind: str, *names: str) -> dict[str, Any]:
    return dict.fromkeys(names, kind)


TRACKS: Final[dict[str, Any]] = {
    "Title": "title",
    "Artist Name": "rich_text",
    "Album": "rich_text",
    "Genre": ("select", ["Electronic", "House", "Techno"]),
    **_of("rich_text", "Label", "Composer", "Remixer", "ISRC", "Key", "Length"),
    **_of("date", "Release Date", "Processing Timestamp", "Last Used", "DateAdded", "Last Merge", "Last Played (DJ)"),
    **_of("number", "Year", "Track Number", "Disc Number", "Tempo", "Audio Duration (seconds)", "Duration (ms)"),
    **_of("checkbox", "Downloaded", "Fallback Used", "Explicit", "Duplicate"),
    **_of("checkbox", "Audio Normalized", "Streamable", "Downloadable"),
    **_of("rich_text", "M4A File Path", "WAV File Path", "AIFF File Path", "Eagle File ID", "Processing Lock"),
    **_of("rich_text", "M4A Fingerprint", "M4A Fingerprint Part 2", "M4A Fingerprint Part 3"),
    **_of("rich_text", "WAV Fingerprint", "WAV Fingerprint Part 2", "AIFF Fingerprint", "AIFF Fingerprint Part 2"),
    **_of("rich_text", "Fingerprint", "Fingerprint SHA", "Fingerprint Part 2"),
    **_of("url", "SoundCloud URL", "Spotify URL", "YouTube URL", "Apple Music URL", "Bandcamp URL", "Beatport URL"),
    **_of("url", "Image URL", "Playlist URL"),
    **_of(
        "rich_text", "Spotify ID", "Spotify Playlist ID", "Track URI", "Playlist Title", "Download Source", "License"
    ),
    "Audio Processing": ("multi_select", ["Downloaded", "Converted", "Analyzed", "Tagged"]),
    "Audio Processing Status": ("multi_select", ["SC_404", "Mix detected"]),
    "Seren-Automation-Source": "rich_text",
    **_of("number", "Popularity", "SoundCloud ID"),
    **_of("number", "Audio Quality Score", "Audio LUFS Level", "Audio Peak Level", "Audio RMS Level"),
    **_of("number", "Audio Dynamic Range (dB)", "Audio Crest Factor", "Audio Sample Rate", "BitRate"),
    **_of("number", "Audio Clipping Percentage", "Warmth Enhancement Level", "Audio File Size (MB)", "Rating"),
    **_of("number", "Processing Duration", "Play Count", "Play Count (DJ)", "Session Count"),
    "Compression Mode Used": ("select", ["LOSSLESS"]),
    "Metadata Applied": ("multi_select", []),
    "Audio Processing Summary": "rich_text",
    "Comments": "rich_text",
    "Priority": ("status", ["Low", "Medium", "High", "Critical"]),
    "Source": ("select", ["SoundCloud", "Spotify", "YouTube"]),
    "djay Pro ID": "rich_text",
}
ARTISTS: Final[dict[str, Any]] = {
    "Name": "title",
    "Source": ("select", ["SoundCloud", "Spotify"]),
    "Spotify ID": "rich_text",
    **_of("url", "Spotify URL", "SoundCloud Profile URL"),
    "Popularity": "number",
    "Genres": ("multi_select", ["House"]),
    "Last Used": "date",
}
PLAYLISTS: Final[dict[str, Any]] = {
    "Name": "title",
    "Spotify ID": "rich_text",
    "Spotify URL": "url",
    "Track Count": "number",
    "Public": "checkbox",
    "Description": "rich_text",
    "Source": ("select", ["SoundCloud", "Spotify"]),
}
AGENTS: Final[dict[str, Any]] = {"Name": "title"}
TASKS: Final[dict[str, Any]] = {
    "Task Name": "title",
    "Description": "rich_text",
    "Priority": ("select", ["High", "Medium", "Low"]),
    "Status": ("status", ["Ready", "Not Started", "Draft", "In Progress", "Completed"]),
}
ISSUES: Final[dict[str, Any]] = {
    "Name": "title",
    "Description": "rich_text",
    "Priority": ("select", ["High", "Medium", "Low"]),
    "Status": ("status", ["Unreported", "Open", "In Progress", "Resolved", "Closed"]),
    "Type": ("multi_select", ["Defect", "Gap"]),
    "Component": ("select", ["Music Sync"]),
    "Tags": ("multi_select", ["music"]),
}
CONFIG: Final[dict[str, Any]] = {
    "Name": "title",
    "Sync Enabled": "checkbox",
    "Last Sync": "date",
    "Sync Interval": "number",
    "Sync Mode": ("select", ["incremental", "full", "manual"]),
    "Trigger": ("select", ["GAS", "Cron", "Webhook"]),
    **_of("checkbox", "GAS Trigger Active", "Cron Active"),
    "Last Run": "date",
    "Error Count": "number",
}


@dataclass(frozen=True)
class Workspace:
    """The databases, by what they are for."""

    fake: NotionFake
    tracks: Database
    artists: Database
    playlists: Database
    agents: Database
    tasks: Database
    issues: Database
    config: Database
    agent: str
    """The page of the agent that tasks are given to."""

    def environment(self) -> dict[str, str]:
        """What a daemon is told of it."""
        return {
            "NOTION_TOKEN": self.fake.token,
            "TRACKS_DB_ID": self.tracks.id,
            "ARTISTS_DB_ID": self.artists.id,
            "PLAYLISTS_DB_ID": self.playlists.id,
            "AGENT_TASKS_DB_ID": self.tasks.id,
            "ISSUES_DB_ID": self.issues.id,
            "CURSOR_MM1_AGENT_ID": self.agent,
        }


def music_workspace(fake: NotionFake, *, external_key: bool = True, full: bool = False) -> Workspace:
    """The owner's databases; `full`: the tracks' schema is at its size limit, as his is."""
    artists = fake.database("Music Artists", ARTISTS)
    playlists = fake.database("Playlists", PLAYLISTS)
    agents = fake.database("Agents", AGENTS)
    related = {"Artist": ("relation", artists), "Playlists": ("relation", playlists)}
    key = _of("rich_text", EXTERNAL_KEY) if external_key else {}
    tracks = fake.database("Music Tracks", TRACKS | related | key, full=full)
    fake.add_property(tracks, "Goes With::", ("relation", tracks))
    tasks = fake.database("Agent-Tasks", TASKS | {"Assigned-Agent": ("relation", agents)} | key)
    return Workspace(
        fake=fake,
        tracks=tracks,
        artists=artists,
        playlists=playlists,
        agents=agents,
        tasks=tasks,
        issues=fake.database("Issues+Questions", ISSUES | {"Agent-Tasks": ("relation", tasks)} | key),
        config=fake.database("Sync Configuration", CONFIG),
        agent=fake.row(agents, Name="Cursor MM1 Agent"),
    )
