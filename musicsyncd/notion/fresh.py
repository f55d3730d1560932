"""What a new set of databases looks like: a table from which they are made, once, where a person asks for it. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from musicsyncd.notion.fields import DATABASES

TITLES: Final = {
    "artists": "Music Artists",
    "playlists": "Playlists",
    "tracks": "Music Tracks",
    "tasks": "Agent-Tasks",
    "issues": "Issues+Questions",
    "config": "Sync Configuration",
}
"""By kind, in the order in which they are made: what is led to comes first."""
LEADS: Final = {
    ("tracks", "artist_pages"): "artists",
    ("tracks", "playlist_pages"): "playlists",
    ("issues", "tasks"): "tasks",
}
"""Relations, and where they lead."""
LEFT_OUT: Final = {
    "tracks": {"fingerprint", "playlists", "lock", "djay_id", "automation_source", "sync_enabled"},
    "tasks": {"assignee"},
}
"""Fields that a new database does without: of older programs, or said better by another. A box that nobody ticked would
leave every row out.
"""
TYPES: Final = {
    ("tasks", "status"): "select",
    ("issues", "status"): "select",
    ("tracks", "priority"): "select",
    ("tasks", "priority"): "select",
    ("issues", "priority"): "select",
    ("config", "last_result"): "rich_text",
}
"""Where it is another type than the usual one: a status takes none but Notion's own states when it is made."""
URGENCIES: Final = ("Critical", "High", "Medium", "Low")
OPTIONS: Final[Mapping[tuple[str, str], tuple[str, ...]]] = {
    ("tracks", "genre"): ("Electronic", "House", "Techno", "Drum & Bass", "Hip-Hop", "Ambient"),
    ("tracks", "priority"): URGENCIES,
    ("artists", "source"): ("Spotify", "SoundCloud", "YouTube"),
    ("playlists", "source"): ("Spotify", "SoundCloud", "YouTube"),
    ("tasks", "status"): ("Not Started", "In Progress", "Completed"),
    ("tasks", "priority"): URGENCIES,
    ("issues", "status"): ("Unreported", "Open", "In Progress", "Resolved", "Closed"),
    ("issues", "priority"): URGENCIES,
    ("issues", "type"): ("Defect", "Gap", "Question"),
    ("config", "mode"): ("incremental", "full", "manual"),
    ("config", "trigger"): ("Cron", "GAS", "Webhook"),
}
SCHEDULES: Final[tuple[Mapping[str, Any], ...]] = (
    {"title": "incremental", "mode": "incremental", "interval": 5},
    {"title": "full", "mode": "full", "cron": "03:00"},
    {"title": "reconcile", "interval": 1440},
)
"""Rows of the database of schedules, by field; each is switched on."""
ON: Final[Mapping[str, Any]] = {"trigger": "Cron", "enabled": True, "cron_active": True}


def properties(kind: str, data_sources: Mapping[str, str]) -> dict[str, Any]:
    """The properties of a new database, as Notion takes them; `data_sources` are those that were made before it."""
    found: dict[str, Any] = {}
    for name, field in DATABASES[kind].items():
        if name in LEFT_OUT.get(kind, ()):
            continue
        type_ = TYPES.get((kind, name), field.kinds[0])
        found[field.names[0]] = {"type": type_, type_: _config(kind, name, type_, data_sources)}
    return found


def _config(kind: str, name: str, type_: str, data_sources: Mapping[str, str]) -> dict[str, Any]:
    if type_ == "relation":
        leads = data_sources[LEADS[kind, name]]
        return {"data_source_id": leads, "type": "single_property", "single_property": {}}
    if type_ in ("select", "multi_select"):
        return {"options": [{"name": one} for one in OPTIONS.get((kind, name), ())]}
    return {}
