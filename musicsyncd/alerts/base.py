"""The port behind which every channel stands: a way by which a person hears of what is wrong."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import IntEnum, StrEnum

from musicsyncd.errors import MusicsyncError


class Severity(IntEnum):
    """How much it matters; a higher number is worse."""

    INFO = 10
    """Nothing is out of order: a person may decide something."""
    WARNING = 20
    """Something is left undone, or soon will be."""
    ERROR = 30
    """Work stands still until a person sees to it."""
    CRITICAL = 40
    """What was done may be lost."""

    @property
    def word(self) -> str:
        """As settings, answers and messages spell it."""
        return self.name.lower()

    @classmethod
    def of(cls, word: str) -> Severity:
        """The severity that bears this name; KeyError when none does."""
        return cls[word.upper()]


@dataclass(frozen=True, kw_only=True)
class Finding:
    """One thing that is wrong now."""

    key: str
    """The same for the same trouble, whenever it is found: `account:spotify`, `volume:VIBES`."""
    severity: Severity
    what: str
    why: str = ""
    fix: str = ""
    """What to do about it."""
    subject: str = ""
    """What it is about, as people call it: `Spotify`, `volume VIBES`."""
    grace: float = 0.0
    """Seconds that it must last before anybody is told: a disk may be on its way back."""
    repeats: bool = True
    """Whether it is told again while it lasts; a countdown is told at its steps only, when it becomes worse."""

    explains: tuple[str, ...] = ()
    """Keys of findings that follow from this one, and are no news beside it."""

    @property
    def sentence(self) -> str:
        """What, why and what to do, in one line."""
        return str(MusicsyncError(self.what, why=self.why, fix=self.fix))


class Kind(StrEnum):
    """What is told of a finding."""

    OPENED = "opened"
    REPEATED = "repeated"
    """It lasts, or became worse."""
    RESOLVED = "resolved"
    TEST = "test"
    """Somebody tries the channel: nothing is wrong, and nothing may be left open."""


@dataclass(frozen=True, kw_only=True)
class Alert:
    """What one channel is to tell once."""

    id: str
    """The same at every try of this delivery, and of no other: who receives it can leave out a repetition."""
    kind: Kind
    finding: Finding
    count: int
    """Looks at which it was found."""
    first_seen: datetime
    last_seen: datetime
    reference: str = ""
    """What this channel answered when it last told of the finding: where to write the count and the end. Kept when
    the trouble ends, so that one that comes back can be told at the same place."""
    attempt: int = 1
    """From 2 on an earlier try may have arrived without our knowing: a channel that makes something looks for it by
    `finding.key` before it makes it again."""

    @property
    def title(self) -> str:
        """One line without the reasons."""
        begins = {Kind.RESOLVED: "Resolved: ", Kind.REPEATED: "Still: ", Kind.TEST: "Test: "}
        return begins.get(self.kind, "") + self.finding.what

    @property
    def text(self) -> str:
        """The whole message, with what to do where something is to be done."""
        told = [f"{self.title.rstrip('.')}."]
        if self.kind is not Kind.RESOLVED:
            told += [f"{part.rstrip('.')}." for part in (self.finding.why, self.finding.fix) if part]
        if self.count > 1:
            since = self.first_seen.isoformat(sep=" ", timespec="minutes")
            told.append(f"Found {self.count} times since {since}.")
        return " ".join(told)


class Channel:
    """One way to tell a person. `name` is stable: what was told is remembered under it."""

    name: str

    async def deliver(self, alert: Alert) -> str:
        """Tell it; what the channel needs to find it again (a page's id), empty where there is nothing to find.

        It may be asked twice for one alert, which then has the same `id` and a higher `attempt`. A channel that keeps
        a page makes it for OPENED (or takes the one in `reference`, or that it finds by the key, and opens it again),
        writes the count for REPEATED, and gives it a closed status for RESOLVED.
        Raises Temporary when it is worth another try soon (with its delay, where that is known), NeedsPerson or Denied
        when a person has to mend the channel first, any other MusicsyncError when it does not take this one alert.
        None of them loses the alert. No message of an error holds an address that lets its reader in.
        """
        raise NotImplementedError

    async def close(self) -> None:
        """Let go of connections."""
