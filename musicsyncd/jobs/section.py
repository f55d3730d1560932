"""The section [capacity] of config.toml."""

from __future__ import annotations

import os

from pydantic import Field

from musicsyncd.section import Section


class CapacitySection(Section):
    """How much is done at the same time."""

    downloads: int = Field(4, ge=1, le=64)
    """Downloads at a time; default 4."""
    analyses: int = Field(0, ge=0, le=256)
    """Tracks that are decoded, encoded and analysed at a time; default 0 = one per core."""

    @property
    def cpu_places(self) -> int:
        """`analyses`, with 0 resolved to the number of this machine's cores."""
        return self.analyses or os.cpu_count() or 1
