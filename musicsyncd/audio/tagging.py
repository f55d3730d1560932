"""Tags a copy of a finished file, reads all of it back, and only then puts it in place. Workers only."""

from __future__ import annotations

import contextlib
import os
import shutil
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from musicsyncd.audio import containers
from musicsyncd.audio.artwork import Artwork, artwork, artwork_of
from musicsyncd.audio.decode import Source, pcm_md5
from musicsyncd.audio.files import settle, sha256, unfinished, writing
from musicsyncd.audio.probe import probe
from musicsyncd.audio.tags import Texts, from_texts, places, to_texts
from musicsyncd.audio.values import AudioProbe, Made, Tags
from musicsyncd.errors import BadInput, MusicsyncError, Permanent


def tag(made: Made, tags: Tags, cover: Artwork | None) -> Made:
    """The file as it stands afterwards, its sound unchanged; an error leaves it as it was."""
    return amend(made, to_texts(tags), cover)


def amend(made: Made, texts: Texts, cover: Artwork | None = None, forget: Sequence[str] = ()) -> Made:
    """The same for texts by field; those of `forget` are taken away."""
    path = Path(made.path)
    copy = unfinished(path)
    try:
        with writing(path):
            shutil.copyfile(path, copy)
            containers.CONTAINERS[made.format].write(copy, texts, cover, forget)
        _verify(copy, made, texts, cover, forget)
        with writing(path):
            size, digest = copy.stat().st_size, sha256(copy)
            settle(copy, path)
    finally:
        copy.unlink(missing_ok=True)
    return replace(made, size=size, sha256=digest)


def read(path: Path, folder: Path | None) -> tuple[AudioProbe, Tags, str | None]:
    """What an incoming file is and says, and its cover saved as `artwork.jpg` or `.png` in `folder`.

    Damaged tags or a damaged cover keep no audio away: they count as absent.
    """
    with Source(path) as source:
        picture = source.picture()
        texts: Texts = {}
        if container := containers.of_file(path):
            with contextlib.suppress(Exception):  # on damaged tags mutagen raises more than it documents
                texts, embedded = container.read(path)
                picture = embedded or picture
        texts = texts or containers.of_metadata(source.metadata)
    with Source(path) as source:
        found = probe(source, full=False)
    return found, from_texts(texts), _saved(picture, folder)


def cover(path: Path, folder: Path) -> str:
    """A picture that came from elsewhere as `artwork.jpg` or `.png` in `folder`; BadInput when it is none."""
    return _put(artwork_of(path), folder)


def _saved(picture: bytes | None, folder: Path | None) -> str | None:
    if picture is None or folder is None:
        return None
    try:
        found = artwork(picture, "the embedded cover")
    except BadInput:
        return None
    return _put(found, folder)


def _put(cover: Artwork, folder: Path) -> str:
    final = folder / f"artwork.{cover.extension}"
    with writing(final):
        unfinished(final).write_bytes(cover.data)
        settle(unfinished(final), final)
    return os.fspath(final)


def texts_in(path: Path, format_: str) -> Texts:
    """What a file of ours says now, by field; BadInput when its tags cannot be read."""
    return containers.CONTAINERS[format_].read(path)[0]


def _verify(copy: Path, made: Made, texts: Texts, cover: Artwork | None, forget: Sequence[str]) -> None:
    """Hold every field and every sample of the tagged copy against what they should be."""
    container = containers.CONTAINERS[made.format]
    standing, picture = container.read(copy)
    wrong = [name for name in places(made.format) if name in texts and standing.get(name) != texts[name]]
    wrong += [name for name in forget if name in standing]
    if cover and picture != cover.data:
        wrong.append("cover")
    if wrong:
        why = f"Read back, these differ: {', '.join(wrong)}"
        raise Permanent(f"The tags of {Path(made.path).name} did not hold", why=why, fix="Report it with these tags")
    try:
        heard = pcm_md5(copy)
    except BadInput as error:
        raise _changed(made, str(error)) from error
    if heard != made.pcm_md5:
        raise _changed(made, f"Its samples hash to {heard} instead of {made.pcm_md5}")


def _changed(made: Made, why: str) -> MusicsyncError:
    name = Path(made.path).name
    return Permanent(f"{name} does not hold the samples that were made", why=why, fix="Have the track transcoded again")
