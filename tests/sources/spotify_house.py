"""A Spotify source with everything behind it but Spotify, which is the fake."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from musicsyncd.clock import ManualClock
from musicsyncd.database import MEMORY, Database
from musicsyncd.http.budget import Pace
from musicsyncd.http.budgets import MIGRATIONS as HTTP
from musicsyncd.http.budgets import Budgets
from musicsyncd.http.client import HttpClient, HttpOptions
from musicsyncd.music.track import Track
from musicsyncd.sources.spotify import SpotifySource
from musicsyncd.sources.spotify_account import App, SpotifyAccount
from musicsyncd.sources.spotify_client import SpotifyClient
from musicsyncd.sources.spotify_grant import write_grant
from musicsyncd.sources.spotify_lists import MIGRATIONS
from musicsyncd.sources.spotify_signin import SpotifySignIn
from tests.fakes.spotify import CLIENT_ID, FakeSpotify, Person

QUICK = Pace(rate=100_000.0, burst=100_000)
START = datetime(2026, 11, 27, 12, tzinfo=UTC)


class Ledger:
    """Who takes tracks: knows what was given to `take`."""

    def __init__(self) -> None:
        self.ids: set[str] = set()
        self.asked = 0

    async def unknown(self, tracks: Sequence[Track]) -> Sequence[Track]:
        self.asked += len(tracks)
        return [one for one in tracks if one.identities[0].id not in self.ids]

    def take(self, tracks: Sequence[Track]) -> None:
        self.ids |= {one.identities[0].id for one in tracks}


@dataclass
class House:
    """What a test needs to hand."""

    fake: FakeSpotify
    source: SpotifySource
    account: SpotifyAccount
    signin: SpotifySignIn
    client: SpotifyClient
    clock: ManualClock
    file: Path
    budgets: Budgets
    ledger: Ledger = field(default_factory=Ledger)

    async def news(self) -> list[str]:
        """The titles that an incremental pass brings; they are taken."""
        found = await self.source.news(self.ledger.unknown)
        new = await self.ledger.unknown(found.tracks)
        self.ledger.take(found.tracks)
        return [one.title for one in new]

    def sign_in(self, person: Person | None = None) -> None:
        """Put a grant where a sign-in would have put it."""
        person = person or self.fake.person
        write_grant(self.file, grant_of(self.fake, person, self.clock.now()))


def grant_of(fake: FakeSpotify, person: Person, now: datetime) -> Any:
    """A fresh grant of that account."""
    from datetime import timedelta

    from musicsyncd.sources.spotify_grant import Grant

    given = fake.tokens_for(person)
    return Grant(
        client_id=CLIENT_ID,
        account=person.id,
        access_token=given["access_token"],
        refresh_token=given["refresh_token"],
        access_until=now + timedelta(seconds=given["expires_in"]),
        authorized_at=now,
    )


@asynccontextmanager
async def house(
    fake: Any,
    folder: Path,
    *,
    signed_in: bool = True,
    clock: ManualClock | None = None,
    database: Database | None = None,
    pace: Pace = QUICK,
    options: HttpOptions | None = None,
    **source: Any,
) -> AsyncIterator[House]:
    """Everything, on one manual clock; `source` are fields of `SpotifySource`."""
    clock, file = clock or ManualClock(START), folder / "spotify.json"
    options = options or HttpOptions(timeout=5)
    own = database is None
    database = database or await Database.open(
        MEMORY, {"http": HTTP, "spotify": MIGRATIONS}, backups=folder, clock=clock
    )
    budgets, web = Budgets(database, clock), HttpClient(options)
    client = SpotifyClient(await budgets.of("Spotify", pace), api_base_url=f"{fake.url}/v1", options=options)
    app = App(client_id=CLIENT_ID, client_secret=fake.secret, accounts_base_url=fake.url)
    account = SpotifyAccount(app, client, web, await budgets.of("Spotify accounts", pace), file, clock)
    if signed_in and not file.exists():
        write_grant(file, grant_of(fake, fake.person, clock.now()))
    made = SpotifySource(await account.open(), client, database, clock, **source)
    signin = SpotifySignIn(account, clock, redirect_port=0)
    try:
        yield House(
            fake=fake,
            source=made,
            account=account,
            signin=signin,
            client=client,
            clock=clock,
            file=file,
            budgets=budgets,
        )
    finally:
        await web.close()
        client.close()
        if own:
            await database.close()
