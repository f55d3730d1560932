"""The page about tags is in step with the table that the code writes by."""

from __future__ import annotations

from pathlib import Path

from musicsyncd import audio
from musicsyncd.audio.tags import FIELDS, FREE

README = Path(audio.__file__).with_name("README.md")


def table() -> str:
    """The table as the page shows it."""
    lines = ["| field | ID3 in MP3, AIFF, WAV | MP4 (ALAC, AAC) | FLAC | RIFF INFO in WAV |", "|---|---|---|---|---|"]
    for field in FIELDS:
        places = (field.id3, field.mp4.replace(FREE, "----:…:"), field.vorbis, field.info)
        lines.append("| " + " | ".join((field.name, *(f"`{place}`" if place else "–" for place in places))) + " |")
    return "\n".join(lines)


def test_the_page_shows_the_table() -> None:
    """What is between the marks is what the code would print."""
    shown = README.read_text(encoding="utf-8").partition("<!-- table -->\n")[2].partition("\n<!-- /table -->")[0]
    assert shown == table()


def test_every_module_is_on_the_page() -> None:
    """A new file of the room gets its line."""
    page = README.read_text(encoding="utf-8")
    for module in README.parent.glob("*.py"):
        assert module.name in ("__init__.py", "section.py") or f"`{module.name}`" in page, module.name
