"""What the daemon says of itself: lines of fields to stderr and to a file, without secrets.

    log = structlog.get_logger(__name__)
    with structlog.contextvars.bound_contextvars(job="4k2", track="..."):
        log.info("kept", volume="VIBES")

Lines of libraries (`logging`) take the same way. The caller only gathers the fields; a thread of its own
redacts, formats and writes them, so that neither a slow disk nor a stalled terminal holds the event loop up.
"""

from __future__ import annotations

import atexit
import copy
import json
import logging
import os
import queue
import sys
import time
import traceback
from collections.abc import Callable, Collection, Mapping, MutableMapping
from contextlib import suppress
from datetime import UTC, datetime
from io import TextIOWrapper
from logging.handlers import QueueHandler, QueueListener, RotatingFileHandler
from pathlib import Path
from typing import Any, Final, Literal, cast

import structlog

from musicsyncd.redaction import Redactor

Format = Literal["auto", "console", "json"]
Render = Callable[[dict[str, Any]], str]
"""The line for the redacted fields of an event."""
Tell = Callable[[Any], Any]
"""The field for an exception, given as `sys.exc_info` gives it."""

BACKLOG: Final = 20_000
"""Lines that may wait for the writing thread; beyond it lines are dropped, and the next one says how many."""
SILENCE: Final = 60.0
"""Seconds between two complaints on stderr that the log file cannot be written."""
LONGEST_TEXT: Final = 20_000
"""Characters of one text in a line: a page that a site sent for an answer need not be logged whole."""

_LIBRARIES: Final = ("uvicorn", "uvicorn.error", "uvicorn.access")
_TALKATIVE: Final = ("watchfiles",)
"""It logs each change that it sees. Where our log lies beside config.toml, that line is the next change, for ever."""
_CONTROL: Final = {code: f"\\x{code:02x}" for code in (*range(32), *range(127, 160)) if chr(code) not in "\n\t"}
"""A file's name may hold escape sequences; on a terminal they would be obeyed."""
_exceptions: Final = structlog.tracebacks.ExceptionDictTransformer(show_locals=False, max_frames=30)

_listener: QueueListener | None = None
_handover: _Handover | None = None


class _Fields(dict[str, Any]):
    """The fields of an event of ours, told apart from a dict that a library logs as its message."""


def configure(
    *,
    level: str = "info",
    format: Format = "auto",  # noqa: A002  the key's own name
    file: Path | None = None,
    max_size: int = 10_000_000,
    keep: int = 5,
    secrets: Collection[str] = (),
    stderr: bool = True,
) -> None:
    """Begin to write, or go on in another way: what waits is written first.

    `format` is that of stderr, auto meaning console on a terminal and JSON lines elsewhere. The file, made
    with mode 0600, always holds JSON lines and is rotated at `max_size` bytes; `keep` old ones stay. A file
    that cannot be written raises nothing: that is said on stderr, and tried again with every line. Without
    `stderr` only the file is written, where there is one.
    """
    global _listener, _handover
    redactor = Redactor(secrets)
    handlers: list[logging.Handler] = [_stderr_handler(format, redactor)] if stderr or not file else []
    if file:
        handlers.append(_file_handler(file, max_size, keep, redactor))
    waiting: queue.Queue[logging.LogRecord] = queue.Queue(BACKLOG)
    before, _handover = _handover, _Handover(waiting)
    _take_over(logging.getLevelNamesMapping()[level.upper()], _handover)
    _end(before, _listener)
    _listener = _Writer(waiting, *handlers)
    _listener.start()


def reopen() -> None:
    """Begin the file anew under its name: something else (logrotate) may have moved it away."""
    for handler in _listener.handlers if _listener else ():
        if isinstance(handler, _PrivateFile):
            handler.forget()


def shutdown() -> None:
    """Write what waits, close the file, and let go of `logging`. Safe to call twice."""
    global _listener, _handover
    if _handover:
        logging.captureWarnings(False)
        structlog.reset_defaults()
    _end(_handover, _listener)
    _listener = _handover = None


def _end(handover: _Handover | None, listener: QueueListener | None) -> None:
    if handover:
        logging.getLogger().removeHandler(handover)
    if listener:
        listener.stop()
        for handler in listener.handlers:
            handler.close()


atexit.register(shutdown)


class _Handover(QueueHandler):
    """The caller's end: gathers the fields while the caller's context is there, and never waits."""

    def __init__(self, waiting: queue.Queue[logging.LogRecord]) -> None:
        super().__init__(waiting)
        self._lost = 0

    def prepare(self, record: logging.LogRecord) -> logging.LogRecord:
        fields = record.msg if isinstance(record.msg, _Fields) else _of_library(record)
        if self._lost:
            fields["lines_lost"], self._lost = self._lost, 0
        prepared = copy.copy(record)
        prepared.msg, prepared.args = fields, None
        return prepared

    def enqueue(self, record: logging.LogRecord) -> None:
        try:
            self.queue.put_nowait(record)
        except queue.Full:
            self._lost += 1 + cast("_Fields", record.msg).get("lines_lost", 0)

    def handleError(self, record: logging.LogRecord) -> None:  # noqa: N802
        """A line that cannot be made is lost; the program goes on."""
        self._lost += 1


class _Writer(QueueListener):
    """The thread that redacts, formats and writes."""

    def __init__(self, waiting: queue.Queue[Any], *handlers: logging.Handler) -> None:
        super().__init__(waiting, *handlers)
        self._waiting = waiting

    def enqueue_sentinel(self) -> None:
        """Ask the thread to end, after what waits; on a full queue the base class would give up."""
        self._waiting.put(None)


class _Line(logging.Formatter):
    """A prepared record as a line, redacted before it is rendered: later a mask could take a quote along."""

    def __init__(self, render: Render, tell: Tell, redactor: Redactor) -> None:
        super().__init__()
        self._render, self._tell, self._redactor = render, tell, redactor

    def format(self, record: logging.LogRecord) -> str:
        fields = {"event": "", **cast("Mapping[str, Any]", record.msg)}
        if record.exc_info and record.exc_info[0]:
            fields["exception"] = self._tell(record.exc_info)
        cut = {name: _cut(value) for name, value in fields.items()}
        return self._render(self._redactor.value(cut))


class _Stderr(logging.StreamHandler[Any]):
    """stderr, which may be a pipe that nobody reads any more."""

    def handleError(self, record: logging.LogRecord) -> None:  # noqa: N802
        """There is nowhere left to complain."""


class _PrivateFile(RotatingFileHandler):
    """A rotating file that only its owner may read, and whose failures cost no more than its lines."""

    _complained = -SILENCE

    def _open(self) -> TextIOWrapper:
        Path(self.baseFilename).parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        return open(  # Path.open takes no opener
            self.baseFilename, "a", encoding="utf-8", errors="backslashreplace", opener=_private
        )

    def handleError(self, record: logging.LogRecord) -> None:  # noqa: N802
        """Say so on stderr now and then, and begin anew: what is stuck in the buffer would fail for ever."""
        error = sys.exc_info()[1]
        self.forget()
        if time.monotonic() - self._complained >= SILENCE:
            self._complained = time.monotonic()
            reason = error.strerror if isinstance(error, OSError) else type(error).__name__
            with suppress(OSError, ValueError, AttributeError):
                sys.stderr.write(f"The log file {self.baseFilename} cannot be written: {reason}.\n")

    def forget(self) -> None:
        """Close the file; the next line opens it again."""
        self.acquire()
        try:
            stream, self.stream = self.stream, None
            if stream:
                with suppress(OSError, ValueError):
                    stream.close()
        finally:
            self.release()


def _private(path: str, flags: int) -> int:
    return os.open(path, flags, 0o600)


def _stderr_handler(wanted: Format, redactor: Redactor) -> logging.Handler:
    terminal = bool(sys.stderr and sys.stderr.isatty())
    handler = _Stderr(sys.stderr)
    console = wanted == "console" or (wanted == "auto" and terminal)
    colors = terminal and not os.environ.get("NO_COLOR")
    line = _Line(_console(colors), _traceback, redactor) if console else _Line(_json, _exceptions, redactor)
    handler.setFormatter(line)
    return handler


def _file_handler(file: Path, max_size: int, keep: int, redactor: Redactor) -> logging.Handler:
    handler = _PrivateFile(file, maxBytes=max_size, backupCount=keep, encoding="utf-8", delay=True)
    handler.setFormatter(_Line(_json, _exceptions, redactor))
    return handler


def _take_over(level: int, handover: _Handover) -> None:
    """Send structlog's events and everything from `logging` through the handover."""
    root = logging.getLogger()
    root.setLevel(level)
    root.addHandler(handover)
    logging.captureWarnings(True)
    logging.getLogger("watchfiles").setLevel(max(level, logging.WARNING))  # it tells of each change, of our log's too
    for name in _LIBRARIES:
        library = logging.getLogger(name)
        library.handlers.clear()
        library.propagate = True
    for name in _TALKATIVE:
        logging.getLogger(name).setLevel(logging.WARNING)
    structlog.configure(
        processors=[
            structlog.contextvars.merge_contextvars,
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            _to_logging,
        ],
        wrapper_class=structlog.make_filtering_bound_logger(level),
        logger_factory=structlog.stdlib.LoggerFactory(),
    )


def _to_logging(logger: Any, method: str, event: MutableMapping[str, Any]) -> tuple[tuple[_Fields], dict[str, Any]]:
    error = event.pop("exc_info", None)
    return (_Fields(event, logger=logger.name),), {"exc_info": error} if error else {}


def _of_library(record: logging.LogRecord) -> _Fields:
    return _Fields(
        structlog.contextvars.get_contextvars(),
        event=record.getMessage(),
        level=record.levelname.lower(),
        logger=record.name,
        timestamp=datetime.fromtimestamp(record.created, UTC).isoformat().replace("+00:00", "Z"),
    )


def _cut(value: Any) -> Any:
    if isinstance(value, str) and len(value) > LONGEST_TEXT:
        return f"{value[:LONGEST_TEXT]}… ({len(value)} characters)"
    return value


def _json(fields: dict[str, Any]) -> str:
    return json.dumps(fields, ensure_ascii=False)


def _traceback(error: Any) -> str:
    return "".join(traceback.format_exception(*error)).rstrip()


def _console(colors: bool) -> Render:
    render = structlog.dev.ConsoleRenderer(colors=colors, exception_formatter=structlog.dev.plain_traceback)

    def line(fields: dict[str, Any]) -> str:
        return str(render(None, "", {name: _harmless(value) for name, value in fields.items()}))

    return line


def _harmless(value: Any) -> Any:
    return value.translate(_CONTROL) if isinstance(value, str) else value
