"""What every test may use: asyncio as the one backend, and the sizes to run at."""

from __future__ import annotations

import os
import threading
from pathlib import Path

import pytest
from hypothesis import settings

settings.register_profile("suite", deadline=None)  # a loaded machine is no failure
settings.load_profile("suite")


@pytest.fixture(scope="session")
def anyio_backend() -> str:
    """The daemon runs on asyncio (APScheduler and uvicorn do); so do its tests."""
    return "asyncio"


def pytest_addoption(parser: pytest.Parser) -> None:
    """`--full` also runs the acceptance sizes."""
    parser.addoption("--full", action="store_true", help="also run the acceptance sizes")


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Leave out what this run did not ask for or cannot do; the tests of whole programs, which take longest, first, so
    that at the end no worker waits for another.
    """
    items.sort(key=lambda item: item.path.parent != Path(__file__).parent)
    for item in items:
        if item.get_closest_marker("full") and not config.getoption("--full"):
            item.add_marker(pytest.mark.skip(reason="an acceptance size: make test-full"))
        if item.get_closest_marker("root") and os.geteuid() != 0:
            item.add_marker(pytest.mark.skip(reason="mounts a file system: needs root"))


def pytest_sessionfinish() -> None:
    """Let threads end that watch folders: they look once a second whether to go on, and in native code an interpreter
    that ends first would be the end of both.
    """
    for thread in threading.enumerate():
        if thread.name == "files of watches":
            thread.join(5.0)
