"""The settings read anew while the daemon runs, and the log set up as they say."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

import structlog

from musicsyncd import log
from musicsyncd.errors import MusicsyncError
from musicsyncd.settings import Loaded, Settings

logger = structlog.get_logger()
RELOADABLE: Final = "log."
"""The settings that take effect without a restart; of the others a reload only says that they changed."""


def reloaded(before: Loaded, reload: Callable[[], Loaded]) -> Loaded:
    """The settings as they are now; when they cannot be used, the old ones, and the log says why."""
    try:
        now = reload()
    except MusicsyncError as error:
        logger.error("settings not reloaded", why=str(error))
        return before
    changed = changed_keys(before.settings, now.settings)
    configure_log(now.settings)
    at_once = {key for key in changed if key.startswith(RELOADABLE)}
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
