"""The sections [output] and [analysis] of config.toml."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import AfterValidator, Field

from musicsyncd.music.precedence import ORIGINS, Origin
from musicsyncd.section import Section

Format = Literal["alac", "aac", "wav", "aiff", "flac", "mp3"]


def check_formats(formats: tuple[Format, ...]) -> tuple[Format, ...]:
    """The formats themselves, if there is one and none twice; ValueError otherwise."""
    if not formats:
        raise ValueError("must name at least one format")
    if len(set(formats)) < len(formats):
        raise ValueError("must name each format once")
    return formats


def check_sample_rate(rate: int) -> int:
    """The rate itself, if it is 0 or one that audio files have; ValueError otherwise."""
    if rate and not 8000 <= rate <= 384000:
        raise ValueError("must be 0 (as the source) or between 8000 and 384000 Hz")
    return rate


def check_origins(origins: tuple[Origin, ...]) -> tuple[Origin, ...]:
    """The origins themselves, if there is one and none twice; ValueError otherwise."""
    if not origins:
        raise ValueError("must name at least one origin")
    if len(set(origins)) < len(origins):
        raise ValueError("must name each origin once")
    return origins


Origins = Annotated[tuple[Origin, ...], AfterValidator(check_origins)]
"""Origins without repetition, the first that speaks counts."""

Formats = Annotated[tuple[Format, ...], AfterValidator(check_formats)]
"""Formats without repetition, at least one."""


class OutputSection(Section):
    """What files are made of a track."""

    formats: Formats = ("alac", "wav", "aiff")
    """Which of alac, aac, wav, aiff, flac, mp3; default alac, wav, aiff: one for each kind of DJ software."""
    sample_rate: Annotated[int, AfterValidator(check_sample_rate)] = 0
    """Hz; default 0 = as the source, so that nothing is resampled without need."""
    depth: Literal["source", 16, 24] = "source"
    """Bits per sample of lossless files; default "source" = as the source."""


class AnalysisSection(Section):
    """How tempo is stated, and whose tempo and key count."""

    tempo_low: float = Field(70.0, ge=30, le=300)
    """Beats per minute: the lowest tempo that is stated; default 70."""
    tempo_high: float = Field(180.0, ge=30, le=600)
    """Beats per minute below which a tempo is stated, at least twice `tempo_low`; default 180."""
    bpm_from: Origins = ORIGINS
    """Whose tempo counts, the first that has one; default person, dj, file, ours: a DJ's value before our own."""
    key_from: Origins = ORIGINS
    """The same for the key."""
