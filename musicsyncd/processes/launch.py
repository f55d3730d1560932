"""Starts another program on a person's behalf, and leaves it alone."""

from __future__ import annotations

from collections.abc import Sequence
from subprocess import DEVNULL
from typing import Final

import anyio

from musicsyncd.errors import Temporary

PATIENCE: Final = 30.0
"""Seconds in which a starter such as `open -a` has done its work; a program that stays is left running."""


async def launch(argv: Sequence[str], *, patience: float = PATIENCE) -> None:
    """Run the words as they stand, without a shell. Temporary when there is no such program, or it fails."""
    try:
        process = await anyio.open_process(
            [*argv], stdin=DEVNULL, stdout=DEVNULL, stderr=DEVNULL, start_new_session=True
        )
    except OSError as error:
        raise Temporary(f"{argv[0]} cannot be started", why=error.strerror or str(error)) from error
    with anyio.move_on_after(patience):
        if status := await process.wait():
            raise Temporary(f"{argv[0]} ended with {status}")
