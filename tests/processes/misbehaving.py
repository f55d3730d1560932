"""A worker that misbehaves on request, run by the tests as a program of its own."""

from __future__ import annotations

import ctypes
import os
import signal
import subprocess
import sys
import time
from typing import Any

from musicsyncd.errors import BadInput, Temporary
from musicsyncd.processes.child import Emit, serve


def handle(request: dict[str, Any], emit: Emit) -> dict[str, Any]:
    """Do what `request["do"]` says."""
    return globals()[f"do_{request['do']}"](request, emit)  # type: ignore[no-any-return]


def do_echo(request: dict[str, Any], emit: Emit) -> dict[str, Any]:
    return request


def do_messages(request: dict[str, Any], emit: Emit) -> dict[str, Any]:
    for number in range(3):
        emit({"progress": number})
    return {"done": True}


def do_noise(request: dict[str, Any], emit: Emit) -> dict[str, Any]:
    """Print as Python, as C and as a program would."""
    print("noise from print")
    ctypes.CDLL(None).puts(b"noise from C")
    subprocess.run(["echo", "noise from a program"], check=True)
    sys.stdout.flush()
    return {"quiet": True}


def do_stdin(request: dict[str, Any], emit: Emit) -> dict[str, Any]:
    """What a program that we start finds on its stdin."""
    return {"read": subprocess.run(["cat"], capture_output=True, check=True, timeout=5).stdout.decode()}


def do_environment(request: dict[str, Any], emit: Emit) -> dict[str, Any]:
    return {"environment": dict(os.environ), "flags": sys.flags.safe_path, "nice": os.nice(0)}


def do_bad_input(request: dict[str, Any], emit: Emit) -> dict[str, Any]:
    raise BadInput("The file is no music", why="It is a poem", fix="Sing it")


def do_temporary(request: dict[str, Any], emit: Emit) -> dict[str, Any]:
    raise Temporary("Not now", delay=12.5)


def do_crash(request: dict[str, Any], emit: Emit) -> dict[str, Any]:
    raise ZeroDivisionError("a library's own error")


def do_memory(request: dict[str, Any], emit: Emit) -> dict[str, Any]:
    raise MemoryError


def do_exit(request: dict[str, Any], emit: Emit) -> dict[str, Any]:
    print("first words", file=sys.stderr)
    print("last words", file=sys.stderr, flush=True)
    os._exit(request["status"])


def do_suicide(request: dict[str, Any], emit: Emit) -> dict[str, Any]:
    os.kill(os.getpid(), signal.SIGKILL)
    raise AssertionError("unreachable")


def do_family(request: dict[str, Any], emit: Emit) -> dict[str, Any]:
    """Start a grandchild that holds stderr open, tell its id, then hang, die or answer."""
    grandchild = subprocess.Popen(["sleep", "600"])
    emit({"child": os.getpid(), "grandchild": grandchild.pid})
    if request["then"] == "die":
        os._exit(3)
    if request["then"] == "hang":
        time.sleep(600)
    return {"left": grandchild.pid}


def do_giant(request: dict[str, Any], emit: Emit) -> dict[str, Any]:
    return {"text": "x" * request["size"]}


def do_unserialisable(request: dict[str, Any], emit: Emit) -> dict[str, Any]:
    return {"value": object()}


if __name__ == "__main__":
    serve(handle)
