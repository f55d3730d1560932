"""Run a worker program of ours: one JSON request in, JSON lines out, a deadline, a process group of its own.

The child's stdin stays open as long as we live; when it closes (we were cancelled, stopped or killed) the
child ends itself and everything that it started (`musicsyncd.processes.child`).
"""

from __future__ import annotations

import contextlib
import json
import os
import signal
import sys
from collections import deque
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from subprocess import PIPE
from typing import Any, Final

import anyio
from anyio.abc import ByteReceiveStream, Process
from anyio.streams.buffered import BufferedByteReceiveStream

from musicsyncd.errors import MusicsyncError, Permanent, Temporary, from_dict

LONGEST_LINE: Final = 64 * 1024 * 1024
"""Bytes: a four-hour track's fingerprint and peaks stay far below."""
LONG_LINE: Final = 256 * 1024
"""Bytes: a longer line is parsed in a thread, since it would hold the event loop for milliseconds."""
PASSED_ON: Final = frozenset(
    {
        "PATH",
        "HOME",
        "LANG",
        "LC_ALL",
        "LC_CTYPE",
        "TZ",
        "TMPDIR",
        "SSL_CERT_FILE",
        "SSL_CERT_DIR",
        "SYSTEMROOT",
    }
)
"""The variables a child may see: no token of the owner's is among them."""
COMPLAINTS: Final = 64
"""Chunks of stderr that are remembered; the last line says why a worker died."""
LONGEST_REASON: Final = 500
"""Characters of a worker's last words that go into an error."""
LAST_WORDS: Final = 1.0
"""Seconds in which the stderr of a worker that died must have been read."""

Message = Mapping[str, Any]


def python_worker(module: str) -> tuple[str, ...]:
    """The argument list that runs one of our modules with this very interpreter.

    A module of the same name in the working folder is never taken for ours.
    """
    return (sys.executable, "-P", "-m", module)


async def run_worker(
    argv: Sequence[str],
    request: Mapping[str, Any],
    *,
    name: str,
    deadline: float,
    on_message: Callable[[Message], None] | None = None,
    environment: Mapping[str, str] | None = None,
    nice: int = 0,
) -> dict[str, Any]:
    """The worker's result.

    `deadline` is in seconds for the whole run; `on_message` is told every line that is neither result nor
    error, and what it raises ends the worker. Raises what the worker classified (see `musicsyncd.errors`),
    Temporary when it died, spoke nonsense or overran its deadline, Permanent when there is no such program.
    """
    process = await _start(argv, name, environment or {})
    try:
        with anyio.move_on_after(deadline):
            return await _converse(process, {**request, "nice": nice}, name, on_message)
        raise Temporary(f"The {name} worker was ended after {deadline:g} s without a result", fix="It is tried again")
    finally:
        with anyio.CancelScope(shield=True):
            await _end(process)


async def _start(argv: Sequence[str], name: str, environment: Mapping[str, str]) -> Process:
    passed_on = {key: os.environ[key] for key in PASSED_ON if key in os.environ}
    try:
        return await anyio.open_process(
            [*argv],
            stdin=PIPE,
            stdout=PIPE,
            stderr=PIPE,
            env=passed_on | dict(environment),
            start_new_session=True,
        )
    except (FileNotFoundError, PermissionError) as error:
        fix = f"Install musicsyncd again: {argv[0]} cannot be run"
        raise Permanent(f"The {name} worker cannot be started", why=str(error), fix=fix) from error
    except OSError as error:  # no memory, no process, no file descriptor left: passes
        raise Temporary(f"The {name} worker cannot be started now", why=str(error)) from error


async def _converse(
    process: Process, request: Message, name: str, on_message: Callable[[Message], None] | None
) -> dict[str, Any]:
    assert process.stderr is not None
    complaints: deque[bytes] = deque(maxlen=COMPLAINTS)
    failure: Exception | None = None
    answer: Message | None = None
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(_collect, process.stderr, complaints, name=f"stderr of the {name} worker")
        try:
            await _ask(process, request)
            answer = await _listen(process, name, on_message)
        except Exception as error:  # noqa: BLE001  carried out of the group, which would wrap it
            failure = error
        if answer is None and failure is None:
            await process.wait()
            _kill_group(process)  # what it left behind holds stderr open
            tasks.cancel_scope.deadline = anyio.current_time() + LAST_WORDS
        else:
            tasks.cancel_scope.cancel()
    if failure is not None:
        raise failure
    if answer is None:
        raise _death(process, name, b"".join(complaints))
    return _result(answer, name)


async def _ask(process: Process, request: Message) -> None:
    assert process.stdin is not None
    # A worker that died before it listened printed why.
    with contextlib.suppress(anyio.BrokenResourceError, anyio.ClosedResourceError):
        await process.stdin.send(json.dumps(request).encode() + b"\n")


async def _listen(process: Process, name: str, on_message: Callable[[Message], None] | None) -> Message | None:
    """The line that answers; None when the worker went away without one."""
    assert process.stdout is not None
    async for line in _lines(process.stdout, name):
        message = await _parse(line, name)
        if "result" in message or "error" in message:
            return message
        if on_message:
            on_message(message)
    return None


async def _lines(stream: ByteReceiveStream, name: str) -> AsyncIterator[bytes]:
    buffered = BufferedByteReceiveStream(stream)
    while True:
        try:
            line = await buffered.receive_until(b"\n", LONGEST_LINE)
        except (anyio.EndOfStream, anyio.IncompleteRead, anyio.BrokenResourceError):
            return
        except anyio.DelimiterNotFound as error:
            raise Temporary(f"The {name} worker wrote a line of more than {LONGEST_LINE} bytes") from error
        yield line


async def _parse(line: bytes, name: str) -> Message:
    try:
        message = json.loads(line) if len(line) < LONG_LINE else await anyio.to_thread.run_sync(json.loads, line)
    except ValueError as error:  # UnicodeDecodeError is one too
        raise _nonsense(name, line) from error
    if not isinstance(message, dict):
        raise _nonsense(name, line)
    return message


def _nonsense(name: str, line: bytes) -> Temporary:
    return Temporary(f"The {name} worker wrote a line that is no JSON object", why=f"It begins with {line[:80]!r}")


def _result(answer: Message, name: str) -> dict[str, Any]:
    if "error" in answer:
        raise _error(answer["error"], name)
    result = answer["result"]
    if not isinstance(result, dict):
        raise Temporary(f"The {name} worker answered with no JSON object")
    return result


def _error(said: object, name: str) -> MusicsyncError:
    return from_dict(said) if isinstance(said, dict) else Temporary(f"The {name} worker failed", why=str(said))


async def _collect(stream: ByteReceiveStream, into: deque[bytes]) -> None:
    with contextlib.suppress(anyio.BrokenResourceError):  # the pipe broke with the worker
        async for chunk in stream:
            into.append(chunk)


def _death(process: Process, name: str, complaints: bytes) -> Temporary:
    code = process.returncode or 0
    how = f"was killed by {_signal_name(-code)}" if code < 0 else f"ended with status {code}"
    last = complaints.decode(errors="replace").strip().rpartition("\n")[2]
    return Temporary(f"The {name} worker {how} without a result", why=last[:LONGEST_REASON])


def _signal_name(number: int) -> str:
    try:
        return signal.Signals(number).name
    except ValueError:  # real-time signals have no name
        return f"signal {number}"


async def _end(process: Process) -> None:
    """Kill the whole group: a worker that answered may have left ffmpeg behind."""
    _kill_group(process)
    await process.wait()
    await process.aclose()


def _kill_group(process: Process) -> None:
    # Gone already; macOS says EPERM for a group of zombies.
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(process.pid, signal.SIGKILL)
