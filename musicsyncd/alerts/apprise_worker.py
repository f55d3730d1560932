"""The worker that hands one message to Apprise."""

from __future__ import annotations

import logging
from typing import Any

from musicsyncd.errors import NeedsPerson, Temporary
from musicsyncd.processes.child import Emit, serve

MEND = "Look at the address in alerts.apprise_urls, then: musicsyncctl alerts test"


def handle(request: dict[str, Any], emit: Emit) -> dict[str, Any]:
    """Send `body` under `title` to `url`; an empty result when it was taken.

    NeedsPerson where the package is missing or does not know the address, Temporary where the service did not take
    the message: Apprise does not say why.
    """
    try:
        import apprise
    except ImportError as error:
        raise NeedsPerson(
            "Apprise is not installed", why=str(error), fix="Run: pip install 'musicsyncd[apprise]'"
        ) from None
    logging.getLogger("apprise").setLevel(logging.CRITICAL + 1)  # its lines name addresses
    scheme = request["url"].partition("://")[0]
    try:
        asked = apprise.Apprise()
        if not asked.add(request["url"]):
            raise NeedsPerson(f"Apprise does not understand the address that begins with {scheme}://", fix=MEND)
        # As plain text: what a title of a track holds is no markup wherever it is shown.
        taken = asked.notify(
            body=request["body"], title=request["title"], notify_type=request["type"], body_format="text"
        )
    except NeedsPerson:
        raise
    except Exception as error:  # noqa: BLE001  what a plug-in raises may hold the address
        raise Temporary(f"Apprise failed at {scheme}://", why=type(error).__name__, fix=MEND) from None
    if not taken:
        raise Temporary(f"Apprise could not deliver to {scheme}://", fix=MEND)
    return {}


if __name__ == "__main__":
    serve(handle)
