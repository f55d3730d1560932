"""Whether those who are asked over the network can be reached from here, through the proxy and the CA of [http]."""

from __future__ import annotations

import time
from collections.abc import Iterator
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING, Final

import anyio

from musicsyncd.clock import SystemClock
from musicsyncd.ctl.doctor_parts import Check, Part
from musicsyncd.errors import MusicsyncError
from musicsyncd.http.budget import Budget, Pace
from musicsyncd.http.client import Answer, HttpClient, HttpOptions, Question

if TYPE_CHECKING:
    from musicsyncd.settings import Settings

DEADLINE: Final = 15.0
"""Seconds for one service."""
SLOW_CLOCK: Final = 300.0
"""Seconds that this machine's clock may be wrong before signatures and sign-ins are refused."""
MEND: Final = "Look at [http] (proxy, ca_file) and at the network; the daemon tries again by itself"


def parts(settings: Settings) -> list[Part]:
    """One for each service that the settings want asked."""
    return [
        Part(name=name, look=lambda name=name, url=url: _reached(settings, name, url), deadline=DEADLINE, hung=MEND)  # type: ignore[misc]
        for name, url in wanted(settings).items()
    ]


def wanted(settings: Settings) -> dict[str, str]:
    """Where each service is asked that somebody set up; nobody else hears of us."""
    asked: dict[str, str] = {}
    if settings.spotify.client_id:
        asked["Spotify sign-in"] = f"{settings.spotify.accounts_base_url}/api/token"
        asked["Spotify"] = settings.spotify.api_base_url
    if settings.soundcloud.profile or settings.soundcloud.playlists:
        asked["SoundCloud"] = "https://soundcloud.com/robots.txt"
    if settings.youtube.playlists:
        asked["YouTube"] = "https://www.youtube.com/robots.txt"
    enrichment = settings.enrichment
    if enrichment.enabled:
        asked["MusicBrainz"] = enrichment.musicbrainz_url
        asked["Cover Art Archive"] = enrichment.coverart_url
        if enrichment.acoustid_key.get_secret_value():
            asked["AcoustID"] = enrichment.acoustid_url
    return asked


def _reached(settings: Settings, name: str, url: str) -> Iterator[Check]:
    """Any answer will do: nothing that lets us in is sent."""
    began = time.monotonic()
    try:
        answer = anyio.run(_asked, settings, name, url)
    except MusicsyncError as error:
        yield Check(name=name, result="fail", said="cannot be reached", why=str(error), fix=error.fix or MEND)
        return
    yield Check(name=name, result="ok", said=f"answers ({answer.status}) in {time.monotonic() - began:.1f} s")
    yield from _clock(name, answer)


async def _asked(settings: Settings, name: str, url: str) -> Answer:
    http, clock = settings.http, SystemClock()
    options = HttpOptions(
        proxy=http.proxy.get_secret_value(),
        ca_file=http.ca_file,
        timeout=min(http.timeout, DEADLINE / 2),
        trust_env=http.trust_env,
    )
    client = HttpClient(options)
    try:
        return await client.ask(Budget(name, Pace(rate=1.0, burst=5), clock), Question(url=url, repeatable=False))
    finally:
        with anyio.CancelScope(shield=True):
            await client.close()


def _clock(name: str, answer: Answer) -> Iterator[Check]:
    """What the service's own clock says of ours."""
    try:
        wrong = time.time() - parsedate_to_datetime(answer.headers.get("date", "")).timestamp()
    except ValueError:
        return
    if abs(wrong) > SLOW_CLOCK:
        said = f"this machine's is {abs(wrong) / 60:.0f} min {'ahead of' if wrong > 0 else 'behind'} that of {name}"
        fix = "Set it by the network: timedatectl set-ntp true, or System Settings > General > Date & Time"
        yield Check(name="clock", result="fail", said=said, why="Sign-ins and certificates are refused", fix=fix)
