"""Makes the demo's tracks: `python -m musicsyncd.demo.compose FOLDER`, by hand when the music is to change.

Three pieces of our own and one broken file: Night Ferry in two encodings, so that a duplicate is found,
Lantern Street lossless, Glass Harbour lossy, and an error page that was saved as an MP3.
"""

from __future__ import annotations

import struct
import sys
import zlib
from pathlib import Path
from typing import Final

import av
import mutagen.flac
import mutagen.id3
import mutagen.oggopus
import numpy as np
from numpy.typing import NDArray

from musicsyncd.demo.synth import (
    RATE,
    Samples,
    Score,
    bass,
    bell,
    hertz,
    kick,
    noise,
    pad,
    square,
    stab,
    triangle,
)

ALBUM: Final = "Harbour Lights"
ERROR_PAGE: Final = b"""<!DOCTYPE html>
<html><head><title>503 Service Unavailable</title></head>
<body><h1>503 Service Unavailable</h1><p>The upload did not finish. Please try again later.</p></body></html>
"""


def night_ferry() -> Samples:
    """House at 122 BPM in A minor: eleven bars, four to the floor, a bell that answers the chords."""
    bars = 11
    chords = ((57, 60, 64), (57, 60, 64), (53, 57, 60), (52, 55, 59))  # Am Am F Em
    roots = (33, 33, 29, 28)
    melody = ((0.0, 76), (0.75, 74), (1.5, 72), (2.5, 69), (4.0, 72), (4.75, 74), (5.5, 76), (6.5, 81))
    music, drums = Score(122, 4 * bars), Score(122, 4 * bars)
    for bar in range(bars):
        at, harmony = 4.0 * bar, bar % 4 if bar < bars - 1 else 0
        music.chord(at, 4, chords[harmony], pad, 0.22)
        for step in (0.5, 1.5, 2.5, 3.25):
            music.chord(at + step, 0.5, [note + 12 for note in chords[harmony]], stab, 0.1)
        for step, octave in ((0.5, 0), (1.0, 12), (1.5, 0), (2.5, 0), (3.5, 0), (3.75, 12)):
            music.put(at + step, bass(hertz(roots[harmony] + octave), 0.24), gain=0.4)
    lead = Score(122, 4 * bars)
    for start in range(4, 4 * bars - 8, 16):
        for step, note in melody:
            lead.put(start + step, bell(hertz(note), 0.6), gain=0.22, pan=0.2)
    lead.echo(0.75, 0.35)
    music.add(lead)
    music.duck(0.55)
    _four_to_the_floor(drums, bars)
    music.add(drums)
    return music.mastered()


def _four_to_the_floor(drums: Score, bars: int) -> None:
    for bar in range(bars):
        for beat in range(4):
            drums.put(4 * bar + beat, kick(), gain=0.9)
            drums.put(4 * bar + beat + 0.5, noise(0.12, 0.03, seed=2, bright=True), gain=0.22, pan=0.15)
            drums.put(4 * bar + beat + 0.75, noise(0.06, 0.012, seed=3, bright=True), gain=0.1, pan=-0.2)
        for beat in (1, 3):
            drums.put(4 * bar + beat, noise(0.2, 0.05, seed=4, smooth=4), gain=0.6)


def lantern_street() -> Samples:
    """Chip dub at 140 BPM in D minor, mono and in few steps, so that it packs well without loss."""
    bars = 9
    chords = ((62, 65, 69), (62, 65, 69), (58, 62, 65), (57, 60, 64))  # Dm Dm Bb Am
    roots = (38, 38, 34, 33)
    riff = ((0, 74), (0.5, 77), (1.5, 76), (2, 74), (3, 69))
    score = Score(140, 4 * bars)
    for bar in range(bars):
        at, harmony = 4.0 * bar, bar % 4 if bar < bars - 1 else 0
        for step in (0.0, 0.75, 1.5, 2.5, 3.0):
            score.put(at + step, triangle(hertz(roots[harmony] + (12 if step == 2.5 else 0)), 0.2), gain=0.5)
        for index, note in enumerate(chords[harmony] * 2):
            score.put(at + 1.0 + (index + 2 * (index // 3)) * 0.25, square(hertz(note), 0.1), gain=0.2)
        if bar % 4 in (1, 2):
            for step_at, note in riff:
                score.put(at + step_at, square(hertz(note), 0.2), gain=0.16)
        score.put(at, kick(), gain=0.9)
        score.put(at + 2.75, kick(), gain=0.8)
        score.put(at + 2, noise(0.08, 0.03, seed=5), gain=0.4)
        for step in range(4):
            score.put(at + step + 0.5, noise(0.02, 0.006, seed=6), gain=0.2)
    mono = score.samples.mean(axis=0, keepdims=True)
    coarse: Samples = np.round(mono / np.max(np.abs(mono)) * 0.9 * 48) / 64
    return coarse


def glass_harbour() -> Samples:
    """A slow harbour scene at 100 BPM in F major: broken chords, a bass line and brushes."""
    bars = 8
    chords = ((65, 69, 72), (58, 62, 65), (60, 64, 67), (65, 69, 72))  # F Bb C F
    roots = (41, 34, 36, 41)
    tune = ((0, 77), (1, 76), (2, 72), (3, 69), (3.5, 70))
    score, bells = Score(100, 4 * bars), Score(100, 4 * bars)
    for bar in range(bars):
        at, harmony = 4.0 * bar, bar % 4
        score.chord(at, 4, [note - 12 for note in chords[harmony]], pad, 0.3)
        for step in range(8):
            note = chords[harmony][(0, 1, 2, 1)[step % 4]] + (12 if step >= 4 else 0)
            bells.put(at + step / 2, bell(hertz(note), 0.5), gain=0.2, pan=0.5 - step / 8)
        for step in (0, 2, 3):
            score.put(at + step, bass(hertz(roots[harmony]), 0.5), gain=0.4)
        score.put(at, kick(), gain=0.6)
        score.put(at + 2, kick(), gain=0.5)
        for step in (1, 3):
            score.put(at + step, noise(0.18, 0.05, seed=7, smooth=3), gain=0.35)
        for step in range(8):
            score.put(at + step / 2, noise(0.08, 0.02, seed=8, bright=True), gain=0.1)
        if bar % 4 in (0, 3):
            for step_at, note in tune:
                bells.put(at + step_at, bell(hertz(note), 0.9), gain=0.25)
    bells.echo(0.75, 0.3)
    score.add(bells)
    return score.mastered()


def encode(samples: Samples, path: Path, codec: str, *, rate: int = RATE, bit_rate: int | None = None) -> None:
    """Write samples of shape (channels, length) with an encoder of FFmpeg's; the suffix is the container."""
    layout = "mono" if len(samples) == 1 else "stereo"
    frame = av.AudioFrame.from_ndarray(_interleaved(samples), format="s16", layout=layout)
    frame.sample_rate = RATE
    # Without bitexact each Ogg stream gets a random serial number, and every run other files.
    with av.open(path, "w", options={"fflags": "+bitexact"}) as container:
        stream = container.add_stream(codec, rate=rate)
        assert isinstance(stream, av.AudioStream)
        stream.layout = layout
        if bit_rate:
            stream.bit_rate = bit_rate
        else:
            stream.options = {"compression_level": "12"}
        sample_format = (
            stream.codec_context.codec.audio_formats[0] if stream.codec_context.codec.audio_formats else "s16"
        )
        resampler = av.AudioResampler(format=sample_format, layout=layout, rate=rate)
        for part in (frame, None):
            for resampled in resampler.resample(part):
                container.mux(stream.encode(resampled))
        container.mux(stream.encode(None))


def _interleaved(samples: Samples) -> NDArray[np.int16]:
    return np.clip(np.round(samples.T * 32768), -32768, 32767).astype(np.int16).reshape(1, -1)


def cover(side: int = 240) -> bytes:
    """A PNG of a harbour at night: dark sky above, light on water below."""
    across, down = np.meshgrid(np.linspace(-1, 1, side), np.linspace(0, 1, side))
    lamp = np.exp(-((across + 0.3) ** 2 + (down - 0.4) ** 2) * 60)
    water = np.where(down > 0.6, 0.5 + 0.5 * np.sin(down * 90), 0.0) * np.exp(-((across + 0.3) ** 2) * 12)
    red, green, blue = lamp + 0.6 * water, 0.8 * lamp + 0.4 * water, 0.15 + 0.25 * down + 0.3 * lamp
    pixels = (np.clip(np.stack([red, green, blue], axis=2), 0, 1) * 31).astype(np.uint8) * 8
    rows = b"".join(b"\0" + row.tobytes() for row in pixels)
    head = struct.pack(">IIBBBBB", side, side, 8, 2, 0, 0, 0)
    chunks = ((b"IHDR", head), (b"IDAT", zlib.compress(rows, 9)), (b"IEND", b""))
    return b"\x89PNG\r\n\x1a\n" + b"".join(_chunk(name, data) for name, data in chunks)


def _chunk(name: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))


def _tag_mp3(path: Path) -> None:
    tags = mutagen.id3.ID3()
    tags.add(mutagen.id3.TIT2(encoding=3, text="Night Ferry"))
    tags.add(mutagen.id3.TPE1(encoding=3, text="Ada Voss"))
    tags.add(mutagen.id3.TALB(encoding=3, text=ALBUM))
    tags.add(mutagen.id3.TCON(encoding=3, text="House"))
    tags.add(mutagen.id3.TDRC(encoding=3, text="2026-11-20"))
    tags.add(mutagen.id3.APIC(encoding=3, mime="image/png", type=3, desc="Cover", data=cover()))
    tags.save(path)


def _tag_comments(path: Path, **comments: str) -> None:
    audio = mutagen.flac.FLAC(path) if path.suffix == ".flac" else mutagen.oggopus.OggOpus(path)
    audio.update({name: [text] for name, text in comments.items()})
    audio.save()


def compose(folder: Path) -> None:
    """Write the five files of the demo into a folder."""
    folder.mkdir(parents=True, exist_ok=True)
    ferry = night_ferry()
    encode(ferry, folder / "Ada Voss - Night Ferry.mp3", "libmp3lame", bit_rate=80_000)
    _tag_mp3(folder / "Ada Voss - Night Ferry.mp3")
    encode(ferry, folder / "Ada Voss - Night Ferry.opus", "libopus", rate=48_000, bit_rate=36_000)
    dub = folder / "Ada Voss - Lantern Street (Dub).flac"
    encode(lantern_street(), dub, "flac")
    _tag_comments(dub, title="Lantern Street (Dub)", artist="Ada Voss", album=ALBUM, genre="Dub", date="2026-11-20")
    harbour = folder / "Tomo Rell - Glass Harbour.ogg"
    encode(glass_harbour(), harbour, "libopus", rate=48_000, bit_rate=30_000)
    _tag_comments(harbour, title="Glass Harbour", artist="Tomo Rell", genre="Downtempo", date="2026-11-20")
    (folder / "Broken Upload.mp3").write_bytes(ERROR_PAGE)


if __name__ == "__main__":
    compose(Path(sys.argv[1]))
