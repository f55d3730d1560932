"""What the audio room says of files: values that cross the worker's pipe as JSON. Imports nothing heavy."""

from __future__ import annotations

from dataclasses import asdict, dataclass, fields
from typing import Any, Final, Self

from musicsyncd.music.honesty import doubt

ANALYSIS_VERSION: Final = 3
"""Raised whenever the same samples would give other numbers, so that older values can be told and redone."""


@dataclass(frozen=True, kw_only=True)
class Format:
    """One output format."""

    name: str
    extension: str
    """Without the dot."""
    container: str
    """FFmpeg's name of the muxer."""
    codec: str
    """The codec's family; PCM gets its width and byte order when the depth is known."""
    lossless: bool
    bit_rate: int | None = None
    """Bit/s for two channels; None for lossless."""
    largest: int | None = None
    """Bytes that the container's 32-bit length fields allow; None: no such limit."""


_RIFF_LIMIT: Final = 2**32 - 64 * 1024 * 1024  # room for tags and artwork behind the samples

FORMATS: Final[dict[str, Format]] = {
    format_.name: format_
    for format_ in (
        Format(name="alac", extension="m4a", container="ipod", codec="alac", lossless=True),
        Format(name="aac", extension="m4a", container="ipod", codec="aac", lossless=False, bit_rate=256_000),
        Format(name="wav", extension="wav", container="wav", codec="pcm", lossless=True, largest=_RIFF_LIMIT),
        Format(name="aiff", extension="aiff", container="aiff", codec="pcm", lossless=True, largest=_RIFF_LIMIT),
        Format(name="flac", extension="flac", container="flac", codec="flac", lossless=True),
        Format(name="mp3", extension="mp3", container="mp3", codec="mp3", lossless=False, bit_rate=320_000),
    )
}


class _Value:
    """JSON there and back; unknown keys of a newer version are ignored."""

    def as_dict(self) -> dict[str, Any]:
        """The value as JSON."""
        return asdict(self)  # type: ignore[call-overload, no-any-return]

    @classmethod
    def from_dict(cls, data: dict[str, Any]) -> Self:
        """The value that `as_dict` wrote."""
        known = {field.name for field in fields(cls)}  # type: ignore[arg-type]
        return cls(**{key: _tupled(value) for key, value in data.items() if key in known})


def _tupled(value: Any) -> Any:
    return tuple(value) if isinstance(value, list) else value


@dataclass(frozen=True, kw_only=True)
class AudioProbe(_Value):
    """What a file really contains, whatever its name says."""

    container: str
    codec: str
    lossless: bool
    """Whether the codec keeps every sample; an earlier lossy encoding of them does not show here."""
    sample_rate: int
    """Hz."""
    bit_depth: int | None
    """Bits per sample; None for a lossy codec, which has none."""
    bit_rate: int | None
    """Bit/s, as stated or averaged over the file."""
    channels: int
    duration: float
    """Seconds: decoded ones after a full probe, else as the container states them (0.0: it does not say)."""
    decoder: str
    """The decoding library with its version: PCM hashes of lossy audio hold for one decoder only."""
    damaged_packets: int = 0
    """Packets skipped in a full decode."""

    @property
    def description(self) -> str:
        """The true quality in words, as tags carry it: `opus, lossy, 128 kbit/s, 48 kHz`."""
        kind = "lossless" if self.lossless else "lossy"
        width = f"{self.bit_depth} bit" if self.bit_depth else f"{round((self.bit_rate or 0) / 1000)} kbit/s"
        known = self.bit_depth or self.bit_rate
        return ", ".join((self.codec, kind, *((width,) if known else ()), f"{self.sample_rate / 1000:g} kHz"))


@dataclass(frozen=True, kw_only=True)
class Made(_Value):
    """A file that was made here."""

    format: str
    """A key of FORMATS."""
    path: str
    codec: str
    sample_rate: int
    bit_depth: int | None
    channels: int
    duration: float
    size: int
    """Bytes."""
    sha256: str
    """Of the file's bytes, hexadecimal; changes with every tag; empty where nobody asked for it."""
    pcm_md5: str
    """Of the decoded samples: interleaved, little-endian, 16 bits in two bytes, 24 in the top of four."""
    lossless_source: bool
    """False: the container may be lossless, but what is in it came from a lossy codec."""


@dataclass(frozen=True, kw_only=True)
class Analysis(_Value):
    """What was heard; None where it could not be told."""

    duration: float
    """Seconds."""
    integrated_lufs: float | None = None
    loudness_range: float | None = None
    """LU."""
    true_peak_dbtp: float | None = None
    replay_gain_db: float | None = None
    """dB to -18 LUFS (ReplayGain 2)."""
    replay_peak: float | None = None
    """Linear; 1.0 is full scale, and lossy audio may exceed it."""
    bpm: float | None = None
    """Folded into the wanted range."""
    bpm_raw: float | None = None
    bpm_confidence: float | None = None
    """0 to 1."""
    key: str | None = None
    """Short form: `F#m`."""
    camelot: str | None = None
    open_key: str | None = None
    key_confidence: float | None = None
    key_runner_up: str | None = None
    fingerprint: str | None = None
    """Chromaprint of the first two minutes, in AcoustID's base64 form."""
    cutoff_hz: float | None = None
    """Above it is nothing, from one place to the next; None: the highs end gradually, or not at all."""
    lossless_honest: bool | None = None
    """False: the codec is lossless, but the sound ends as a lossy encoder ends it. True: it does not. None: that cannot
    be told, or the codec is lossy anyway."""
    decoder: str = ""
    version: int = ANALYSIS_VERSION
    warning: str = ""
    """Why a value is missing, when something failed rather than was silent."""

    @property
    def doubt(self) -> str:
        """What to say beside the codec's name, in words; empty when there is nothing to say."""
        return doubt(self.cutoff_hz, self.lossless_honest)


@dataclass(frozen=True, kw_only=True)
class Tags(_Value):
    """What a file says of itself. Empty and None mean "not said": on writing, such a field stays as it is."""

    title: str = ""
    artists: tuple[str, ...] = ()
    album: str = ""
    album_artist: str = ""
    genre: str = ""
    date: str = ""
    """ISO 8601, as precise as known."""
    track_number: int | None = None
    disc_number: int | None = None
    bpm: float | None = None
    key: str = ""
    camelot: str = ""
    isrc: str = ""
    label: str = ""
    """The record label."""
    catalog_number: str = ""
    comment: str = ""
    source_url: str = ""
    source_ids: tuple[str, ...] = ()
    source_audio: str = ""
    """The true source (`AudioProbe.description` and `Analysis.doubt`): no lossless container hides a lossy origin."""
    replay_gain_db: float | None = None
    replay_peak: float | None = None
    fingerprint: str = ""
    acoustid_id: str = ""
    musicbrainz_recording: str = ""


WAVEFORM_PEAKS: Final = "waveform.peaks"
WAVEFORM_PNG: Final = "waveform.png"


@dataclass(frozen=True, kw_only=True)
class WaveformFiles(_Value):
    """A track's outline, as files in the folder of the outputs."""

    peaks: str
    """Path of what `musicsyncd.analysis.waveform.decode` reads."""
    png: str
    """Path of the picture."""


@dataclass(frozen=True, kw_only=True)
class Claims(_Value):
    """What the tags of an incoming file say of its tempo and key, as they spell it, and who wrote them."""

    bpm: str = ""
    key: str = ""
    software: str = ""
    """The DJ software whose marks the file bears; empty for none."""


@dataclass(frozen=True, kw_only=True)
class Transcoded(_Value):
    """What one decode of a source gave."""

    source: AudioProbe
    pcm_md5: str
    """Of the samples that every lossless output holds."""
    outputs: tuple[Made, ...]
    analysis: Analysis | None = None
    waveform: WaveformFiles | None = None
    warnings: tuple[str, ...] = ()
    """What was wrong with the source and could be lived with."""
    claims: Claims = Claims()

    @classmethod
    def from_dict(cls, data: dict[str, Any]) -> Self:
        analysis, waveform = data.get("analysis"), data.get("waveform")
        return cls(
            source=AudioProbe.from_dict(data["source"]),
            pcm_md5=data["pcm_md5"],
            outputs=tuple(Made.from_dict(made) for made in data["outputs"]),
            analysis=Analysis.from_dict(analysis) if analysis else None,
            waveform=WaveformFiles.from_dict(waveform) if waveform else None,
            warnings=tuple(data.get("warnings", ())),
            claims=Claims.from_dict(data.get("claims", {})),
        )
