"""What lets us in at Spotify, and the file that it is kept in.

A file of its own and not the database: the database's copies would hold tokens too, and one of them put back would hold
a refresh token that was used up long ago.
"""

from __future__ import annotations

import contextlib
import json
import os
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Final, Self

from musicsyncd.errors import Temporary

LIFETIME: Final = timedelta(days=180)
"""From a person's consent on: six months since July 2026, told up to four days early; refreshing does not extend it."""
COUNTDOWN: Final = timedelta(days=30)
"""Before the end, from when on a person is told."""
EARLY: Final = timedelta(seconds=60)
"""Before an access token ends, from when on it is not used any more."""


@dataclass(frozen=True, kw_only=True)
class Grant:
    """Who let us in, when, and by which tokens; without a refresh token: who did last, and why that ended."""

    client_id: str
    """For which the tokens were given; they count for no other."""
    account: str = ""
    """Spotify's id of whose it is; empty before Spotify has said it."""
    previous: str = ""
    """Who was signed in before."""
    refresh_token: str = field(default="", repr=False)
    access_token: str = field(default="", repr=False)
    access_until: datetime
    authorized_at: datetime
    ended: str = ""
    """Why we are let in no longer; empty while we are."""
    refused: bool = False
    """Whether it was Spotify that ended it, and not a person."""
    note: str = ""

    @property
    def expires_at(self) -> datetime:
        """When a person must consent again."""
        return self.authorized_at + LIFETIME

    def fresh(self, now: datetime) -> bool:
        """Whether the access token may still be used."""
        return bool(self.access_token) and now < self.access_until - EARLY

    def as_dict(self) -> dict[str, Any]:
        """The grant as JSON, secrets included: for its file only."""
        plain = {name: getattr(self, name) for name in self.__dataclass_fields__}
        moments = {"access_until": self.access_until.isoformat(), "authorized_at": self.authorized_at.isoformat()}
        return plain | moments

    @classmethod
    def from_dict(cls, data: dict[str, Any]) -> Self:
        """What `as_dict` wrote; ValueError, KeyError or TypeError for anything else."""
        known = {name: value for name, value in data.items() if name in cls.__dataclass_fields__}
        moments = {name: datetime.fromisoformat(data[name]) for name in ("access_until", "authorized_at")}
        if any(not isinstance(value, str | bool) for value in known.values()) or any(
            moment.tzinfo is None for moment in moments.values()
        ):
            raise ValueError("a field has the wrong type")
        return cls(**{**known, **moments})


def no_grant(client_id: str, why: str) -> Grant:
    """Nobody has let us in."""
    start = datetime.fromtimestamp(0, UTC)
    return Grant(client_id=client_id, access_until=start, authorized_at=start, ended=why)


def read_grant(path: Path) -> Grant | None:
    """The grant in the file; None when there is no file. ValueError when it cannot be understood."""
    try:
        data = json.loads(path.read_bytes())
        return Grant.from_dict(data)
    except FileNotFoundError:
        return None
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise ValueError(f"{path.name} cannot be read ({type(error).__name__})") from error


def write_grant(path: Path, grant: Grant) -> None:
    """Put the grant in the place of the one before, whole and on the disk when this returns; mode 0600 throughout.

    Temporary when the disk does not take it.
    """
    temporary = path.with_name(f".{path.name}.new")
    try:
        with contextlib.suppress(FileNotFoundError):
            temporary.unlink()
        descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with open(descriptor, "wb") as file:  # noqa: PTH123  a descriptor, which bears the mode from the first instant
            file.write(json.dumps(grant.as_dict()).encode())
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(path)
        folder = os.open(path.parent, os.O_RDONLY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)
    except OSError as error:
        what = f"The sign-in cannot be written to {path}"
        raise Temporary(what, why=error.strerror or str(error), fix="Make room on that disk") from error
