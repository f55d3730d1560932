"""The audio worker program: one request in, one answer out (`musicsyncd.audio.work` asks)."""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any, Final

from musicsyncd.audio.decode import Source, pcm_md5
from musicsyncd.audio.probe import decoder_version, probe
from musicsyncd.audio.transcode import Transcode
from musicsyncd.audio.values import FORMATS, Claims, Made, Tags
from musicsyncd.errors import BadInput
from musicsyncd.processes.child import Emit, serve

Request = dict[str, Any]


def handle(request: Request, emit: Emit) -> dict[str, Any]:
    """Do what `do` names."""
    return _DOES[request["do"]](request, emit)


def _probe(request: Request, emit: Emit) -> dict[str, Any]:
    with Source(Path(request["path"])) as source:
        return probe(source, full=request["full"]).as_dict()


def _read(request: Request, emit: Emit) -> dict[str, Any]:
    from musicsyncd.audio import tagging  # what only some requests need is loaded for those only

    folder = Path(request["folder"]) if request["folder"] else None
    found, tags, cover = tagging.read(Path(request["path"]), folder)
    return {"probe": found.as_dict(), "tags": tags.as_dict(), "artwork": cover}


def _transcode(request: Request, emit: Emit) -> dict[str, Any]:
    with Source(Path(request["source"])) as source:
        work = Transcode(
            source,
            Path(request["folder"]),
            [FORMATS[name] for name in request["formats"]],
            depth=request["depth"],
            sample_rate=request["sample_rate"],
            listener=_listener(request) if request["analyze"] else None,
            told=_told(emit),
            hashed=request["hashed"],
        )
        return replace(work.run(), claims=_claims(source)).as_dict()


def _claims(source: Source) -> Claims:
    from musicsyncd.audio.marks import claims

    return claims(source.path, source.metadata)


def _samples(request: Request, emit: Emit) -> dict[str, Any]:
    return {"pcm_md5": pcm_md5(Path(request["path"]))}


def _analyze(request: Request, emit: Emit) -> dict[str, Any]:
    listener = _listener(request)
    with Source(Path(request["path"])) as source:
        for block in source.blocks():
            listener.feed(block)
        source.refuse_if_broken()
        judged = source.judged if request["judged"] is None else request["judged"]
    if request["folder"]:
        from musicsyncd.audio.drawing import draw

        draw(listener, Path(request["folder"]))
    return dict(listener.analysis(decoder_version(), judged=judged).as_dict())


def _tag(request: Request, emit: Emit) -> dict[str, Any]:
    from musicsyncd.audio import tagging
    from musicsyncd.audio.artwork import artwork_of

    tags = Tags.from_dict(request["tags"])
    cover = None
    with contextlib.suppress(BadInput):  # a picture that is none keeps no music away
        cover = artwork_of(Path(request["artwork"])) if request["artwork"] else None
    told, files = _told(emit), [Made.from_dict(made) for made in request["files"]]
    tagged = []
    for number, made in enumerate(files):
        told(number / len(files), f"tagging {made.format}")
        tagged.append(tagging.tag(made, tags, cover).as_dict())
    return {"files": tagged}


def _texts(request: Request, emit: Emit) -> dict[str, Any]:
    from musicsyncd.audio import tagging

    texts: list[dict[str, tuple[str, ...]] | None] = []
    for path, format_ in request["files"]:
        try:
            texts.append(dict(tagging.texts_in(Path(path), format_)))
        except BadInput:
            texts.append(None)
    return {"texts": texts}


def _amend(request: Request, emit: Emit) -> dict[str, Any]:
    from musicsyncd.audio import tagging

    texts = {name: tuple(values) for name, values in request["texts"].items()}
    return tagging.amend(Made.from_dict(request["file"]), texts, forget=request["forget"]).as_dict()


def _cover(request: Request, emit: Emit) -> dict[str, Any]:
    from musicsyncd.audio import tagging

    return {"artwork": tagging.cover(Path(request["path"]), Path(request["folder"]))}


def _listener(request: Request) -> Any:
    from musicsyncd.audio.listen import Listener, TempoRange

    return Listener(TempoRange(lowest=request["lowest"], highest=request["highest"]))


def _told(emit: Emit) -> Callable[[float | None, str], None]:
    def told(share: float | None, text: str) -> None:
        emit({"share": share, "text": text})

    return told


_DOES: Final[dict[str, Callable[[Request, Emit], dict[str, Any]]]] = {
    "probe": _probe,
    "read": _read,
    "transcode": _transcode,
    "analyze": _analyze,
    "samples": _samples,
    "tag": _tag,
    "cover": _cover,
    "texts": _texts,
    "amend": _amend,
}

if __name__ == "__main__":
    serve(handle)
