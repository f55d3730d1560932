"""A webhook as a channel: each alert is posted as JSON to one address.

    {"schema": "musicsyncd.alert/1", "id": "…", "kind": "opened", "key": "volume:VIBES", "severity": "error",
     "subject": "volume VIBES", "what": "…", "why": "…", "fix": "…", "count": 3,
     "first_seen": "2026-01-01T12:00:00+00:00", "last_seen": "…", "text": "…"}

`kind` is opened, repeated, resolved or test; `key` is the same for the same trouble; `id` is the same when an alert is
posted again because its answer was lost, and stands in the header Idempotency-Key too. `text` is the whole message in
one line, which Slack, Mattermost and their like show. Any answer from 200 to 299 means that it was taken.
"""

from __future__ import annotations

from typing import Any, Final

from pydantic import SecretStr

from musicsyncd.alerts.base import Alert, Channel
from musicsyncd.errors import MusicsyncError, NeedsPerson, Permanent, Temporary
from musicsyncd.http.budget import Budget
from musicsyncd.http.client import HttpClient, Question

LARGEST: Final = 64 * 1024
"""Bytes of an answer; it is not looked at."""
LATER: Final = frozenset({408, 423, 425})
"""Answers that say: not now."""
MEND: Final = "Set alerts.webhook_url to the address that takes alerts, then: musicsyncctl alerts test"


class WebhookChannel(Channel):
    """Posts to one address, one try at a time: the outbox tries again."""

    name = "webhook"

    def __init__(self, client: HttpClient, budget: Budget, url: SecretStr) -> None:
        """`client` is closed with the channel."""
        self._client, self._budget, self._url = client, budget, url

    async def deliver(self, alert: Alert) -> str:
        question = Question(
            url=self._url.get_secret_value(),
            json=body(alert),
            headers={"Idempotency-Key": alert.id},
            limit=LARGEST,
            repeatable=False,
        )
        try:
            answer = await self._client.ask(self._budget, question)
        except MusicsyncError as error:
            raise error from None  # what lies behind it bears the address
        if answer.status in LATER:
            raise Temporary(f"The webhook answered {answer.status}")
        if answer.status in (401, 403, 404, 410):
            raise NeedsPerson(f"The webhook does not take alerts: it answered {answer.status}", fix=MEND)
        if not 200 <= answer.status < 300:
            raise Permanent(f"The webhook does not take this alert: it answered {answer.status}", fix=MEND)
        return ""

    async def close(self) -> None:
        await self._client.close()


def body(alert: Alert) -> dict[str, Any]:
    """The alert as it is posted."""
    found = alert.finding
    return {
        "schema": "musicsyncd.alert/1",
        "id": alert.id,
        "kind": alert.kind.value,
        "key": found.key,
        "severity": found.severity.word,
        "subject": found.subject,
        "what": found.what,
        "why": found.why,
        "fix": found.fix,
        "count": alert.count,
        "first_seen": alert.first_seen.isoformat(timespec="seconds"),
        "last_seen": alert.last_seen.isoformat(timespec="seconds"),
        "text": alert.text,
    }
