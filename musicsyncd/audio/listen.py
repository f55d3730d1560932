"""Hears a track while it is decoded: loudness, tempo, key, fingerprint, outline and highs. Workers only."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

import av
import numpy as np
import numpy.typing as npt
from av.audio.frame import AudioFrame
from av.audio.resampler import AudioResampler
from av.filter import Graph

from musicsyncd.analysis.bandwidth import LongTermSpectrum, estimate_cutoff
from musicsyncd.analysis.fingerprint import encode, fingerprint
from musicsyncd.analysis.key import estimate_key
from musicsyncd.analysis.loudness import Loudness, replay_gain
from musicsyncd.analysis.tempo import estimate_tempo
from musicsyncd.analysis.waveform import Outline, png
from musicsyncd.analysis.waveform import encode as encode_peaks
from musicsyncd.audio.values import Analysis
from musicsyncd.music.camelot import Key

MUSIC_RATE: Final = 22_050
"""Hz, for tempo and key."""
MUSIC_SECONDS: Final = 15 * 60
"""What is held in memory for tempo and key: 79 MB. A longer mix has more than one tempo anyway."""
PRINT_RATE: Final = 11_025
"""Hz, Chromaprint's."""
PRINT_SECONDS: Final = 120
"""As AcoustID's own tools: fingerprints of another length would not be found there."""
_SILENCE: Final = -70.0
"""LUFS: EBU R128's absolute gate, and what FFmpeg says when nothing was above it."""


@dataclass(frozen=True, kw_only=True)
class TempoRange:
    """BPM are folded by octaves into lowest (included) to highest."""

    lowest: float
    highest: float


class Listener:
    """Takes blocks as the decoder gives them: a lossy codec's overs are measured before they are clipped."""

    def __init__(self, tempo: TempoRange) -> None:
        self._tempo, self._samples, self._rate = tempo, 0, 1
        self._loudness = _LoudnessMeter()
        self._music = _Memory("flt", MUSIC_RATE, MUSIC_SECONDS, np.float32)
        self._print = _Memory("s16", PRINT_RATE, PRINT_SECONDS, np.int16)
        self._whole = _FullRate()
        self._warnings: list[str] = []
        self._broken = False

    def feed(self, block: AudioFrame) -> None:
        """Hear one block. What fails here costs the analysis, never the files."""
        self._samples, self._rate = self._samples + block.samples, block.sample_rate
        if self._broken:
            return
        try:
            self._loudness.feed(block)
            self._music.feed(block)
            self._print.feed(block)
            self._whole.feed(block)
        except Exception as error:  # noqa: BLE001  as the docstring says
            self._broken = True
            self._warnings.append(f"listening failed: {type(error).__name__}: {error}")

    def analysis(self, decoder: str, *, judged: bool = False) -> Analysis:
        """What was heard; a value that could not be had is None and named in the warning.

        `judged`: the source's codec keeps 16 bits or more, so that a lossy origin would show.
        """
        values: dict[str, Any] = {}
        if not self._broken:
            for name, part in (
                ("loudness", self._loudness_values),
                ("fingerprint", self._print_values),
                ("tempo", self._tempo_values),
                ("key", self._key_values),
                ("cut-off", lambda: self._cutoff_values(judged=judged)),
            ):
                values |= self._guarded(name, part)
        return Analysis(
            duration=self._samples / self._rate, decoder=decoder, warning="; ".join(self._warnings), **values
        )

    def drawn(self) -> tuple[bytes, bytes] | None:
        """The waveform's peaks and its picture; None when nothing was heard, or when listening or drawing failed."""
        outline = self._whole.outline
        if self._broken or outline is None:
            return None

        def draw() -> dict[str, bytes]:
            peaks = outline.peaks()
            return {"peaks": encode_peaks(peaks), "png": png(peaks)}

        files = self._guarded("waveform", draw)
        return (files["peaks"], files["png"]) if files else None

    def _guarded(self, name: str, part: Callable[[], dict[str, Any]]) -> dict[str, Any]:
        try:
            return part()
        except Exception as error:  # noqa: BLE001  a whole decode with a failed analysis is still a whole file
            self._warnings.append(f"{name} failed: {type(error).__name__}: {error}")
            return {}

    def _loudness_values(self) -> dict[str, Any]:
        loudness = self._loudness.result()
        gained = replay_gain(loudness) if loudness else None
        if loudness is None or gained is None:
            return {}
        return {
            "integrated_lufs": loudness.integrated,
            "loudness_range": loudness.range,
            "true_peak_dbtp": loudness.true_peak if math.isfinite(loudness.true_peak) else None,
            "replay_gain_db": gained[0],
            "replay_peak": gained[1],
        }

    def _print_values(self) -> dict[str, Any]:
        found = fingerprint(self._print.samples())
        return {"fingerprint": encode(found)} if len(found) else {}

    def _tempo_values(self) -> dict[str, Any]:
        tempo = estimate_tempo(
            self._music.samples(), MUSIC_RATE, lowest=self._tempo.lowest, highest=self._tempo.highest
        )
        return {"bpm": tempo.bpm, "bpm_raw": tempo.raw, "bpm_confidence": tempo.confidence} if tempo else {}

    def _key_values(self) -> dict[str, Any]:
        found = estimate_key(self._music.samples(), MUSIC_RATE)
        if found is None:
            return {}
        key = Key(found.tonic, found.mode)
        return {
            "key": key.short,
            "camelot": key.camelot,
            "open_key": key.open_key,
            "key_confidence": found.confidence,
            "key_runner_up": Key(*found.runner_up).short,
        }

    def _cutoff_values(self, *, judged: bool) -> dict[str, Any]:
        found = estimate_cutoff(self._whole.spectrum) if self._whole.spectrum else None
        if found is None:
            return {}
        told = judged and found.confidence > 0
        return {"cutoff_hz": found.cutoff_hz, "lossless_honest": not found.lossy_likely if told else None}


class _Memory:
    """Mono samples at one rate, up to a length; pages that are never written cost nothing."""

    def __init__(self, format_: str, rate: int, seconds: int, dtype: type[np.generic]) -> None:
        self._convert = AudioResampler(format=format_, layout="mono", rate=rate)
        self._held = np.empty(rate * seconds, dtype)
        self._count = 0

    def feed(self, block: AudioFrame | None) -> None:
        if self._count == len(self._held):
            return
        for frame in self._convert.resample(block):
            new = np.frombuffer(memoryview(frame.planes[0]), self._held.dtype)[: frame.samples]
            new = new[: len(self._held) - self._count]
            self._held[self._count : self._count + len(new)] = new
            self._count += len(new)

    def samples(self) -> npt.NDArray[Any]:
        """What was kept, as a view."""
        self.feed(None)
        return self._held[: self._count]


class _FullRate:
    """What must hear every sample at the source's own rate and width; one conversion for both."""

    def __init__(self) -> None:
        self._convert = AudioResampler(format="flt")
        self.outline: Outline | None = None
        self.spectrum: LongTermSpectrum | None = None

    def feed(self, block: AudioFrame) -> None:
        if self.outline is None or self.spectrum is None:
            self.outline, self.spectrum = Outline(block.sample_rate), LongTermSpectrum(block.sample_rate)
        for frame in self._convert.resample(block):
            channels = frame.layout.nb_channels
            samples = np.frombuffer(memoryview(frame.planes[0]), np.float32)[: frame.samples * channels]
            self.outline.feed(samples.reshape(-1, channels))
            self.spectrum.feed(samples.reshape(-1, channels))


class _LoudnessMeter:
    """FFmpeg's ebur128 filter: EBU R128 with true peak (ITU-R BS.1770, four times oversampled)."""

    def __init__(self) -> None:
        self._graph: Graph | None = None
        self._last: dict[str, str] = {}

    def feed(self, block: AudioFrame | None) -> None:
        if self._graph is None:
            if block is None:
                return
            self._graph = self._graph_for(block)
        self._graph.push(block)
        while True:
            try:
                self._last = self._graph.pull().metadata or self._last
            except (av.BlockingIOError, av.EOFError):
                return

    def result(self) -> Loudness | None:
        """None for silence and for what is too short to have a loudness."""
        self.feed(None)
        integrated = float(self._last.get("lavfi.r128.I", "nan"))
        if not integrated > _SILENCE:
            return None
        peak = float(self._last["lavfi.r128.true_peak"])
        return Loudness(
            integrated=integrated,
            range=float(self._last["lavfi.r128.LRA"]),
            true_peak=20 * math.log10(peak) if peak > 0 else -math.inf,
        )

    def _graph_for(self, block: AudioFrame) -> Graph:
        graph = Graph()
        source = graph.add(
            "abuffer",
            sample_rate=str(block.sample_rate),
            sample_fmt=block.format.name,
            channel_layout=block.layout.name,
            time_base=f"1/{block.sample_rate}",
        )
        meter = graph.add("ebur128", "framelog=quiet:metadata=1:peak=true")
        sink = graph.add("abuffersink")
        source.link_to(meter)
        meter.link_to(sink)
        graph.configure()
        return graph
