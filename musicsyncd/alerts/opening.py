"""The channels that the settings name, and the post that serves them."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import AsyncExitStack

from musicsyncd.alerts.apprise import AppriseChannel
from musicsyncd.alerts.base import Channel
from musicsyncd.alerts.log import LogChannel
from musicsyncd.alerts.outbox import Outbox
from musicsyncd.alerts.post import Post
from musicsyncd.alerts.section import AlertsSection
from musicsyncd.alerts.webhook import WebhookChannel
from musicsyncd.clock import Clock
from musicsyncd.database import Database
from musicsyncd.http.budget import Pace
from musicsyncd.http.budgets import Budgets
from musicsyncd.http.client import HttpClient, HttpOptions

WEBHOOK_PACE = Pace(rate=1.0, burst=10, trips=1_000_000)
"""The outbox is patient by itself: two who both wait would wait twice."""


async def open_alerts(
    section: AlertsSection,
    options: HttpOptions,
    database: Database,
    budgets: Budgets,
    clock: Clock,
    stack: AsyncExitStack,
    more: Sequence[Channel] = (),
) -> Post:
    """The post; `more` are channels of other rooms, which join beside those that the settings name."""
    channels: list[Channel] = []
    if "log" in section.channels:
        channels.append(LogChannel())
    if "webhook" in section.channels:
        budget = await budgets.of("The alerts' webhook", WEBHOOK_PACE)
        channels.append(WebhookChannel(HttpClient(options), budget, section.webhook_url))
    if "apprise" in section.channels:
        ca_file = str(options.ca_file or "")
        channels += [AppriseChannel(url, proxy=options.proxy, ca_file=ca_file) for url in section.apprise_urls]
    channels += more
    post = Post(Outbox(database, clock, [channel.name for channel in channels], section.rules), channels, clock)
    stack.push_async_callback(post.close)
    return post
