"""What to say of a source that holds less than its codec promises. Imports nothing: the client says it too."""

from __future__ import annotations


def doubt(cutoff_hz: float | None, lossless_honest: bool | None) -> str:
    """Why a lossless source was probably lossy once, in words; empty when nothing speaks for that.

    `cutoff_hz` is where the sound ends, `lossless_honest` whether it ends otherwise than a lossy encoder ends it.
    """
    if lossless_honest is not False or cutoff_hz is None:
        return ""
    return f"nothing above {cutoff_hz / 1000:.1f} kHz: probably made from a lossy file"
