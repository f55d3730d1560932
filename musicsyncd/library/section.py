"""The sections [[volumes]] and [eagle] of config.toml."""

from __future__ import annotations

from typing import Annotated, Final

from pydantic import AfterValidator, Field, SecretStr

from musicsyncd.audio.section import Formats
from musicsyncd.errors import ConfigInvalid
from musicsyncd.library import naming
from musicsyncd.library.base import target_of
from musicsyncd.section import BaseUrl, Duration, Place, Section, Size

DEFAULT_LAYOUT: Final = "{artist}/{artist} - {title}"


def check_layout(layout: str) -> str:
    """The template itself, if file names can be made of it; ValueError otherwise."""
    try:
        naming.check_layout(layout)
    except ConfigInvalid as error:
        raise ValueError(f"cannot name files ({error.why})") from error
    return layout


def check_name(name: str) -> str:
    """The name itself, if no other shelf goes by it; ValueError otherwise."""
    if name == "eagle":
        raise ValueError("is what Eagle's library goes by; name the volume otherwise")
    return name


class VolumeSection(Section):
    """A place where finished files are kept."""

    name: Annotated[str, AfterValidator(check_name)] = Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$")
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
    hands_over: bool = False
    """Whether another program takes the files away from here; default false."""

    @property
    def target(self) -> str:
        """Its name in evidence."""
        return target_of(self.name, hands_over=self.hands_over)


class EagleSection(Section):
    """Eagle, which keeps files in a library of its own."""

    enabled: bool = False
    """Whether files are imported there; default false."""
    base_url: BaseUrl = "http://localhost:41595"
    """Where Eagle's local API is; default http://localhost:41595."""
    token: SecretStr = SecretStr("")
    """The token of Eagle's preferences; default "" = none, which does on this machine."""
    library: str = ""
    """Path of the library that must be open; default "" = the one that is open at the first meeting."""
    formats: Formats = ("alac", "wav", "aiff")
    """Which formats are kept there; default: those of [output]."""
    launch: tuple[str, ...] = ()
    """Command that starts Eagle while something waits for it; default () = it is not started."""
    launch_timeout: Duration = Field(45.0, gt=0)
    """Seconds that it is given to start; default 45 s."""
    switch_library: bool = False
    """Whether another open library may be switched; default false."""
    import_timeout: Duration = Field(3 * 60.0, gt=0)
    """Seconds within which an import must be seen; default 3 min."""
    required: bool = True
    """Whether a track counts as partial while Eagle is away; default true."""
