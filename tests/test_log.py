"""The log: what a line holds, where it goes, what never gets into it, and that it never stands in the way."""

from __future__ import annotations

import asyncio
import json
import logging
import os
import queue
import stat
import sys
import threading
import time
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, cast

import pytest
import structlog

from musicsyncd import log

CANARY = "cAnaRy-7f3a9"


@pytest.fixture(autouse=True)
def _untouched_logging() -> Iterator[None]:
    """Each test leaves `logging` as it found it."""
    level = logging.getLogger().level
    yield
    log.shutdown()
    logging.getLogger().setLevel(level)


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """Where the log goes; its folder is not there yet."""
    return tmp_path / "state" / "musicsyncd.log"


def lines(file: Path) -> list[dict[str, Any]]:
    """What the file holds after everything that waited was written."""
    log.shutdown()
    return [json.loads(line) for line in file.read_text(encoding="utf-8").splitlines()]


def wait_until(condition: Callable[[], object]) -> None:
    """Give the writing thread up to ten seconds."""
    deadline = time.monotonic() + 10
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.01)


def test_a_line_bears_context_level_and_time(file: Path) -> None:
    """Job and track are merged in; the time is UTC in ISO 8601; only the level asked for is written."""
    log.configure(level="info", file=file)
    logger = structlog.get_logger("musicsyncd.pipeline")
    with structlog.contextvars.bound_contextvars(job="4k2", track="t1"):
        logger.info("kept", volume="VIBES", count=2)
        logger.debug("not written")
    (line,) = lines(file)
    assert {key: line[key] for key in ("event", "level", "logger", "job", "track", "volume", "count")} == {
        "event": "kept",
        "level": "info",
        "logger": "musicsyncd.pipeline",
        "job": "4k2",
        "track": "t1",
        "volume": "VIBES",
        "count": 2,
    }
    assert line["timestamp"].endswith("Z")


def test_libraries_take_the_same_way(file: Path) -> None:
    """uvicorn's, asyncio's and Python's warnings become lines with the context, whatever handlers they had."""
    logging.getLogger("uvicorn.access").setLevel(logging.NOTSET)  # a server that ran before may have set it
    stray = logging.StreamHandler(sys.stderr)
    logging.getLogger("uvicorn.access").addHandler(stray)
    log.configure(level="info", file=file)
    assert logging.getLogger("uvicorn.access").handlers == []
    with structlog.contextvars.bound_contextvars(job="4k2"):
        logging.getLogger("uvicorn.access").info("%s asked %s", "peer", "/v1/status")
        logging.getLogger("asyncio").error({"a": "dict"})
    with warnings.catch_warnings():
        warnings.simplefilter("always")
        log.configure(level="info", file=file)
        warnings.warn("old", stacklevel=1)
        log.shutdown()
    access, loop, warning = lines(file)
    assert (access["event"], access["logger"], access["level"], access["job"]) == (
        "peer asked /v1/status",
        "uvicorn.access",
        "info",
        "4k2",
    )
    assert (loop["event"], loop["level"]) == ("{'a': 'dict'}", "error")
    assert "old" in warning["event"]


def test_stderr_gets_json_where_it_is_no_terminal(file: Path, capfd: pytest.CaptureFixture[str]) -> None:
    """A service manager gets JSON lines on stderr, the same as the file, and nothing on stdout."""
    log.configure(file=file)
    structlog.get_logger().info("hello")
    written = lines(file)
    out, err = capfd.readouterr()
    assert [json.loads(line) for line in err.splitlines()] == written
    assert out == ""


def test_a_person_gets_readable_lines_without_escape_sequences(capfd: pytest.CaptureFixture[str]) -> None:
    """The console format shows event and fields; what a file's name holds cannot steer the terminal."""
    log.configure(format="console")
    structlog.get_logger().warning("kept \x1b[2J", name="a\x1b]0;x\x07b\nc")
    log.shutdown()
    err = capfd.readouterr().err
    assert "warning" in err
    assert "kept \\x1b[2J" in err
    assert "\x1b" not in err
    assert "\x07" not in err


@pytest.mark.parametrize(("no_color", "coloured"), [("", True), ("1", False)])
def test_a_terminal_gets_colours_unless_told_otherwise(
    monkeypatch: pytest.MonkeyPatch, no_color: str, coloured: bool
) -> None:
    """Auto means console on a real terminal; NO_COLOR is honoured."""
    ours, theirs = os.openpty()
    monkeypatch.setenv("NO_COLOR", no_color)
    with os.fdopen(theirs, "w") as terminal, os.fdopen(ours, "rb", buffering=0) as screen:
        monkeypatch.setattr(sys, "stderr", terminal)
        log.configure(format="auto")
        structlog.get_logger().info("hello")
        log.shutdown()
        shown = screen.read(4096).decode()
    assert "hello" in shown
    assert not shown.startswith("{")
    assert ("\x1b[" in shown) is coloured


@pytest.mark.parametrize("format_", ["json", "console"])
def test_secrets_are_in_no_line(file: Path, capfd: pytest.CaptureFixture[str], format_: Any) -> None:
    """Not in events, nested values, keys, libraries' arguments, exceptions or their causes."""
    log.configure(format=format_, file=file, secrets={CANARY})
    logger = structlog.get_logger()
    with structlog.contextvars.bound_contextvars(job=CANARY):
        logger.info("event %s", CANARY, nested={"list": [CANARY, {CANARY: (CANARY,)}]}, path=Path(CANARY))
    logging.getLogger("library").warning("%s %s", CANARY, {"x": CANARY})
    try:
        try:
            raise KeyError(CANARY)
        except KeyError as error:
            raise ValueError(f"because of {CANARY}") from error
    except ValueError:
        logger.exception("failed", why=ValueError(CANARY))
    logger.error("failed", url="https://me:other-secret@host/", password="other-secret")
    assert len(lines(file)) == 4
    everything = file.read_text() + "".join(capfd.readouterr())
    assert CANARY not in everything
    assert "other-secret" not in everything


def test_a_private_tracks_token_is_in_no_line(file: Path) -> None:
    """Told as an address, as an id, in an error or by a library: nobody is let in who reads the log."""
    log.configure(file=file)
    url, id_ = "https://soundcloud.com/ada/night-ferry/s-cAnaRy7f3a9", "soundcloud:ada/sets/mine/s-cAnaRy7f3a9"
    structlog.get_logger().info(f"looked at {url}", track=id_, nested={"urls": [url]})
    structlog.get_logger().error("failed", exc_info=ValueError(f"{id_} is gone"))
    logging.getLogger("library").warning("GET %s", url)
    log.shutdown()
    text = file.read_text()
    assert text.count("/***") >= 4
    assert "cAnaRy7f3a9" not in text


def test_redaction_leaves_whole_json(file: Path) -> None:
    """A secret beside quotes and backslashes does not take the line's structure with it."""
    log.configure(file=file, secrets={'a"b\\c'})
    structlog.get_logger().info('x token=ab"c\\" a"b\\c {"token": "x\\"y"}', value='a"b\\c')
    (line,) = lines(file)
    assert line["value"] == "***"
    assert 'a"b\\c' not in line["event"]


def test_an_exception_is_told_as_fields(file: Path) -> None:
    """Class, text, cause and frames, without the values of local variables."""
    log.configure(file=file)
    local_value = "only-in-a-local"
    try:
        raise OSError(28, "No space left")
    except OSError:
        structlog.get_logger().exception("failed", length=len(local_value))
    (line,) = lines(file)
    (told,) = line["exception"]
    assert told["exc_type"] == "OSError"
    assert "No space left" in told["exc_value"]
    assert told["frames"][-1]["name"] == "test_an_exception_is_told_as_fields"
    assert local_value not in json.dumps(line)


def test_the_file_is_its_owners_and_rotates(file: Path) -> None:
    """Mode 0600 before and after rotation, no file larger than asked, no more files than asked, no line torn."""
    log.configure(file=file, max_size=10_000, keep=2)
    logger = structlog.get_logger()
    for number in range(400):
        logger.info("line", number=number)
    log.shutdown()
    files = sorted(file.parent.iterdir())
    assert [each.name for each in files] == ["musicsyncd.log", "musicsyncd.log.1", "musicsyncd.log.2"]
    assert {stat.S_IMODE(each.stat().st_mode) for each in files} == {0o600}
    assert all(each.stat().st_size <= 10_000 for each in files)
    numbers = [line["number"] for each in reversed(files) for line in lines(each)]
    assert numbers == list(range(numbers[0], 400))


def test_a_full_disk_costs_lines_and_nothing_else(capfd: pytest.CaptureFixture[str]) -> None:
    """Each write fails; stderr has every line, the complaint stands there once, and nothing is raised."""
    if not Path("/dev/full").exists():
        pytest.skip("this system has no /dev/full")
    log.configure(file=Path("/dev/full"))
    for number in range(3):
        structlog.get_logger().info("line", number=number)
    log.shutdown()
    err = capfd.readouterr().err
    assert err.count("No space left") == 1
    assert [f'"number": {number}' in err for number in range(3)] == [True] * 3


def test_a_disk_that_has_room_again_is_written_again(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    """What could not be opened at first is tried with every line."""
    folder = tmp_path / "state"
    folder.write_text("in the way")
    log.configure(file=folder / "a.log")
    structlog.get_logger().info("lost")
    wait_until(lambda: "cannot be written" in capfd.readouterr().err)
    folder.unlink()
    structlog.get_logger().info("kept")
    assert [line["event"] for line in lines(folder / "a.log")] == ["kept"]


def test_a_moved_file_is_begun_anew(file: Path) -> None:
    """After logrotate moved the file away, `reopen` writes under the old name again."""
    log.configure(file=file)
    structlog.get_logger().info("first")
    log.configure(file=file)
    file.rename(file.with_suffix(".old"))
    log.reopen()
    structlog.get_logger().info("second")
    assert [line["event"] for line in lines(file)] == ["second"]
    assert [line["event"] for line in lines(file.with_suffix(".old"))] == ["first"]


def test_reconfiguring_loses_and_doubles_nothing(file: Path) -> None:
    """Lines before and after a reload stand once each, in order, under the new level."""
    log.configure(level="info", file=file)
    for number in range(200):
        structlog.get_logger().info("line", number=number)
    log.configure(level="debug", file=file)
    structlog.get_logger().debug("line", number=200)
    assert [line["number"] for line in lines(file)] == list(range(201))


def test_a_flood_is_dropped_and_counted(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """When the writing thread cannot keep up, lines are lost without waiting, and a later line says how many."""
    monkeypatch.setattr(log, "BACKLOG", 10)
    read, write = os.pipe()
    with os.fdopen(write, "w") as stalled:
        monkeypatch.setattr(sys, "stderr", stalled)
        log.configure(format="json", file=file)
        logger = structlog.get_logger()
        for number in range(200):
            logger.info("x" * 1000, number=number)
        drained = bytearray()
        os.set_blocking(read, False)
        while len(drained) < 50_000:
            try:
                drained += os.read(read, 65536)
            except BlockingIOError:
                break
        assert log._handover is not None
        wait_until(cast("queue.Queue[Any]", log._handover.queue).empty)
        logger.info("after")
        os.set_blocking(read, True)
        written = lines(file)
    os.close(read)
    lost = sum(line.get("lines_lost", 0) for line in written)
    assert lost > 0
    assert len(written) + lost == 201


def test_shutdown_waits_for_a_full_queue(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Ending while the writing thread is behind by all it may be loses none of what waits."""
    monkeypatch.setattr(log, "BACKLOG", 10)
    log.configure(file=file)
    held, release = threading.Event(), threading.Event()
    assert log._listener is not None
    handlers, waiting = log._listener.handlers, cast("queue.Queue[Any]", log._listener.queue)

    def hold() -> None:
        for handler in handlers:
            handler.acquire()
        held.set()
        release.wait(10)
        for handler in handlers:
            handler.release()

    holder = threading.Thread(target=hold, name="stalled disk")
    holder.start()
    held.wait(10)
    structlog.get_logger().info("line", number=0)
    wait_until(waiting.empty)  # the thread has the first line in hand
    for number in range(1, 50):
        structlog.get_logger().info("line", number=number)
    assert waiting.full()
    threading.Timer(0.2, release.set).start()
    written = lines(file)
    holder.join()
    assert [line["number"] for line in written[:10]] == list(range(10))


def test_shutdown_writes_what_waits_and_can_be_repeated(file: Path) -> None:
    """Nothing is left in memory, and a second call does nothing."""
    log.configure(file=file)
    for number in range(1000):
        structlog.get_logger().info("line", number=number)
    log.shutdown()
    log.shutdown()
    assert len(file.read_text().splitlines()) == 1000


@pytest.mark.parametrize("level", ["debug", "info"])
def test_a_watch_does_not_log_each_change_that_it_sees(file: Path, level: Any) -> None:
    """A log in a watched folder (config.toml may lie there) would otherwise make its next line by each, for ever."""
    log.configure(level=level, file=file)
    for name in ("watchfiles", "watchfiles.main"):
        logging.getLogger(name).info("1 change detected")
        logging.getLogger(name).debug("1 change detected")
        logging.getLogger(name).warning("error raised by the watch")
    log.shutdown()
    assert [line["event"] for line in lines(file)] == ["error raised by the watch"] * 2


async def test_logging_does_not_hold_up_the_loop(file: Path) -> None:
    """While a stalled disk (held by its lock) keeps the writing thread waiting, a line costs the caller no wait."""
    log.configure(file=file)
    assert log._listener is not None
    for handler in log._listener.handlers:
        handler.acquire()
    try:
        begun = time.perf_counter()
        for number in range(1000):
            structlog.get_logger().info("line", number=number)
        await asyncio.sleep(0)
        assert time.perf_counter() - begun < 2
    finally:
        for handler in log._listener.handlers:
            handler.release()
    assert len(lines(file)) == 1000
