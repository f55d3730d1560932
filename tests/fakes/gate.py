"""A gate that stops a caller right before or right after an effect, or makes it fail there."""

from __future__ import annotations

from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import anyio


class Gate:
    """Open unless told otherwise; counts who passes."""

    def __init__(self) -> None:
        self.passed: Counter[str] = Counter()
        """How often each effect began."""
        self.reached = anyio.Event()
        """Set when somebody stands at the closed gate."""
        self._closed = ("", "")
        self._errors: dict[str, list[Exception]] = {}

    def close(self, name: str, when: str) -> None:
        """Stop whoever comes `before` or `after` this effect."""
        self._closed, self.reached = (name, when), anyio.Event()

    def open(self) -> None:
        """Stop nobody any more; who stands there must be cancelled."""
        self._closed = ("", "")

    def fail(self, name: str, *errors: Exception) -> None:
        """Raise these in turn before the effect."""
        self._errors.setdefault(name, []).extend(errors)

    def forget(self) -> None:
        """Raise nothing any more."""
        self._errors.clear()

    @asynccontextmanager
    async def way(self, name: str) -> AsyncIterator[None]:
        """The way through one effect."""
        self.passed[name] += 1
        await self._stop(name, "before")
        if errors := self._errors.get(name):
            raise errors.pop(0)
        yield
        await self._stop(name, "after")

    async def _stop(self, name: str, when: str) -> None:
        if self._closed == (name, when):
            self.reached.set()
            await anyio.sleep_forever()
