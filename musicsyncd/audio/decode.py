"""Gives an audio file's samples in even blocks, packet by packet, skipping what is damaged. Workers only."""

from __future__ import annotations

import contextlib
import hashlib
import re
import stat
from collections.abc import Iterator
from fractions import Fraction
from functools import cached_property
from pathlib import Path
from typing import Any, Final

import av
from av.audio.frame import AudioFrame
from av.audio.resampler import AudioResampler
from av.audio.stream import AudioStream
from av.filter import Graph
from av.packet import Packet
from av.stream import Disposition

from musicsyncd.audio import headers
from musicsyncd.errors import BadInput, Denied, Temporary

BLOCK: Final = 16_384
"""Samples per block: the decoders' own 64 to 4,608 cost a fifth more CPU in all that follows."""
DEMUXERS: Final = (
    "aac,ac3,aiff,amr,ape,asf,au,caf,dsf,dts,eac3,flac,flv,matroska,mov,mp3,mp4,mpc,mpc8,mpegts,ogg,tak,tta,w64,wav,wv"
)
"""Playlists and subtitles are text that may name other files or hosts: they are not among these."""
DAMAGE_ALLOWED: Final = 0.01
"""Share of packets; a lone one, such as a cut-off last one, is forgiven."""
MISSING_ALLOWED: Final = 0.02
"""Share of the stated length; less than a second is forgiven too (encoder delay, rounded headers)."""
SHORTEST: Final = 0.1
"""Seconds: no sound that anyone would play is shorter, while a broken export may hold a single sample."""
_RATES_AGREE: Final = 0.03
"""Share by which a stated bit rate may miss the packets' own: encoder delay and rounding in a short file."""
_GIVE_UP: Final = 64
_LENIENT: Final[dict[str, Any]] = {"metadata_errors": "replace"} if int(av.__version__.partition(".")[0]) < 19 else {}
"""PyAV 19 takes what is no UTF-8 in tags as it comes, and knows the option no more."""
_HOLDS_NO_LENGTH: Final = frozenset({"aac", "ac3", "amr", "dts", "eac3", "flv", "mpegts"})

av.logging.set_level(None)  # what matters is raised or counted; stderr is for tracebacks


class Source:
    """One open audio file.

    Raises BadInput for what holds no audio that can be read; Denied and Temporary for the file system's.
    """

    def __init__(self, path: Path) -> None:
        self.path, self.name = path, path.name
        self.packets = self.damaged = self.samples = self._bytes = 0
        _refuse_if_no_file(path)
        self._container = _open(path)
        try:
            self.stream = self._best_stream()
        except BaseException:
            self._container.close()
            raise
        context = self.stream.codec_context
        self.rate, self.channels = context.sample_rate, context.channels  # until a frame says better (HE-AAC)
        context.thread_count = 1  # one core per worker: the parent decides how many workers there are
        if context.layout.name.endswith(" channels"):  # plain WAV and AIFF do not say which is left
            with contextlib.suppress(ValueError):
                context.layout = f"{context.channels}c"
        if self.codec == "flac":
            context.options = {"err_detect": "crccheck+explode"}  # without it a flipped bit is decoded as noise

    def __enter__(self) -> Source:
        return self

    def __exit__(self, *_: object) -> None:
        self._container.close()

    @property
    def codec(self) -> str:
        name = self.stream.codec_context.codec.canonical_name
        return str(name)

    @property
    def container(self) -> str:
        """FFmpeg's name of the format; of several, the one that the file's name suggests, else the first."""
        names = self._container.format.name.split(",")
        suffix = self.path.suffix.lower().lstrip(".")
        return suffix if suffix in names else names[0]

    @property
    def lossless(self) -> bool:
        """Whether this codec keeps every sample."""
        codec = self.stream.codec_context.codec
        # WavPack's hybrid mode is the one lossy mode of a codec that people use for its lossless one
        return codec.name == "wavpack" or (codec.lossless and not codec.lossy)

    @property
    def bit_depth(self) -> int | None:
        """Bits per sample of a lossless codec."""
        if not self.lossless:
            return None
        context = self.stream.codec_context
        if pcm := re.fullmatch(r"pcm_[suf](\d+)\w*", self.codec):
            return int(pcm[1])
        stated = headers.bit_depth(self.codec, context.extradata or b"")
        return stated or {"u8": 8, "s16": 16}.get(context.format.name.rstrip("p"), 24)

    @property
    def above_full_scale(self) -> bool:
        """Whether its samples may lie beyond what the outputs' integers hold, and are meant to be kept."""
        return self.lossless and self.stream.codec_context.format.name.startswith(("flt", "dbl"))

    @property
    def width(self) -> int:
        """Bits that outputs need to keep what the source has: 16 or 24."""
        return 24 if (self.bit_depth or 16) > 16 else 16

    @property
    def judged(self) -> bool:
        """Whether a lossy origin would show: the codec keeps every sample, and its own noise hides nothing."""
        return self.lossless and (self.bit_depth or 0) >= 16

    @cached_property
    def stated(self) -> float | None:
        """The length that the container states, in seconds; None where FFmpeg would only guess it."""
        format_, time_base = self._container.format.name, self.stream.time_base
        if format_ in _HOLDS_NO_LENGTH:
            return None
        if format_ == "mp3":
            return headers.mp3_seconds(self.path)
        if format_ == "flac" and not headers.flac_samples(self.stream.codec_context.extradata or b""):
            return None
        if format_ == "wav" and self.codec.startswith("pcm_") and (seconds := headers.wav_seconds(self.path)):
            return seconds
        if self.stream.duration and time_base:
            return float(self.stream.duration * time_base)
        moving = [video for video in self._container.streams.video if not video.disposition & Disposition.attached_pic]
        return self._container.duration / 1e6 if self._container.duration and not moving else None

    @property
    def expected(self) -> float:
        """The length as well as it is known beforehand, in seconds; 0.0 when it is not."""
        return self.stated or (self._container.duration or 0) / 1e6

    def bit_rate(self, *, whole: bool) -> int | None:
        """Of the sound alone; `whole` when all of it has been decoded, else as it is stated.

        What is stated may be a first frame's (MP3 of changing rate), and a container's counts its cover as sound.
        """
        stated = self.stream.codec_context.bit_rate or self.stream.bit_rate
        if whole or not (stated or self.lossless):
            seconds = self.seconds if whole else self._skim()
            heard = round(self._bytes * 8 / seconds) if seconds else 0
            return stated if stated and abs(heard - stated) <= stated * _RATES_AGREE else heard or stated
        return stated or self._container.bit_rate or None

    def _skim(self) -> float:
        """Reads the packets to come without decoding them: their bytes are counted, the stated length is given."""
        for _ in self._packets():
            pass
        return self.expected

    @property
    def metadata(self) -> dict[str, str]:
        """Whatever tags FFmpeg reads, for containers whose tags we have no table for."""
        return {key.upper(): text for key, text in (self._container.metadata | self.stream.metadata).items()}

    def picture(self) -> bytes | None:
        """The embedded cover, as its own file format."""
        for video in self._container.streams.video:
            if video.disposition & Disposition.attached_pic:
                with contextlib.suppress(av.FFmpegError, StopIteration):
                    return bytes(next(packet for packet in self._container.demux(video) if packet.size))
        return None

    def blocks(self) -> Iterator[AudioFrame]:
        """Every sample in blocks of BLOCK, in the decoder's own sample format; the last block is shorter."""
        regroup = AudioResampler(frame_size=BLOCK)
        for frame in self.frames():
            yield from regroup.resample(frame)
        yield from regroup.resample(None)

    def frames(self) -> Iterator[AudioFrame]:
        """Every sample in frames as short as the decoder gives them: for who converts them anyway."""
        for frame in self._trimmed_frames():
            frame.pts, self.samples = self.samples, self.samples + frame.samples
            yield frame

    def _trimmed_frames(self) -> Iterator[AudioFrame]:
        """Frames without the padding of an MP4's last one, which FFmpeg's own program leaves out too."""
        last: AudioFrame | None = None
        count = 0
        for frame in self._even_frames():
            if last:
                yield last
            last, count = frame, count + frame.samples
        if last:
            stated = self.stream.duration if self._container.format.name.startswith("mov,") else None
            exact = self.stream.time_base == Fraction(1, last.sample_rate)
            padding = count - stated if stated and exact else 0
            yield _head(last, last.samples - padding) if 0 < padding < last.samples else last

    def _even_frames(self) -> Iterator[AudioFrame]:
        """Frames in the first one's format: some streams change rate or layout half-way (HE-AAC)."""
        first: tuple[str, str, int] | None = None
        converters: dict[tuple[str, str, int], AudioResampler] = {}
        for frame in self._frames():
            kind = (frame.format.name, frame.layout.name, frame.sample_rate)
            if first is None:
                first, self.rate, self.channels = kind, frame.sample_rate, frame.layout.nb_channels
            if kind == first:
                yield frame
            else:
                convert = converters.setdefault(kind, AudioResampler(*first))
                frame.pts = None
                yield from convert.resample(frame)

    def _frames(self) -> Iterator[AudioFrame]:
        for packet in self._packets():
            self.packets += 1 if packet.size else 0
            if packet.is_corrupt:
                self.damaged += 1
                continue
            try:
                yield from packet.decode()
            except av.FFmpegError:
                self.damaged += 1 if packet.size else 0

    def _packets(self) -> Iterator[Packet[AudioStream]]:
        """Packets, and last the empty one that empties the decoder; goes on behind what cannot be read."""
        for _ in range(_GIVE_UP):
            try:
                for packet in self._container.demux(self.stream):
                    self._bytes += packet.size
                    yield packet
                return
            except av.FFmpegError:
                self.packets, self.damaged = self.packets + 1, self.damaged + 1

    def _best_stream(self) -> AudioStream:
        stream = self._container.streams.best("audio")
        if not isinstance(stream, AudioStream):
            raise BadInput(f"{self.name} holds no audio", fix="Give a file with an audio stream")
        # a codec that FFmpeg has no decoder for gives a stream without a context, whatever the types say
        if not getattr(stream.codec_context, "sample_rate", 0) or not stream.codec_context.channels:
            why = "Its codec is not known, or it states no rate or no channels"
            raise BadInput(f"{self.name} holds no audio that can be read", why=why)
        return stream

    @property
    def seconds(self) -> float:
        """What was decoded so far."""
        return self.samples / self.rate

    def refuse_if_broken(self) -> None:
        """After a full decode: BadInput when what came out is not what the file promises."""
        if not self.samples:
            why = "Not one sample could be decoded"
            raise BadInput(f"{self.name} holds no audio", why=why, fix="Get the file again")
        if self.damaged > max(1, self.packets * DAMAGE_ALLOWED):
            why = f"{self.damaged} of its {self.packets} packets cannot be decoded"
            raise BadInput(f"{self.name} is damaged", why=why, fix="Get the file again")
        if self._missing > max(1.0, (self.stated or 0.0) * MISSING_ALLOWED):
            why = f"It says that it lasts {self.stated:.1f} s and holds {self.seconds:.1f} s"
            raise BadInput(f"{self.name} is not whole", why=why, fix="Get the file again")
        if self._container.format.name == "ogg" and not headers.ogg_ends(self.path):  # it states no length
            why = "It ends without its end mark: it was cut short"
            raise BadInput(f"{self.name} is not whole", why=why, fix="Get the file again")

    def refuse_if_too_short(self) -> None:
        """After a full decode: BadInput when what came out is hardly a click."""
        if self.seconds < SHORTEST:
            raise BadInput(f"{self.name} is too short to be music", why=f"It holds less than {SHORTEST} s of audio")

    def doubts(self) -> tuple[str, ...]:
        """What is wrong with the file and can be lived with, after a full decode."""
        found = []
        if self.damaged:
            found.append(f"{self.damaged} of {self.packets} packets were damaged and left out")
        if self.lossless and self._missing > 0.01:  # a lossy codec's delay makes such a difference by itself
            found.append(f"{self._missing:.2f} s of what it states are missing")
        return tuple(found)

    @property
    def _missing(self) -> float:
        return max(0.0, (self.stated or 0.0) - self.seconds)


class Samples:
    """Turns blocks into interleaved integers of one width and one rate: what every output is made from."""

    def __init__(self, width: int, rate: int | None = None) -> None:
        """`width` is 16 or 24 bits, `rate` in Hz (None: as it comes)."""
        self.width = width
        format_ = "s16" if width == 16 else "s32"
        self._convert = AudioResampler(format=format_, rate=rate, frame_size=BLOCK)
        self._md5 = hashlib.md5(usedforsecurity=False)
        self.count = 0

    def feed(self, heard: AudioFrame | None) -> Iterator[AudioFrame]:
        """Frames of any length as blocks in the wanted form (None: what is left), counted and hashed."""
        for frame in self._convert.resample(heard):
            if self.width == 24:
                _cut_to_24_bits(frame)
            self._md5.update(memoryview(frame.planes[0])[: self._bytes(frame)])
            frame.pts, self.count = self.count, self.count + frame.samples
            yield frame

    def _bytes(self, frame: AudioFrame) -> int:
        return frame.samples * frame.layout.nb_channels * (2 if self.width == 16 else 4)

    @property
    def md5(self) -> str:
        """Of all samples so far: little-endian, interleaved, 16 bits in two bytes, 24 in the top of four."""
        return self._md5.hexdigest()


def _cut_to_24_bits(frame: AudioFrame) -> None:
    """Without the eight bits that no 24-bit file could keep."""
    import numpy as np  # a third of a worker's start, which most sources need not pay

    integers = np.frombuffer(memoryview(frame.planes[0]), np.int32)
    np.bitwise_and(integers, -256, out=integers)


def _head(frame: AudioFrame, samples: int) -> AudioFrame:
    """The frame's first samples."""
    graph, frame.pts = Graph(), 0
    source = graph.add(
        "abuffer",
        sample_rate=str(frame.sample_rate),
        sample_fmt=frame.format.name,
        channel_layout=frame.layout.name,
        time_base=f"1/{frame.sample_rate}",
    )
    trim, sink = graph.add("atrim", end_sample=str(samples)), graph.add("abuffersink")
    source.link_to(trim)
    trim.link_to(sink)
    graph.configure()
    graph.push(frame)
    head = graph.pull()
    assert isinstance(head, AudioFrame)
    return head


def pcm_md5(path: Path) -> str:
    """The hash of a file's decoded samples; BadInput when it cannot be decoded whole."""
    with Source(path) as source:
        samples = Samples(source.width)
        for frame in source.frames():
            for _ in samples.feed(frame):
                pass
        for _ in samples.feed(None):
            pass
        source.refuse_if_broken()
        return samples.md5


def _refuse_if_no_file(path: Path) -> None:
    """A pipe or a device would hold a worker until its deadline."""
    try:
        facts = path.stat()
    except PermissionError as error:
        raise Denied(f"{path.name} may not be read", why=str(error.strerror)) from error
    except (FileNotFoundError, NotADirectoryError) as error:
        raise BadInput(f"{path.name} is not there", why=f"Nothing stands at {path}") from error
    except OSError as error:
        raise Temporary(f"{path.name} cannot be read now", why=str(error.strerror)) from error
    if not stat.S_ISREG(facts.st_mode):
        raise BadInput(f"{path.name} is no file", fix="Give the path of an audio file")
    if not facts.st_size:
        raise BadInput(f"{path.name} is empty", fix="Get the file again")


def _open(path: Path) -> av.container.InputContainer:
    # "file:" keeps a name such as "concat:a|b" from being taken for a protocol
    try:
        container: av.container.InputContainer = av.open(
            f"file:{path}",
            mode="r",
            options={"format_whitelist": DEMUXERS, "protocol_whitelist": "file"},
            **_LENIENT,
        )
        return container
    except PermissionError as error:
        raise Denied(f"{path.name} may not be read", why=str(error)) from error
    except (av.FFmpegError, ValueError) as error:
        why = getattr(error, "strerror", None) or str(error)
        raise BadInput(f"{path.name} is no audio file that can be read", why=why, fix="Give an audio file") from error
