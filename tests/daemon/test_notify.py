"""What the service manager hears: real datagrams on a real socket, in both kinds of address."""

from __future__ import annotations

import os
import socket
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from musicsyncd.daemon import notify
from musicsyncd.daemon.notify import Notifier, launched, managed


@pytest.fixture(params=["file", "abstract"])
def manager(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[tuple[socket.socket, str]]:
    """A listening service manager and its address."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as listener:
        address = str(tmp_path / "n") if request.param == "file" else f"@musicsyncd-test-{os.getpid()}"
        listener.bind(address.replace("@", "\0", 1))
        listener.settimeout(5)
        yield listener, address


def heard(listener: socket.socket) -> dict[str, str]:
    """The next datagram's fields."""
    return dict(line.split("=", 1) for line in listener.recv(4096).decode().splitlines())


def test_each_word_is_said_as_the_manager_wants_it(manager: tuple[socket.socket, str]) -> None:
    """One datagram each, one field a line; a reload bears its moment on the monotonic clock."""
    listener, address = manager
    notifier = Notifier({"NOTIFY_SOCKET": address})
    notifier.ready("up\nand well")
    assert heard(listener) == {"READY": "1", "STATUS": "up and well"}
    notifier.status("busy")
    assert heard(listener) == {"STATUS": "busy"}
    notifier.alive()
    assert heard(listener) == {"WATCHDOG": "1"}
    notifier.patience(1.5)
    assert heard(listener) == {"EXTEND_TIMEOUT_USEC": "1500000"}
    notifier.stopping(30)
    assert heard(listener) == {"STOPPING": "1", "STATUS": "stopping", "EXTEND_TIMEOUT_USEC": "30000000"}
    before = time.monotonic_ns() // 1000
    notifier.reloading()
    told = heard(listener)
    assert told["RELOADING"] == "1"
    assert before <= int(told["MONOTONIC_USEC"]) <= time.monotonic_ns() // 1000


def test_a_manager_that_is_gone_or_never_was_is_no_failure(tmp_path: Path) -> None:
    """Nothing is raised: without an address, with a wrong one, and with one that nobody listens at."""
    for address in ("", "relative", str(tmp_path / "nobody")):
        Notifier({"NOTIFY_SOCKET": address}).ready("x")


@pytest.mark.parametrize(
    ("micros", "pid", "seconds"),
    [
        ("30000000", "", 30.0), ("30000000", "ours", 30.0), ("500000", "", 0.5),
        ("30000000", "1", None), ("0", "", None), ("", "", None), ("x", "", None),
    ],
)  # fmt: skip
def test_the_watchdog_is_ours_only_when_it_says_so(micros: str, pid: str, seconds: float | None) -> None:
    """Its period in seconds; none for another process's."""
    environ = {
        "NOTIFY_SOCKET": "/nowhere",
        "WATCHDOG_USEC": micros,
        "WATCHDOG_PID": pid.replace("ours", str(os.getpid())),
    }
    assert Notifier(environ).watchdog == seconds
    assert Notifier(environ | {"NOTIFY_SOCKET": ""}).watchdog is None


@pytest.mark.parametrize(
    ("environ", "answer"),
    [
        ({"NOTIFY_SOCKET": "/run/systemd/notify"}, True),
        ({"SYSTEMD_EXEC_PID": "ours", "INVOCATION_ID": "a"}, True),
        ({"SYSTEMD_EXEC_PID": "1", "INVOCATION_ID": "a"}, False),
        ({"INVOCATION_ID": "a"}, False),
        ({"XPC_SERVICE_NAME": "local.musicsyncd"}, True),
        ({"XPC_SERVICE_NAME": "local.musicsyncd-dev"}, True),
        ({"XPC_SERVICE_NAME": "application.com.apple.Terminal.1"}, False),
        ({"XPC_SERVICE_NAME": "0"}, False),
        ({}, False),
    ],
)
def test_who_was_started_by_a_manager_knows_it(environ: dict[str, str], answer: bool) -> None:
    """A terminal that systemd or launchd started hands its own names down, and starts nothing again."""
    environ = {name: text.replace("ours", str(os.getpid())) for name, text in environ.items()}
    assert managed(environ) is answer
    assert launched(environ) is (answer and "XPC_SERVICE_NAME" in environ)
    assert notify.manager(environ) == ("" if not answer else "launchd" if "XPC_SERVICE_NAME" in environ else "systemd")
