"""Putting Spotify together as the settings say: one credential, one budget, one refresher."""

from __future__ import annotations

from contextlib import AsyncExitStack
from pathlib import Path

from musicsyncd.clock import Clock
from musicsyncd.database import Database
from musicsyncd.http.budgets import Budgets
from musicsyncd.http.client import HttpClient, HttpOptions
from musicsyncd.sources.section import SpotifySection
from musicsyncd.sources.spotify import SpotifySource
from musicsyncd.sources.spotify_account import ACCOUNTS_PACE, App, SpotifyAccount
from musicsyncd.sources.spotify_client import API_PACE, SpotifyClient, app_name
from musicsyncd.sources.spotify_signin import SpotifySignIn


async def open_spotify(
    section: SpotifySection,
    options: HttpOptions,
    file: Path,
    database: Database,
    budgets: Budgets,
    clock: Clock,
    stack: AsyncExitStack,
) -> tuple[SpotifySignIn, SpotifySource]:
    """The sign-in, and the source that is asked in its name. `file` keeps the tokens; `stack` closes what is opened."""
    name = app_name(section.client_id)
    app = App(
        client_id=section.client_id,
        client_secret=section.client_secret.get_secret_value(),
        accounts_base_url=section.accounts_base_url,
    )
    web = HttpClient(options)
    stack.push_async_callback(web.close)
    client = SpotifyClient(await budgets.of(name, API_PACE), api_base_url=section.api_base_url, options=options)
    stack.callback(client.close)
    accounts = await budgets.of(f"The sign-in of {name}", ACCOUNTS_PACE)
    account = await SpotifyAccount(app, client, web, accounts, file, clock).open()
    source = SpotifySource(
        account,
        client,
        database,
        clock,
        set_up=bool(section.client_id),
        playlists=section.playlists,
        library_csv=section.library_csv,
    )
    return SpotifySignIn(account, clock, redirect_port=section.redirect_port), source
