"""How good the audio is that a track was made from: of two copies of one recording, the better one is kept."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

WORTH: Final = {"opus": 1.5, "aac": 1.25, "vorbis": 1.25}
"""What a bit of a codec is worth beside one of MP3: about the rates at which listeners in blind tests (Hydrogenaudio's
public ones of 2011 and 2014) held them for equally good."""


@dataclass(frozen=True, kw_only=True, order=True)
class Quality:
    """Compared field by field, in this order; a greater one is better."""

    lossless: bool
    """False also for a lossless codec whose sound ends as a lossy encoder ends it."""
    depth: int = 0
    """Bits per sample of lossless audio."""
    rate: float = 0.0
    """Hz of lossless audio; of lossy audio the bit/s that MP3 would need, 0 where a lossless codec hides them."""
    words: str = field(default="", compare=False)
    """The rate, in words."""

    @classmethod
    def of(cls, source: Mapping[str, Any], honest: bool | None = None) -> Quality:
        """From what was found in the source file; `honest` is the ears' word on a lossless codec."""
        if not source.get("lossless"):
            rate, codec = source.get("bit_rate") or 0, str(source.get("codec") or "")
            words = f"{round(rate / 1000)} kbit/s {codec}".strip() if rate else ""
            return cls(lossless=False, rate=rate * WORTH.get(codec, 1.0), words=words)
        if honest is False:
            return cls(lossless=False)
        rate = source.get("sample_rate") or 0
        return cls(lossless=True, depth=source.get("bit_depth") or 0, rate=rate, words=f"{rate / 1000:g} kHz")

    def better_by(self, other: Quality) -> str:
        """Why this one is better, in words; empty when it is not."""
        if self <= other:
            return ""
        if self.lossless > other.lossless:
            return "lossless before lossy audio"
        if self.depth > other.depth:
            return f"{self.depth} bits before {other.depth}"
        return f"{self.words} before {other.words or 'an unknown rate'}"
