"""Says what a file really contains. Workers only."""

from __future__ import annotations

from itertools import islice

import av

from musicsyncd.audio.decode import Source
from musicsyncd.audio.values import AudioProbe

_TASTE = 4
"""Blocks that a quick probe decodes: enough to see that there is sound behind the header."""


def decoder_version() -> str:
    """The decoding library with its version, as it stands beside every PCM hash."""
    return "libavcodec " + ".".join(str(part) for part in av.library_versions["libavcodec"])


def probe(source: Source, *, full: bool) -> AudioProbe:
    """What the file contains; `full` decodes all of it. BadInput when it cannot be decoded, or not whole."""
    for _ in source.blocks() if full else islice(source.blocks(), _TASTE):
        pass
    if full or not source.samples:
        source.refuse_if_broken()
    if full:
        source.refuse_if_too_short()
    return describe(source, whole=full)


def describe(source: Source, *, whole: bool) -> AudioProbe:
    """The facts as values; `whole` when all of it has been decoded."""
    seconds = source.seconds if whole else source.expected
    return AudioProbe(
        container=source.container,
        codec=source.codec,
        lossless=source.lossless,
        sample_rate=source.rate,
        bit_depth=source.bit_depth,
        bit_rate=source.bit_rate(whole=whole),
        channels=source.channels,
        duration=seconds,
        decoder=decoder_version(),
        damaged_packets=source.damaged,
    )
