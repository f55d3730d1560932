"""Drums and voices from oscillators and noise: a score in, samples out, at 44.1 kHz."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Final

import numpy as np
from numpy.typing import NDArray

from tests.benchmarks.accuracy.score import Generator, Note

RATE: Final = 44_100
Samples = NDArray[np.float64]
Voice = Callable[[Generator, float, float], Samples]
DRUM_PARTS: Final = frozenset({"kick", "snare", "clap", "hat", "open", "ride", "rim", "tom", "bell", "pedal"})


def synthesised(notes: list[Note], seconds: float, *, cents: float, seed: int) -> Samples:
    """The notes with sounds drawn once for the track; pitched parts are detuned by `cents`."""
    generator = np.random.default_rng(seed)
    kit = _kit(generator)
    buses = {part: np.zeros(int((seconds + 4.0) * RATE)) for part in sorted({note.part for note in notes})}
    voices = {part: _voice(generator, part) for part in ("bass", "chords", "pad", "lead")}
    known: dict[tuple[str, float, int], Samples] = {}
    for note in notes:
        if note.part in DRUM_PARTS:
            sound = kit[note.part](generator)
        else:
            key = (note.part, note.pitch, round(note.length * 200))
            if key not in known:
                hertz = 440.0 * 2.0 ** ((note.pitch - 69 + cents / 100.0) / 12.0)
                known[key] = voices[note.part](generator, hertz, note.length)
            sound = known[key]
        first = int(note.start * RATE)
        part = buses[note.part][first : first + len(sound)]
        part += note.velocity * sound[: len(part)]
    return _mixed(generator, buses)[: int(seconds * RATE)]


def _mixed(generator: Generator, buses: dict[str, Samples]) -> Samples:
    """Buses filtered, weighted and, in half the tracks with a kick, ducked by it."""
    gains = {"kick": 1.0, "snare": 0.7, "clap": 0.6, "bass": 0.7, "chords": 0.5, "pad": 0.35, "lead": 0.45}
    duck = _ducking(buses["kick"]) if "kick" in buses and generator.random() < 0.5 else None
    total = np.zeros(len(next(iter(buses.values()))))
    for part, bus in buses.items():
        level = gains.get(part, 0.35) * generator.uniform(0.6, 1.25)
        if part not in DRUM_PARTS:
            level /= max(float(np.sqrt(np.mean(bus**2))) * 6.0, 1e-6)
            bus = bus if duck is None or part == "lead" else bus * duck
        total += level * bus
    if generator.random() < 0.5:
        total = _echoed(generator, total)
    return total


def _ducking(kick: Samples) -> Samples:
    """A gain that drops with each kick and comes back within about 150 ms."""
    step = RATE // 100
    level = np.abs(kick[: len(kick) // step * step]).reshape(-1, step).max(axis=1)
    held, now = np.empty(len(level)), 0.0
    for index, value in enumerate(level):
        now = max(float(value), now * 0.88)
        held[index] = now
    gain = 1.0 - 0.7 * np.minimum(held, 1.0)
    return np.interp(np.arange(len(kick)) / step, np.arange(len(gain)), gain)


def _echoed(generator: Generator, samples: Samples) -> Samples:
    """A room: decaying noise, convolved."""
    length = int(RATE * generator.uniform(0.2, 1.2))
    tail = generator.normal(0, 1, length) * np.exp(-6.0 * np.arange(length) / length)
    size = 1 << (len(samples) + length - 1).bit_length()
    wet = np.fft.irfft(np.fft.rfft(samples, size) * np.fft.rfft(tail, size), size)[: len(samples)]
    share = generator.uniform(0.03, 0.15) * np.abs(samples).max() / max(np.abs(wet).max(), 1e-9)
    mixed: Samples = samples + share * wet
    return mixed


def shaped(samples: Samples, gain: Callable[[Samples], Samples]) -> Samples:
    """A filter by its gain over frequency in Hz."""
    size = 1 << (len(samples) - 1).bit_length()
    spectrum = np.fft.rfft(samples, size) * gain(np.fft.rfftfreq(size, 1.0 / RATE).astype(np.float64))
    return np.fft.irfft(spectrum, size)[: len(samples)]


def _kit(generator: Generator) -> dict[str, Callable[[Generator], Samples]]:
    """Drum sounds with a character of their own for each track."""
    draw = generator.uniform
    return {
        "kick": partial(_kick, base=draw(42, 60), decay=draw(6, 16), click=draw(0, 0.4)),
        "snare": partial(_hit, tone=draw(160, 240), body=draw(0.3, 0.8), decay=draw(12, 28), seconds=0.3, bright=0.3),
        "clap": partial(_hit, tone=0.0, body=0.0, decay=draw(14, 26), seconds=0.3, bright=0.6),
        "hat": partial(_hit, tone=0.0, body=0.0, decay=draw(50, 110), seconds=0.1, bright=1.0),
        "open": partial(_hit, tone=0.0, body=0.0, decay=draw(9, 20), seconds=0.3, bright=1.0),
        "ride": partial(_hit, tone=draw(3000, 5000), body=0.3, decay=draw(5, 10), seconds=0.5, bright=1.0),
        "rim": partial(_hit, tone=draw(700, 1800), body=1.0, decay=draw(60, 100), seconds=0.1, bright=0.6),
        "tom": partial(_kick, base=draw(80, 160), decay=draw(10, 18), click=0.1),
        "bell": partial(_hit, tone=draw(500, 900), body=1.0, decay=draw(12, 25), seconds=0.3, bright=0.5),
        "pedal": partial(_hit, tone=0.0, body=0.0, decay=90.0, seconds=0.08, bright=1.0),
    }


def _kick(generator: Generator, *, base: float, decay: float, click: float) -> Samples:
    time = np.arange(int(0.45 * RATE)) / RATE
    phase = base * time + 4.5 * (1.0 - np.exp(-35.0 * time))
    sound: Samples = np.sin(2 * np.pi * phase) * np.exp(-decay * time)
    sound[:200] += click * generator.normal(0, 0.5, 200) * np.linspace(1, 0, 200)
    return sound


def _hit(generator: Generator, *, tone: float, body: float, decay: float, seconds: float, bright: float) -> Samples:
    """Noise and a tone, both dying away; `bright` 1 leaves only the noise's highest part."""
    time = np.arange(int(seconds * RATE)) / RATE
    hiss = generator.normal(0, 0.4, len(time) + 1)
    noise = (1.0 - bright) * hiss[1:] + bright * np.diff(hiss)
    sound: Samples = (noise + body * np.sin(2 * np.pi * tone * time)) * np.exp(-decay * time)
    return sound


def _voice(generator: Generator, part: str) -> Voice:
    """One of several instruments for a part."""
    draw = generator.uniform
    if part == "bass":
        kinds: list[Voice] = [
            partial(_sub, drive=draw(0.5, 4.0)),
            partial(_saw, cutoff=draw(250, 1200), spread=0.0, decay=draw(1, 6), attack=0.004),
            partial(_saw, cutoff=draw(200, 700), spread=draw(5, 18), decay=0.3, attack=0.01),
        ]
    elif part == "lead":
        kinds = [
            partial(_saw, cutoff=draw(1500, 6000), spread=draw(0, 12), decay=draw(0.5, 3), attack=0.01),
            partial(sung, formant=draw(500, 900), depth=draw(15, 45)),
            partial(_bell, ratio=draw(1.5, 3.6), decay=draw(2, 6)),
        ]
    elif part == "pad":
        kinds = [partial(_saw, cutoff=draw(600, 2500), spread=draw(6, 16), decay=0.1, attack=0.25)]
    else:
        kinds = [
            partial(_saw, cutoff=draw(900, 5000), spread=draw(4, 18), decay=draw(0.5, 5), attack=0.005),
            partial(_strings, brightness=draw(0.8, 2.0), decay=draw(1.5, 5)),
            partial(_bell, ratio=2.0, decay=draw(2, 5)),
        ]
    return kinds[int(generator.integers(len(kinds)))]


def _envelope(count: int, length: float, *, attack: float, decay: float) -> Samples:
    """Rise, exponential decay, and a release of 60 ms after the note's length."""
    time = np.arange(count) / RATE
    released = np.exp(-np.maximum(time - length, 0.0) / 0.02)
    return np.minimum(time / attack, 1.0) * np.exp(-decay * time) * released


def _sub(generator: Generator, hertz: float, length: float, *, drive: float) -> Samples:
    time = np.arange(int((length + 0.08) * RATE)) / RATE
    sound = np.tanh(drive * np.sin(2 * np.pi * hertz * time)) / np.tanh(drive)
    driven: Samples = sound * _envelope(len(time), length, attack=0.005, decay=0.8)
    return driven


def _saw(
    generator: Generator, hertz: float, length: float, *, cutoff: float, spread: float, decay: float, attack: float
) -> Samples:
    """Sawtooths a few cents apart, built from partials under the cut-off so that nothing aliases."""
    time = np.arange(int((length + 0.08) * RATE)) / RATE
    sound = np.zeros(len(time))
    for cents in (-spread, 0.0, spread) if spread else (0.0,):
        exact = hertz * 2.0 ** (cents / 1200.0)
        turn = np.exp(2j * np.pi * (exact * time + generator.random()))
        partial_, wave = turn.copy(), np.zeros(len(time))
        for number in range(1, max(2, min(24, int(3 * cutoff / exact)))):
            wave += partial_.imag / number / np.sqrt(1.0 + (number * exact / cutoff) ** 4)
            partial_ *= turn
        sound += wave
    return sound * _envelope(len(time), length, attack=attack, decay=decay)


def sung(generator: Generator, hertz: float, length: float, *, formant: float, depth: float) -> Samples:
    """A voice: a glide into the note, vibrato, and two formants."""
    time = np.arange(int((length + 0.08) * RATE)) / RATE
    cents = depth * np.sin(2 * np.pi * 5.5 * time) * np.minimum(time / 0.3, 1.0) - 80.0 * np.exp(-time / 0.04)
    phase = np.cumsum(hertz * 2.0 ** (cents / 1200.0)) / RATE
    sound = np.zeros(len(time))
    for number in range(1, 18):
        at = number * hertz
        gain = sum(1.0 / (1.0 + ((at - centre) / 160.0) ** 2) for centre in (formant, 2.2 * formant)) + 0.08 / number
        sound += gain * np.sin(2 * np.pi * number * phase)
    return sound * _envelope(len(time), length, attack=0.04, decay=0.4)


def _bell(generator: Generator, hertz: float, length: float, *, ratio: float, decay: float) -> Samples:
    """Frequency modulation, as electric pianos and bells of the eighties."""
    time = np.arange(int((length + 0.5) * RATE)) / RATE
    modulator = 1.4 * np.exp(-4.0 * time) * np.sin(2 * np.pi * hertz * round(2 * ratio) / 2 * time)
    sound: Samples = np.sin(2 * np.pi * hertz * time + modulator)
    return sound * _envelope(len(time), length + 0.3, attack=0.003, decay=decay)


def _strings(generator: Generator, hertz: float, length: float, *, brightness: float, decay: float) -> Samples:
    """Struck or plucked strings: partials that die the faster the higher they are, a little stretched."""
    time = np.arange(int((length + 0.15) * RATE)) / RATE
    sound = np.zeros(len(time))
    for number in range(1, 11):
        at = hertz * number * np.sqrt(1.0 + 0.0002 * number**2)
        sound += np.sin(2 * np.pi * at * time) * np.exp(-decay * number**0.7 * time) / number**brightness
    return sound * _envelope(len(time), length, attack=0.003, decay=0.2)
