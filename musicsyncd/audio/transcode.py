"""One decode, every output, and the analysis on the way. Workers only."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Final

from av.audio.frame import AudioFrame

from musicsyncd.audio.decode import Samples, Source
from musicsyncd.audio.encode import Output
from musicsyncd.audio.probe import decoder_version, describe
from musicsyncd.audio.values import Analysis, Format, Made, Transcoded, WaveformFiles

if TYPE_CHECKING:
    from musicsyncd.audio.listen import Listener

Told = Callable[[float | None, str], None]
_TELL_EVERY: Final = 0.25  # seconds


class Transcode:
    """From one source to all outputs; BadInput for a source that is not whole: then none of them stands."""

    def __init__(
        self,
        source: Source,
        folder: Path,
        formats: Sequence[Format],
        *,
        depth: int | None,
        sample_rate: int | None,
        listener: Listener | None,
        told: Told,
        hashed: bool = True,
    ) -> None:
        """`depth` (bits) and `sample_rate` (Hz) are the source's own when None; `told` hears shares."""
        self._source, self._folder, self._formats = source, folder, formats
        self._width = depth or source.width
        rate = sample_rate if sample_rate != source.stream.codec_context.sample_rate else None
        self._samples = Samples(self._width, rate)
        self._listener, self._told, self._hashed = listener, told, hashed
        self._outputs: list[Output] = []
        self._next_word = 0.0

    def run(self) -> Transcoded:
        """Do it; nothing of an output is left behind when this raises."""
        with ExitStack() as unfinished:
            for heard in self._source.blocks() if self._listener else self._source.frames():
                self._take(heard, unfinished)
            self._give(self._samples.feed(None), unfinished)
            self._source.refuse_if_broken()
            self._source.refuse_if_too_short()
            waveform = self._draw(unfinished)
            made = self._finished()
            unfinished.pop_all()
        return self._report(made, waveform)

    def _take(self, heard: AudioFrame, unfinished: ExitStack) -> None:
        if self._listener:
            self._listener.feed(heard)
        self._give(self._samples.feed(heard), unfinished)
        if time.monotonic() >= self._next_word and self._source.expected:
            self._next_word = time.monotonic() + _TELL_EVERY
            self._told(min(1.0, self._source.seconds / self._source.expected), "decoding and encoding")

    def _give(self, frames: Iterator[AudioFrame], unfinished: ExitStack) -> None:
        for frame in frames:
            if not self._outputs:
                self._open(frame, unfinished)
            for output in self._outputs:
                output.write(frame)

    def _open(self, first: AudioFrame, unfinished: ExitStack) -> None:
        for format_ in self._formats:
            output = Output(format_, self._folder, first=first, width=self._width, seconds=self._source.stated or 0.0)
            unfinished.callback(output.abandon)
            self._outputs.append(output)

    def _finished(self) -> tuple[Made, ...]:
        pcm, lossless = self._samples.md5, self._source.lossless
        for output in self._outputs:
            output.complete()
        return tuple(output.name_it(pcm=pcm, lossless_source=lossless, hashed=self._hashed) for output in self._outputs)

    def _draw(self, unfinished: ExitStack) -> WaveformFiles | None:
        if self._listener is None:
            return None
        from musicsyncd.audio.drawing import draw, erase  # numpy, which a transcode without ears does without

        unfinished.callback(erase, self._folder)
        return draw(self._listener, self._folder)

    def _report(self, made: tuple[Made, ...], waveform: WaveformFiles | None) -> Transcoded:
        if self._listener:
            self._told(None, "analysing")
        analysis = self._heard()
        return Transcoded(
            source=describe(self._source, whole=True),
            pcm_md5=self._samples.md5,
            outputs=made,
            analysis=analysis,
            waveform=waveform,
            warnings=(*self._source.doubts(), *self._clipped(analysis)),
        )

    def _clipped(self, analysis: Analysis | None) -> Iterator[str]:
        """What integers could not hold of a float source. A lossy codec's overs are no one's intent."""
        peak = analysis.true_peak_dbtp if analysis else None
        if self._source.above_full_scale and peak is not None and peak > 0:
            yield f"What lies above full scale ({peak:+.1f} dBTP) was clipped"

    def _heard(self) -> Analysis | None:
        return self._listener.analysis(decoder_version(), judged=self._source.judged) if self._listener else None
