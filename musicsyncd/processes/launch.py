"""Starts another program on a person's behalf, and leaves it alone."""

from __future__ import annotations

import os
from collections.abc import Sequence
from subprocess import DEVNULL
from typing import Final

import anyio

from musicsyncd.errors import Temporary
from musicsyncd.processes.run import PASSED_ON

PATIENCE: Final = 30.0
"""Seconds in which a starter such as `open -a` has done its work; a program that stays is left running."""
SESSION: Final = ("USER", "DISPLAY", "WAYLAND_DISPLAY", "XDG_RUNTIME_DIR", "DBUS_SESSION_BUS_ADDRESS")
"""What a program with windows wants to know; our secrets are none of its business."""


async def launch(argv: Sequence[str], *, patience: float = PATIENCE) -> None:
    """Run the words as they stand, without a shell. Temporary when there is no such program, or it fails."""
    environment = {name: os.environ[name] for name in (*PASSED_ON, *SESSION) if name in os.environ}
    try:
        process = await anyio.open_process(
            [*argv], stdin=DEVNULL, stdout=DEVNULL, stderr=DEVNULL, start_new_session=True, env=environment
        )
    except OSError as error:
        raise Temporary(f"{argv[0]} cannot be started", why=error.strerror or str(error)) from error
    with anyio.move_on_after(patience):
        if status := await process.wait():
            raise Temporary(f"{argv[0]} ended with {status}")
