"""The section [[volumes]] of config.toml."""

from __future__ import annotations

from typing import Annotated, Final

from pydantic import AfterValidator, Field

from musicsyncd.audio.section import Formats
from musicsyncd.errors import ConfigInvalid
from musicsyncd.library import naming
from musicsyncd.section import Place, Section, Size

DEFAULT_LAYOUT: Final = "{artist}/{artist} - {title}"


def check_layout(layout: str) -> str:
    """The template itself, if file names can be made of it; ValueError otherwise."""
    try:
        naming.check_layout(layout)
    except ConfigInvalid as error:
        raise ValueError(f"cannot name files ({error.why})") from error
    return layout


class VolumeSection(Section):
    """A place where finished files are kept."""

    name: str = Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$")
    """What the volume is called here; no default."""
    path: Place
    """Its root folder; no default."""
    formats: Formats
    """Which formats are kept there; default: those of [output]."""
    layout: Annotated[str, AfterValidator(check_layout)] = DEFAULT_LAYOUT
    """Template of a file's path below the root, without extension; default "{artist}/{artist} - {title}"."""
    min_free: Size = 1024**3
    """Bytes that stay free: a volume with less takes nothing more; default 1 GiB."""
    required: bool = True
    """Whether a track counts as partial while this volume is away; default true."""
