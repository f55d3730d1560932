"""The settings read anew while the daemon runs, and the log set up as they say."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any, Final

import structlog

from musicsyncd import log
from musicsyncd.daemon.notify import launched
from musicsyncd.errors import MusicsyncError
from musicsyncd.settings import Loaded, Settings

logger = structlog.get_logger()
RELOADABLE: Final = ("log.", "schedule.", "daemon.timezone")
"""The settings that take effect without a restart; of the others a reload only says that they changed."""
NOT_YET: Final = frozenset({"schedule.scan", "schedule.polling"})
"""Of these the ones that wait for a restart all the same."""


class Reloading:
    """The settings as they are held now, read anew whenever somebody asks: by SIGHUP, or by changing the file."""

    def __init__(
        self, loaded: Loaded, reload: Callable[[], Loaded], apply: Callable[[Settings], Awaitable[None]]
    ) -> None:
        """`apply` takes up what changed and needs no restart."""
        self.loaded, self._reload, self._apply = loaded, reload, apply
        self._read = self._written()

    async def again(self, *, unasked: bool = False) -> None:
        """Read them; when they cannot be used, nothing changes, and the log says why.

        `unasked`: nobody but the file itself asks for it; what was read already is not read, or complained of, twice.
        """
        written = self._written()
        if unasked and written == self._read:
            return
        self._read = written
        before, self.loaded = self.loaded, reloaded(self.loaded, self._reload)
        if self.loaded is not before:
            await self._apply(self.loaded.settings)

    def _written(self) -> tuple[int, int, int] | None:
        """What tells the file from a later one; None where there is none."""
        try:
            status = self.loaded.path.stat() if self.loaded.path else None
        except OSError:
            status = None
        return (status.st_ino, status.st_size, status.st_mtime_ns) if status else None


def reloaded(before: Loaded, reload: Callable[[], Loaded]) -> Loaded:
    """The settings as they are now; when they cannot be used, the old ones, and the log says why."""
    try:
        now = reload()
    except MusicsyncError as error:
        logger.error("settings not reloaded", why=str(error))
        return before
    changed = changed_keys(before.settings, now.settings)
    configure_log(now.settings)
    at_once = {key for key in changed if key.startswith(RELOADABLE)} - NOT_YET
    logger.info("settings reloaded", changed=sorted(at_once), after_restart=sorted(changed - at_once))
    return now


def configure_log(settings: Settings) -> None:
    """Write the log as the settings say, and nothing secret into it."""
    log.configure(
        level=settings.log.level,
        format=settings.log.format,
        file=settings.log.file,
        max_size=settings.log.max_size,
        keep=settings.log.keep,
        secrets=settings.secrets(),
        stderr=not launched(),  # launchd keeps it in a file that nobody rotates
    )


def changed_keys(before: Settings, now: Settings) -> set[str]:
    """Dotted keys whose values differ, secrets included, without saying what they are."""
    first, second = _flat(before), _flat(now)
    return {key for key in first.keys() | second.keys() if first.get(key) != second.get(key)}


def _flat(settings: Settings) -> dict[str, Any]:
    sections: dict[str, Any] = settings.model_dump()
    flat: dict[str, Any] = {}
    for section, values in sections.items():
        if isinstance(values, dict):
            flat |= {f"{section}.{key}": value for key, value in values.items()}
        else:
            flat[section] = values
    return flat
