"""The worker's end of `run_worker`: one request in, JSON lines out, dead with the parent. Light to import."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import sys
import threading
import traceback
from collections.abc import Callable
from typing import Any, Final

from musicsyncd.errors import MusicsyncError, Permanent

Emit = Callable[[dict[str, Any]], None]
"""Send one line to the parent; safe from any thread."""
Handler = Callable[[dict[str, Any], Emit], dict[str, Any]]
FAILED: Final = 1


def serve(handle: Handler) -> None:
    """Answer the one request on stdin, then exit: 0 with a result, 1 with an error line.

    Whatever a library prints goes to stderr, so that stdout bears JSON lines only; a program that the
    handler starts finds an empty stdin.
    """
    asked = json.loads(sys.stdin.buffer.readline() or b"null")
    if asked is None:
        os._exit(FAILED)  # the parent went away before it asked
    parent, answers = _take_over_streams()
    threading.Thread(target=_die_with_parent, args=(parent,), name="parent watch", daemon=True).start()
    if asked.get("nice"):
        os.nice(int(asked["nice"]))
    status = _answer(handle, asked, _emitter(answers))
    with contextlib.suppress(OSError):
        sys.stdout.flush()
        sys.stderr.flush()
    os._exit(status)  # no atexit work of a library may hold a finished worker back


def _take_over_streams() -> tuple[int, int]:
    """Our private ends of stdin and stdout; in their places stand an empty file and stderr."""
    parent, answers = (
        os.dup(sys.stdin.fileno()),
        os.dup(sys.stdout.fileno()),
    )  # dup does not pass them on to programs
    nothing = os.open(os.devnull, os.O_RDONLY)
    os.dup2(nothing, sys.stdin.fileno())
    os.close(nothing)
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())
    return parent, answers


def _emitter(answers: int) -> Emit:
    stream = os.fdopen(answers, "w", encoding="utf-8")
    lock = threading.Lock()

    def emit(message: dict[str, Any]) -> None:
        line = json.dumps(message) + "\n"
        with lock, contextlib.suppress(BrokenPipeError):
            stream.write(line)
            stream.flush()

    return emit


def _answer(handle: Handler, asked: dict[str, Any], emit: Emit) -> int:
    try:
        emit({"result": handle(asked, emit)})
        return 0
    except MusicsyncError as error:
        emit({"error": error.as_dict()})
    except MemoryError:
        emit({"error": Permanent("The worker ran out of memory on this file").as_dict()})
    except Exception as error:  # noqa: BLE001  whatever a library raises, the parent must hear of it
        traceback.print_exc()
        emit({"error": Permanent(f"The worker failed: {type(error).__name__}: {error}").as_dict()})
    return FAILED


def _die_with_parent(parent: int) -> None:
    """Block until the parent's end closes; then end this process group, ffmpeg and all."""
    while os.read(parent, 4096):
        pass
    os.killpg(0, signal.SIGKILL)
