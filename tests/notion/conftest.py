"""The fake Notion with the owner's workspace, and the real client to ask it."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator

import httpx
import pytest
from notion_client import AsyncClient

from tests.fakes.notion import NotionFake
from tests.fakes.notion_music import Workspace, music_workspace
from tests.notion.asking import client_of


@pytest.fixture
def fake() -> Iterator[NotionFake]:
    with NotionFake() as found:
        yield found


@pytest.fixture
def workspace(fake: NotionFake) -> Workspace:
    return music_workspace(fake)


@pytest.fixture
async def client(fake: NotionFake) -> AsyncIterator[AsyncClient]:
    async with httpx.AsyncClient() as http:
        yield client_of(fake, http)
