"""How the tests of the fake Notion ask it: by the real client."""

from __future__ import annotations

from typing import Any

import httpx
from notion_client import AsyncClient

from tests.fakes.notion import VERSION, NotionFake
from tests.fakes.notion_rules import contract


def client_of(fake: NotionFake, http: httpx.AsyncClient, timeout_ms: int = 60_000) -> AsyncClient:
    """The real client, that never asks twice by itself."""
    return AsyncClient(
        client=http,
        auth=fake.token,
        base_url=fake.url,
        notion_version=VERSION,
        retry=False,
        timeout_ms=timeout_ms,
    )


def text(content: str) -> list[dict[str, Any]]:
    return [{"text": {"content": content}}]


def kept_to(fake: NotionFake, method: str, path: str, answer: Any) -> None:
    """The answer fits the document, and no request broke it."""
    assert contract().answer_faults(method, path, answer) == []
    assert fake.faults == []


async def create(client: AsyncClient, database: Any, **properties: Any) -> dict[str, Any]:
    parent = {"type": "data_source_id", "data_source_id": database.data_source_id}
    found: dict[str, Any] = await client.pages.create(parent=parent, properties=properties)
    return found
