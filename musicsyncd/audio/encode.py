"""Writes one output file of a transcode, block by block; it gets its name when whole. Workers only."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Final

import av
from av.audio.frame import AudioFrame
from av.audio.stream import AudioStream
from av.packet import Packet

from musicsyncd.audio.decode import pcm_md5
from musicsyncd.audio.files import settle, sha256, unfinished, writing
from musicsyncd.audio.values import Format, Made
from musicsyncd.errors import BadInput, Temporary

_ENCODERS: Final = {"mp3": "libmp3lame"}
_PCM: Final = {
    ("wav", 16): "pcm_s16le",
    ("wav", 24): "pcm_s24le",
    ("aiff", 16): "pcm_s16be",
    ("aiff", 24): "pcm_s24be",
}
_SAMPLES: Final = {
    "alac": ("s16p", "s32p"),
    "aac": ("fltp", "fltp"),
    "flac": ("s16", "s32"),
    "mp3": ("s16p", "s32p"),
}
"""What each encoder is fed for 16 and for 24 bits."""
_LEAST_BIT_RATE: Final = 64_000


class Output:
    """One file in the making.

    Raises BadInput where the format cannot hold the source, and what `writing` raises.
    """

    def __init__(self, format_: Format, folder: Path, *, first: AudioFrame, width: int, seconds: float) -> None:
        """`first` shows rate and channels, `width` is in bits, `seconds` what is expected (0.0: unknown)."""
        self.format, self.width, self.layout = format_, width, first.layout.name
        self.channels, self.samples = first.layout.nb_channels, 0
        self._source_rate = first.sample_rate
        self._written, self._named = 0, False
        self._refuse_above_limit(seconds * first.sample_rate)
        self.final = folder / f"{format_.name}.{format_.extension}"
        self.temporary = unfinished(self.final)
        with writing(self.final):
            # bitexact: the same samples give the same bytes, with neither date nor version in them
            options = {"fflags": "+bitexact"}
            self._container = av.open(f"file:{self.temporary}", mode="w", format=format_.container, options=options)
        try:
            self.stream = self._stream()
        except BaseException:
            self.abandon()
            raise

    def write(self, block: AudioFrame) -> None:
        """Encode one block of interleaved samples."""
        self.samples += block.samples
        self._refuse_above_limit(self.samples)
        with writing(self.final):
            self._mux(self.stream.encode(block))

    def complete(self) -> None:
        """Write what is left; Temporary when the disk did not take all of it."""
        with writing(self.final):
            self._mux(self.stream.encode(None))
            self._container.close()
            size = self.temporary.stat().st_size
        if size < self._written:  # closing does not tell of a failed last write
            raise Temporary(f"{self.final.name} was not written whole", why=f"{size} of {self._written} bytes stand")

    def name_it(self, *, pcm: str, lossless_source: bool, hashed: bool) -> Made:
        """Give the completed file its final name; `pcm` is the hash of the samples that it was given."""
        with writing(self.final):
            held = pcm if self.format.lossless else pcm_md5(self.temporary)
            digest = sha256(self.temporary) if hashed else ""
            size = self.temporary.stat().st_size
            settle(self.temporary, self.final)
            self._named = True
        context = self.stream.codec_context
        return Made(
            format=self.format.name,
            path=os.fspath(self.final),
            codec=context.codec.canonical_name,
            sample_rate=context.sample_rate,
            bit_depth=self.width if self.format.lossless else None,
            channels=self.channels,
            duration=self.samples / self._source_rate,
            size=size,
            sha256=digest,
            pcm_md5=held,
            lossless_source=lossless_source,
        )

    def abandon(self) -> None:
        """Leave nothing behind, not even a finished file: a source's outputs stand together or not at all."""
        with contextlib.suppress(av.FFmpegError, OSError, ValueError):
            self._container.close()
        self.temporary.unlink(missing_ok=True)
        if self._named:
            self.final.unlink(missing_ok=True)

    def _stream(self) -> AudioStream:
        codec = _PCM.get((self.format.name, self.width)) or _ENCODERS.get(self.format.codec, self.format.codec)
        stream = self._container.add_stream(codec, rate=_rate(codec, self._source_rate))
        assert isinstance(stream, AudioStream)
        narrow, wide = _SAMPLES.get(self.format.codec, ("s16", "s32"))
        context = stream.codec_context
        context.layout, context.format = self.layout, narrow if self.width == 16 else wide
        context.thread_count = 1
        if self.format.bit_rate:
            context.bit_rate = max(_LEAST_BIT_RATE, self.format.bit_rate * min(self.channels, 2) // 2)
        try:
            context.open()
        except (av.FFmpegError, ValueError) as error:
            what = f"{self.format.name} cannot hold {self.channels} channels at {self._source_rate} Hz"
            raise BadInput(what, why=str(error), fix="Choose another output format for this track") from error
        return stream

    def _mux(self, packets: Sequence[Packet[AudioStream]]) -> None:
        for packet in packets:
            self._written += packet.size
            self._container.mux_one(packet)

    def _refuse_above_limit(self, samples: float) -> None:
        size = samples * self.channels * self.width // 8
        if self.format.largest and size > self.format.largest:
            raise BadInput(
                f"{self.format.name} cannot hold this track",
                why=f"Its samples take more than {self.format.largest / 2**30:.2f} GiB: with tags and artwork the file "
                "would pass the 4 GiB that the format's length fields can say",
                fix="Choose flac or alac for it",
            )


def _rate(codec: str, wanted: int) -> int:
    """The wanted rate; for an encoder that knows but some, the highest that divides it, else the nearest."""
    known = av.Codec(codec, "w").audio_rates
    if not known or wanted in known:
        return wanted
    even = [rate for rate in known if wanted % rate == 0]
    return max(even) if even else min(known, key=lambda rate: abs(rate - wanted))
