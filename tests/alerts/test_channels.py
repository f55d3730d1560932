"""The channels: what they say, what they do when nobody takes it, and that they give no address away."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator

import pytest
from pydantic import SecretStr
from structlog.testing import capture_logs

from musicsyncd.alerts import apprise as apprise_channel
from musicsyncd.alerts.apprise import AppriseChannel, name_of
from musicsyncd.alerts.base import Channel, Kind, Severity
from musicsyncd.alerts.log import LogChannel
from musicsyncd.alerts.memory import MemoryChannel
from musicsyncd.alerts.webhook import WebhookChannel
from musicsyncd.clock import SystemClock
from musicsyncd.errors import MusicsyncError, NeedsPerson, Permanent, Temporary
from musicsyncd.http.budget import Budget, Pace
from musicsyncd.http.client import HttpClient, HttpOptions
from tests.alerts.contract import ChannelContract, alert, finding
from tests.fakes.hook import Hook

CANARY = "cAnaRy-5f1e"
DEAD = f"127.0.0.1:9/{CANARY}"
"""Nobody listens at the discard port."""


@pytest.fixture
def hook() -> Iterator[Hook]:
    with Hook() as hook:
        yield hook


def webhook(url: str) -> WebhookChannel:
    budget = Budget("The alerts' webhook", Pace(rate=1000.0, burst=100, trips=1000), SystemClock())
    return WebhookChannel(HttpClient(HttpOptions(timeout=5.0)), budget, SecretStr(url))


@pytest.fixture
def secret() -> str:
    return CANARY


class TestMemory(ChannelContract):
    """The twin."""

    @pytest.fixture
    def channel(self) -> Channel:
        return MemoryChannel()

    @pytest.fixture
    def ill(self) -> Channel:
        return MemoryChannel(errors=[Temporary("not now")])


class TestWebhook(ChannelContract):
    """JSON to a server on the loopback."""

    @pytest.fixture
    async def channel(self, hook: Hook) -> AsyncIterator[Channel]:
        channel = webhook(hook.url(f"/{CANARY}"))
        yield channel
        await channel.close()

    @pytest.fixture
    async def ill(self) -> AsyncIterator[Channel]:
        channel = webhook(f"http://{DEAD}")
        yield channel
        await channel.close()

    async def test_what_is_posted(self, channel: Channel, hook: Hook) -> None:
        """Every field, what to do among them, and the id by which a repetition is known."""
        await channel.deliver(alert(Kind.REPEATED, count=3))
        (post,) = hook.posts
        assert (post.method, post.path) == ("POST", f"/{CANARY}")
        assert post.headers["content-type"] == "application/json"
        assert post.headers["idempotency-key"] == post.json["id"] == "a-repeated"
        assert post.json | {"id": ""} == {
            "schema": "musicsyncd.alert/1",
            "id": "",
            "kind": "repeated",
            "key": "volume:VIBES",
            "severity": "error",
            "subject": "volume VIBES",
            "what": "Volume VIBES is absent; 3 tracks waiting for it",
            "why": "Nothing is mounted at /Volumes/VIBES",
            "fix": "Connect the disk",
            "count": 3,
            "first_seen": "2026-01-01T12:00:00+00:00",
            "last_seen": "2026-01-01T12:00:00+00:00",
            "text": "Still: Volume VIBES is absent; 3 tracks waiting for it. Nothing is mounted at /Volumes/VIBES. "
            "Connect the disk. Found 3 times since 2026-01-01 12:00+00:00.",
        }

    @pytest.mark.parametrize(
        ("status", "kind"),
        [(401, NeedsPerson), (404, NeedsPerson), (410, NeedsPerson), (400, Permanent), (425, Temporary),
         (429, Temporary), (500, Temporary), (503, Temporary)],
    )  # fmt: skip
    async def test_who_does_not_take_it(
        self, channel: Channel, hook: Hook, status: int, kind: type[MusicsyncError]
    ) -> None:
        """Asked once each time: the outbox is who tries again."""
        hook.answer(status)
        with pytest.raises(kind) as caught:
            await channel.deliver(alert())
        assert str(status) in str(caught.value)
        assert len(hook.posts) == 1

    async def test_an_address_that_moved_is_no_success(self, channel: Channel, hook: Hook) -> None:
        """Followed, the alert would arrive empty and count as told."""
        hook.answer(302, Location="/new")
        with pytest.raises(Permanent):
            await channel.deliver(alert())
        assert len(hook.posts) == 1


class TestApprise(ChannelContract):
    """The real library, in its worker, to a server on the loopback."""

    @pytest.fixture
    def channel(self, hook: Hook) -> Channel:
        return AppriseChannel(SecretStr(f"json://127.0.0.1:{hook.port}/{CANARY}"))

    @pytest.fixture
    def ill(self) -> Channel:
        return AppriseChannel(SecretStr(f"json://{DEAD}"))

    async def test_what_is_handed_over(self, channel: Channel, hook: Hook) -> None:
        """A title, the whole text and how severe it is; never as a template or as markup."""
        await channel.deliver(alert(finding=finding(severity=Severity.WARNING)))
        await channel.deliver(alert(Kind.RESOLVED))
        first, second = (post.json for post in hook.posts)
        assert first["title"] == "musicsyncd: Volume VIBES is absent; 3 tracks waiting for it"
        assert "Connect the disk" in first["message"]
        assert (first["type"], second["type"]) == ("warning", "success")
        assert second["message"] == "Resolved: Volume VIBES is absent; 3 tracks waiting for it."

    async def test_what_a_title_holds_is_no_markup(self, hook: Hook) -> None:
        """Where a service shows HTML, a track's name is still its name."""
        channel = AppriseChannel(SecretStr(f"json://127.0.0.1:{hook.port}/?format=html"))
        await channel.deliver(alert(finding=finding(what="<img src=x> is wrong")))
        assert "&lt;img" in hook.posts[0].json["message"]
        assert "<img" not in hook.posts[0].json["message"]

    async def test_an_address_that_nobody_knows(self) -> None:
        """A person has to mend it; the sentence names no more than its scheme."""
        with pytest.raises(NeedsPerson) as caught:
            await AppriseChannel(SecretStr(f"nosuch://{CANARY}")).deliver(alert())
        assert "nosuch://" in str(caught.value)
        assert CANARY not in str(caught.value)

    async def test_a_service_that_refuses(self, channel: Channel, hook: Hook) -> None:
        """Apprise does not say why: it is tried again."""
        hook.always = (403, {})
        with pytest.raises(Temporary):
            await channel.deliver(alert())

    async def test_without_the_package_the_command_is_named(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """An optional dependency."""
        code = (
            "import sys; sys.modules['apprise'] = None\n"
            "from musicsyncd.alerts.apprise_worker import handle\n"
            "from musicsyncd.processes.child import serve\n"
            "serve(handle)"
        )
        monkeypatch.setattr(apprise_channel, "WORKER", (sys.executable, "-P", "-c", code))
        with pytest.raises(NeedsPerson) as caught:
            await AppriseChannel(SecretStr(f"json://{DEAD}")).deliver(alert())
        assert "pip install 'musicsyncd[apprise]'" in str(caught.value)

    def test_its_name_tells_two_apart_and_stays(self) -> None:
        """By service and by address, without the address."""
        one, other = (name_of(SecretStr(f"slack://{CANARY}/{room}")) for room in "ab")
        assert one != other
        assert one.startswith("apprise:slack:")
        assert one == name_of(SecretStr(f"slack://{CANARY}/a"))

    def test_the_daemon_does_not_load_it(self) -> None:
        """A hundred services cost the worker memory, not the daemon."""
        code = (
            "import sys, musicsyncd.daemon.running\n"
            "print([name for name in ('apprise', 'requests', 'httpx') if name in sys.modules])"
        )
        done = subprocess.run(
            [sys.executable, "-c", code], capture_output=True, text=True, check=True, env=dict(os.environ)
        )
        assert done.stdout.strip() == "[]"


@pytest.mark.parametrize(
    ("severity", "kind", "level"),
    [
        (Severity.CRITICAL, Kind.OPENED, "critical"),
        (Severity.WARNING, Kind.REPEATED, "warning"),
        (Severity.CRITICAL, Kind.RESOLVED, "info"),
        (Severity.INFO, Kind.TEST, "info"),
    ],
)
async def test_the_log_has_a_line_as_severe_as_the_alert(severity: Severity, kind: Kind, level: str) -> None:
    """With what to do; the end is information."""
    with capture_logs() as lines:
        assert await LogChannel().deliver(alert(kind, finding=finding(severity=severity))) == ""
    (line,) = lines
    assert (line["log_level"], line["event"], line["fix"]) == (level, f"alert {kind}", "Connect the disk")
