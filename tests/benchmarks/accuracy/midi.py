"""A score as a MIDI file of our own writing, played by fluidsynth through one of Debian's soundfonts."""

from __future__ import annotations

import shutil
import struct
import subprocess
import wave
from pathlib import Path
from typing import Final

import numpy as np

from tests.benchmarks.accuracy.score import Note
from tests.benchmarks.accuracy.synthesis import DRUM_PARTS, RATE, Samples

SOUNDFONTS: Final = (Path("/usr/share/sounds/sf2/FluidR3_GM.sf2"), Path("/usr/share/sounds/sf2/TimGM6mb.sf2"))
"""Of the packages fluid-soundfont-gm and timgm6mb-soundfont."""
TICKS_PER_SECOND: Final = 1000
_CHANNELS: Final = {"bass": 0, "chords": 1, "pad": 2, "lead": 3}
_DRUM_CHANNEL = 9
_PAD_PROGRAM = 89
# The General MIDI percussion key map.
_KEYS: Final = {
    "kick": 36, "snare": 38, "clap": 39, "hat": 42, "open": 46,
    "ride": 51, "rim": 37, "tom": 47, "bell": 56, "pedal": 44,
}  # fmt: skip


def played(
    notes: list[Note], seconds: float, *, programs: tuple[int, int, int], cents: float, font: Path, folder: Path
) -> Samples:
    """The notes played by a soundfont, mono at 44.1 kHz; pitched channels are bent by `cents`."""
    program = shutil.which("fluidsynth")
    if program is None or not font.exists():
        raise SystemExit(
            "fluidsynth or a soundfont is missing: apt install fluidsynth fluid-soundfont-gm timgm6mb-soundfont"
        )
    score, sound = folder / "score.mid", folder / "sound.wav"
    score.write_bytes(midi_file(notes, programs=programs, cents=cents))
    command = [program, "-ni", "-q", "-g", "0.6", "-r", str(RATE), "-T", "wav", "-F", str(sound), str(font), str(score)]
    subprocess.run(command, check=True, capture_output=True, timeout=120)
    with wave.open(str(sound)) as file:
        stereo = np.frombuffer(file.readframes(file.getnframes()), "<i2").reshape(-1, file.getnchannels())
    samples = stereo.mean(axis=1) / 32768.0
    wanted = int(seconds * RATE)
    padded: Samples = np.pad(samples[:wanted], (0, max(0, wanted - len(samples))))
    return padded


def midi_file(notes: list[Note], *, programs: tuple[int, int, int], cents: float) -> bytes:
    """A type 0 file whose ticks are milliseconds."""
    events: list[tuple[int, int, bytes]] = []
    bass, chords, lead = programs
    # The bend spans two semitones either way, as General MIDI has it.
    bend = round(8192 + 8192 * cents / 200.0)
    for channel, number in enumerate((bass, chords, _PAD_PROGRAM, lead)):
        events.append((0, 0, bytes([0xC0 | channel, number])))
        events.append((0, 1, bytes([0xE0 | channel, bend & 0x7F, bend >> 7])))
    for note in notes:
        drum = note.part in DRUM_PARTS
        channel, key = (_DRUM_CHANNEL, _KEYS[note.part]) if drum else (_CHANNELS[note.part], int(note.pitch))
        first, last = (round(moment * TICKS_PER_SECOND) for moment in (note.start, note.start + note.length))
        events.append((first, 3, bytes([0x90 | channel, key, max(1, round(110 * note.velocity))])))
        events.append((max(last, first + 1), 2, bytes([0x80 | channel, key, 0])))
    return _assembled(sorted(events))


def _assembled(events: list[tuple[int, int, bytes]]) -> bytes:
    # One quarter note is a second: a tempo of 1,000,000 µs with 1,000 ticks.
    track, now = bytearray(b"\x00\xff\x51\x03" + (1_000_000).to_bytes(3, "big")), 0
    for tick, _, message in events:
        track += _variable(tick - now) + message
        now = tick
    track += _variable(TICKS_PER_SECOND) + b"\xff\x2f\x00"
    header = b"MThd" + struct.pack(">IHHH", 6, 0, 1, TICKS_PER_SECOND)
    return header + b"MTrk" + struct.pack(">I", len(track)) + bytes(track)


def _variable(number: int) -> bytes:
    """A number in groups of seven bits, the first groups marked."""
    groups = [number & 0x7F]
    while number := number >> 7:
        groups.append(0x80 | number & 0x7F)
    return bytes(reversed(groups))
