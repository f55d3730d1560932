"""Being signed in at Spotify: one place that refreshes, writes down, and knows when a person must sign in again."""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Final, Self

import anyio
import structlog
from anyio import to_thread

from musicsyncd.clock import Clock
from musicsyncd.errors import MusicsyncError, NeedsPerson, Temporary
from musicsyncd.http.budget import Budget, Pace
from musicsyncd.http.client import Answer, HttpClient, Question
from musicsyncd.sources.spotify_client import SpotifyClient, TokenRefused
from musicsyncd.sources.spotify_grant import Grant, no_grant, read_grant, write_grant

logger = structlog.get_logger()
SIGN_IN: Final = "Run: musicsyncctl auth spotify"
TOKEN_DEADLINE: Final = 20.0
"""Seconds for one exchange of tokens, from which nothing calls away: a new refresh token that is not written down is
lost, and the old one with it."""
ACCOUNTS_PACE: Final = Pace(rate=0.5, burst=5)
"""One refresh an hour is usual."""
SHORTEST_LIFE: Final = 120.0
"""Seconds: below it a token would be refreshed at every question."""
USUAL_LIFE: Final = 3600.0
LARGEST_ANSWER: Final = 64 * 1024
"""Bytes."""
AGAIN: Final = 600.0
"""Seconds after which a token that was refused although it was new is worth another try."""


@dataclass(frozen=True, kw_only=True)
class App:
    """As which program Spotify is asked, registered by the owner at developer.spotify.com."""

    client_id: str
    client_secret: str = field(default="", repr=False)
    """Optional: with PKCE none is needed."""
    accounts_base_url: str


class SpotifyAccount:
    """The tokens of one account. `token` is the only way to one, and the only refresher."""

    def __init__(
        self, app: App, client: SpotifyClient, http: HttpClient, budget: Budget, file: Path, clock: Clock
    ) -> None:
        """`budget` is that of the accounts service; `file` keeps the tokens. `open` reads it."""
        self.app = app
        self._client, self._http, self._budget, self._file, self._clock = client, http, budget, file, clock
        self._lock = anyio.Lock()
        self.grant = no_grant(app.client_id, "No sign-in has been made yet")
        self._unwritten: Grant | None = None
        """What the disk did not take: the only one that still counts, and not used before it is written."""

    async def open(self) -> Self:
        """Read what is kept; what cannot be read counts as signed out."""
        try:
            kept = await to_thread.run_sync(read_grant, self._file)
        except ValueError as error:
            logger.warning("sign-in not read", service="spotify", why=str(error))
            self.grant = replace(no_grant(self.app.client_id, str(error)), refused=True)
            return self
        if kept and kept.client_id == self.app.client_id:
            self.grant = kept
        elif kept:
            why = "The sign-in was made for another spotify.client_id"
            self.grant = replace(no_grant(self.app.client_id, why), account=kept.account, refused=True)
        return self

    async def token(self) -> str:
        """An access token that counts. NeedsPerson when nobody is signed in, Temporary when it cannot be had now."""
        async with self._lock:
            grant = await self._written()
            return grant.access_token if grant.fresh(self._clock.now()) else await self._refresh(grant)

    async def renewed(self, refused: str) -> str:
        """A token other than this one, which Spotify refused."""
        async with self._lock:
            grant = await self._written()
            return grant.access_token if grant.access_token != refused else await self._refresh(grant)

    async def account(self) -> str:
        """Spotify's id of who is signed in."""
        token = await self.token()
        if not self.grant.account:
            await self._identify(token)
        if not self.grant.account:
            raise Temporary("Spotify does not say who is signed in", delay=AGAIN)
        return self.grant.account

    async def exchange(self, *, code: str, verifier: str, redirect_uri: str) -> None:
        """Sign in with what a person's browser brought back; NeedsPerson when Spotify refuses it."""
        async with self._lock:
            form = {
                "grant_type": "authorization_code",
                "code": code,
                "redirect_uri": redirect_uri,
                "code_verifier": verifier,
            }
            with _unbroken():
                answer = await self._asked(form)
                if answer.status != 200:
                    raise _refused(answer)
                now, before = self._clock.now(), self.grant
                known = before.account or before.previous
                fresh = replace(no_grant(self.app.client_id, ""), authorized_at=now, previous=known)
                await self._keep(_with_tokens(fresh, answer, now))
        await self._identify(self.grant.access_token)

    async def sign_out(self) -> None:
        """Forget the tokens; Spotify itself forgets us only at spotify.com/account/apps."""
        async with self._lock:
            await self._keep(_ended(self.grant, "Signed out with musicsyncctl auth spotify --sign-out", refused=False))

    async def _written(self) -> Grant:
        """The standing grant, after what a full disk did not take is on it; Temporary while it is still full."""
        if self._unwritten:
            await self._keep(self._unwritten)
        return self._standing()

    def _standing(self) -> Grant:
        if not self.app.client_id:
            raise NeedsPerson(
                "Spotify is not set up",
                why="spotify.client_id is empty",
                fix="Register an app at developer.spotify.com and write its client id into config.toml",
            )
        if not self.grant.refresh_token:
            raise NeedsPerson("Nobody is signed in at Spotify", why=self.grant.ended, fix=SIGN_IN)
        return self.grant

    async def _refresh(self, grant: Grant) -> str:
        """The new access token, after the refresh token that came with it is on the disk.

        Without a client secret each refresh token counts once. Should the process die between Spotify's answer and
        the end of the write (some milliseconds), or the answer be lost on its way, the sign-in is lost with it: the
        next refresh is refused, and a person is told. What a full disk does not take is held until it does.
        """
        with _unbroken():
            answer = await self._asked({"grant_type": "refresh_token", "refresh_token": grant.refresh_token})
            if answer.status == 200:
                grant = _with_tokens(grant, answer, self._clock.now())
                await self._keep(grant)
                return grant.access_token
            if _error(answer) == "invalid_grant":
                await self._end(grant)
                raise NeedsPerson("Spotify has signed us out", why=self.grant.ended, fix=SIGN_IN)
        raise _refused(answer)

    async def _end(self, grant: Grant) -> None:
        """Said once: whoever asks from now on hears it without Spotify being asked."""
        due = self._clock.now() >= grant.expires_at
        why = (
            "Six months have passed since the last sign-in"
            if due
            else "It was withdrawn, or a newer one took its place"
        )
        await self._keep(_ended(grant, why, refused=True))
        logger.warning("signed out by the service", service="spotify", why=why, fix=SIGN_IN)

    async def _asked(self, form: Mapping[str, str]) -> Answer:
        """What the accounts service says to a form; asked once, as asking twice may cost the sign-in."""
        headers, app = {"Accept": "application/json"}, self.app
        if app.client_secret:
            pair = b64encode(f"{app.client_id}:{app.client_secret}".encode()).decode()
            headers["Authorization"] = f"Basic {pair}"
        question = Question(
            url=f"{app.accounts_base_url}/api/token",
            form={**form, "client_id": app.client_id},
            headers=headers,
            limit=LARGEST_ANSWER,
            repeatable=False,
        )
        return await self._http.ask(self._budget, question)

    async def _keep(self, grant: Grant) -> None:
        """On the disk first. What came with it was used up when it was given: a failed write must not forget it."""
        self._unwritten = grant
        await to_thread.run_sync(write_grant, self._file, grant)
        self.grant, self._unwritten = grant, None

    async def _identify(self, token: str) -> None:
        """Ask whose token it is; a service that cannot say it now is asked again at the next question."""
        try:
            me = await self._client.ask("Who is signed in", lambda spotify: spotify.me(), token)
        except (Temporary, TokenRefused) as error:
            logger.warning("account not known yet", service="spotify", why=str(error))
            return
        account, before = str(me.get("id") or "") if isinstance(me, dict) else "", self.grant.previous
        other = bool(before and account and account != before)
        note = f"Before, {before} was signed in: the lists are now those of {account}" if other else ""
        async with self._lock:
            await self._keep(replace(self._unwritten or self.grant, account=account, note=note))
        logger.info("signed in", service="spotify", account=account)
        if other:
            logger.warning("another account signed in", service="spotify", account=account, before=before)


@contextmanager
def _unbroken() -> Iterator[None]:
    """Not to be cancelled but by a deadline of its own, which is Temporary."""
    try:
        with anyio.fail_after(TOKEN_DEADLINE, shield=True):
            yield
    except TimeoutError as error:
        raise Temporary("Spotify's sign-in service did not answer in time", why=f"{TOKEN_DEADLINE:g} s") from error


def _with_tokens(grant: Grant, answer: Answer, now: datetime) -> Grant:
    """The grant with what came; the refresh token stays where none came."""
    try:
        data = answer.json()
        access, life = data["access_token"], float(data.get("expires_in") or USUAL_LIFE)
        refresh = data.get("refresh_token") or grant.refresh_token
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise _senseless() from error
    if not (isinstance(access, str) and isinstance(refresh, str) and access and refresh and life >= 0):
        raise _senseless()
    until = now + timedelta(seconds=min(max(life, SHORTEST_LIFE), 86400.0))
    return replace(grant, access_token=access, refresh_token=refresh, access_until=until, ended="", refused=False)


def _ended(grant: Grant, why: str, *, refused: bool) -> Grant:
    return replace(grant, access_token="", refresh_token="", ended=why, refused=refused, note="")


def _senseless() -> Temporary:
    return Temporary("Spotify's sign-in service gave an answer that makes no sense")


def _error(answer: Answer) -> str:
    """The error's name in RFC 6749, 5.2; empty for what is none of them."""
    known = ("invalid_grant", "invalid_client", "invalid_request", "unauthorized_client", "unsupported_grant_type")
    try:
        name = answer.json().get("error")
    except (ValueError, AttributeError):
        return ""
    return name if name in known else ""


def _refused(answer: Answer) -> MusicsyncError:
    match _error(answer):
        case "invalid_client" | "unauthorized_client" as name:
            fix = "Correct spotify.client_id and spotify.client_secret in config.toml, then restart"
            return NeedsPerson("Spotify does not take us for the app that we say we are", why=name, fix=fix)
        case "invalid_grant" | "invalid_request" as name:
            return NeedsPerson("Spotify did not accept the sign-in", why=name, fix=f"Begin anew. {SIGN_IN}")
        case _:
            return Temporary("Spotify's sign-in service refused", delay=AGAIN, why=f"It answered {answer.status}")
