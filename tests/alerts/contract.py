"""What every channel keeps, whoever hears by it."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

import pytest

from musicsyncd.alerts.base import Alert, Channel, Finding, Kind, Severity
from musicsyncd.errors import MusicsyncError

MOMENT = datetime(2026, 1, 1, 12, tzinfo=UTC)


def finding(key: str = "volume:VIBES", severity: Severity = Severity.ERROR, **more: object) -> Finding:
    """One with everything that a person wants to know."""
    told: dict[str, object] = {
        "what": "Volume VIBES is absent; 3 tracks waiting for it",
        "why": "Nothing is mounted at /Volumes/VIBES",
        "fix": "Connect the disk",
        "subject": "volume VIBES",
    }
    return Finding(key=key, severity=severity, **told | more)  # type: ignore[arg-type]


def alert(kind: Kind = Kind.OPENED, **more: object) -> Alert:
    """One of that finding."""
    told: dict[str, object] = {
        "id": f"a-{kind}",
        "finding": finding(),
        "count": 1,
        "first_seen": MOMENT,
        "last_seen": MOMENT,
    }
    return Alert(kind=kind, **told | more)  # type: ignore[arg-type]


class ChannelContract:
    """Inherit it and give `channel`, `ill` (one that cannot tell) and `secret` (what may never be seen of it)."""

    async def test_a_finding_is_told_from_its_beginning_to_its_end(self, channel: Channel) -> None:
        """Each with the reference that the one before answered, which stays."""
        opened = await channel.deliver(alert())
        repeated = await channel.deliver(alert(Kind.REPEATED, count=7, reference=opened))
        resolved = await channel.deliver(alert(Kind.RESOLVED, count=7, reference=repeated))
        assert opened == repeated == resolved
        assert await channel.deliver(alert(id="a-2", reference=resolved)) == opened

    async def test_the_same_alert_may_come_twice(self, channel: Channel) -> None:
        """The answer was lost: the second try leads to the same place."""
        first = await channel.deliver(alert())
        assert await channel.deliver(replace(alert(), attempt=2)) == first

    async def test_a_test_is_told(self, channel: Channel) -> None:
        """And answers with nothing to come back to."""
        assert await channel.deliver(alert(Kind.TEST)) == ""

    async def test_any_words_can_be_told(self, channel: Channel) -> None:
        """Long ones, of several lines, in any script, and with what a template or a page would take for its own."""
        odd = finding(what="Ä – 電気グルーヴ <b>&amp; {x} %s\n" + "long " * 1000, why="", fix="", subject="")
        await channel.deliver(alert(finding=odd))

    async def test_its_trouble_is_an_error_of_ours(self, ill: Channel, secret: str) -> None:
        """One that says what to do next, and gives nothing away."""
        with pytest.raises(MusicsyncError) as caught:
            await ill.deliver(alert())
        error: BaseException | None = caught.value
        while error:
            assert secret not in f"{error} {error!r} {vars(error)}"
            error = error.__cause__ or (None if error.__suppress_context__ else error.__context__)

    async def test_its_name_is_there_and_gives_nothing_away(self, channel: Channel, secret: str) -> None:
        """It stands in the database, the log and every list."""
        assert channel.name
        assert channel.name.isprintable()
        assert " " not in channel.name
        assert secret not in f"{channel.name} {channel!r}"
