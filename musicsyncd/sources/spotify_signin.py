"""Signing in at Spotify: Authorization Code with PKCE (RFC 7636), through a browser on this machine or any other."""

from __future__ import annotations

import hashlib
import hmac
import secrets
import socket
from base64 import urlsafe_b64encode
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import ClassVar, Final
from urllib.parse import parse_qs, urlencode, urlsplit

import anyio
import structlog

from musicsyncd.clock import Clock
from musicsyncd.errors import BadInput, MusicsyncError, NeedsPerson
from musicsyncd.sources.account import Account, Begun, SignedIn, Standing
from musicsyncd.sources.loopback import HOST, Reply, bound, receive
from musicsyncd.sources.spotify_account import SIGN_IN, SpotifyAccount
from musicsyncd.sources.spotify_grant import COUNTDOWN

logger = structlog.get_logger()
SCOPES: Final = (
    "user-library-read",
    "playlist-read-private",
    "playlist-read-collaborative",
    "user-read-currently-playing",
    "user-read-playback-state",
    "user-read-recently-played",
)
"""What we ask a person to allow: reading only."""
PATH: Final = "/callback"
USUAL_PORT: Final = 8888
CLOSING: Final = 30.0
"""Seconds in which the listener of a sign-in that has ended is gone, tokens fetched and browser answered."""
WAITED_FOR: Final = timedelta(minutes=10)
"""How long a person may take in the browser."""


@dataclass(frozen=True, kw_only=True)
class Attempt:
    """One sign-in that has begun; it counts once."""

    state: str = field(default_factory=lambda: secrets.token_urlsafe(24), repr=False)
    verifier: str = field(default_factory=lambda: secrets.token_urlsafe(64), repr=False)
    redirect_uri: str
    until: datetime
    listen: bool
    """Whether the browser is on this machine."""

    @property
    def challenge(self) -> str:
        """The verifier's SHA-256 in base64url, without padding."""
        return urlsafe_b64encode(hashlib.sha256(self.verifier.encode()).digest()).decode().rstrip("=")


class SpotifySignIn(Account):
    """The one sign-in that may be under way, and how it stands with the account. `serve` listens for browsers."""

    service: ClassVar[str] = "spotify"
    title: ClassVar[str] = "Spotify"

    def __init__(self, account: SpotifyAccount, clock: Clock, *, redirect_port: int) -> None:
        """`redirect_port`: of this machine's loopback, 0 for any that is free."""
        self._account, self._clock, self._port = account, clock, redirect_port
        self._attempt: Attempt | None = None
        self._taking: Attempt | None = None
        """The attempt whose tokens are being fetched."""
        self._listener: socket.socket | None = None
        self._trouble = ""
        self._closed = anyio.Event()
        """Set when the listener of the last sign-in is gone, and its port free."""
        self._changed = anyio.Event()

    def standing(self) -> Standing:
        grant, now = self._account.grant, self._clock.now()
        under_way = self._taking or self._attempt
        waiting = under_way.until if under_way and now < under_way.until else None
        if not self._account.app.client_id:
            fix = "Register an app at developer.spotify.com and write its client id into config.toml"
            return Standing(
                service=self.service, signed_in=SignedIn.NOT_SET_UP, why="spotify.client_id is empty", fix=fix
            )
        if not grant.refresh_token:
            return Standing(
                service=self.service,
                signed_in=SignedIn.NO,
                account=grant.account,
                waiting_until=waiting,
                trouble=self._trouble,
                urgent=grant.refused or not grant.account,
                why=grant.ended,
                fix=SIGN_IN,
            )
        left = grant.expires_at - now
        soon = left <= COUNTDOWN
        return Standing(
            service=self.service,
            signed_in=SignedIn.YES,
            account=grant.account,
            authorized_at=grant.authorized_at,
            expires_at=grant.expires_at,
            days_left=max(0, left.days),
            waiting_until=waiting,
            trouble=self._trouble,
            urgent=soon,
            note=grant.note,
            why="Spotify ends every sign-in after six months" if soon else "",
            fix=SIGN_IN if soon else "",
        )

    async def begin(self, *, listen: bool) -> Begun:
        if not self._account.app.client_id:
            standing = self.standing()
            raise NeedsPerson("Spotify is not set up", why=standing.why, fix=standing.fix)
        if self._listener and not self._waits_for_browser():
            with anyio.move_on_after(CLOSING):
                await self._closed.wait()
            self._close()
        if listen and self._listener is None:
            self._closed = anyio.Event()
            self._listener = bound(self._port, setting="spotify.redirect_port")
        port = self._listener.getsockname()[1] if listen and self._listener else self._port or USUAL_PORT
        uri = f"http://{HOST}:{port}{PATH}"
        attempt = Attempt(redirect_uri=uri, until=self._clock.now() + WAITED_FOR, listen=listen)
        self._attempt, self._trouble = attempt, ""
        self._wake()
        return Begun(url=self._address(attempt), redirect_uri=uri, until=attempt.until)

    async def finish(self, url: str) -> Standing:
        await self._take(self._attempt, url)
        return self.standing()

    async def sign_out(self) -> Standing:
        self._attempt = None
        self._wake()
        await self._account.sign_out()
        return self.standing()

    def announce(self) -> None:
        """Write into the log when the sign-in is about to end; called once a day."""
        standing = self.standing()
        if standing.signed_in is SignedIn.YES and standing.urgent:
            logger.warning("sign-in ends soon", service=self.service, days_left=standing.days_left, fix=SIGN_IN)

    async def serve(self) -> None:
        """Listen while a sign-in waits for its browser; otherwise sleep."""
        try:
            while True:
                if self._listener is None:
                    await self._changed.wait()
                else:
                    await self._listen(self._listener)
        finally:
            self._close()

    async def _listen(self, listener: socket.socket) -> None:
        try:
            async with anyio.create_task_group() as tasks:
                tasks.start_soon(self._until_over, tasks.cancel_scope, name="Spotify sign-in ends")
                await receive(listener, PATH, self._visit)
                tasks.cancel_scope.cancel()
        finally:
            self._close()

    async def _until_over(self, scope: anyio.CancelScope) -> None:
        """Stop listening once no sign-in waits for a browser."""
        while (attempt := self._attempt) and self._waits_for_browser():
            with anyio.move_on_after((attempt.until - self._clock.now()).total_seconds()):
                await self._changed.wait()
        scope.cancel()

    def _waits_for_browser(self) -> bool:
        return bool(self._attempt and self._attempt.listen and self._clock.now() < self._attempt.until)

    async def _visit(self, target: str) -> Reply:
        attempt = self._attempt
        try:
            await self._take(attempt, target)
        except MusicsyncError as error:
            # a stranger's visit does not end the sign-in; a refusal that bears its state does
            return Reply(text=str(error), status=400, last=self._attempt is not attempt)
        return Reply(text="Signed in at Spotify. This window can be closed.", last=True)

    async def _take(self, attempt: Attempt | None, url: str) -> None:
        """Sign in with the address that the browser was led to, or say why that cannot be."""
        answer = _answer(url)
        if attempt is None or self._clock.now() >= attempt.until:
            raise BadInput("No sign-in waits for an address", fix="Begin one: musicsyncctl auth spotify")
        if not hmac.compare_digest(answer.get("state", "").encode(), attempt.state.encode()):
            raise BadInput(
                "That address belongs to another sign-in", fix="Copy the one that the browser was led to last"
            )
        self._attempt, self._taking = None, attempt  # one-shot: whoever brings the same address again is refused
        try:
            if "code" not in answer:
                denied = answer.get("error") == "access_denied"
                why = "It was refused in the browser" if denied else "Spotify reports an error"
                raise NeedsPerson("Nobody was signed in", why=why, fix=SIGN_IN)
            redirect = attempt.redirect_uri
            await self._account.exchange(code=answer["code"], verifier=attempt.verifier, redirect_uri=redirect)
        except MusicsyncError as error:
            self._trouble = str(error)
            raise
        finally:
            self._taking = None
            self._wake()

    def _close(self) -> None:
        if self._listener is not None:
            self._listener.close()
            self._listener = None
            self._closed.set()

    def _wake(self) -> None:
        self._changed.set()
        self._changed = anyio.Event()

    def _address(self, attempt: Attempt) -> str:
        app = self._account.app
        query = {
            "response_type": "code",
            "client_id": app.client_id,
            "scope": " ".join(SCOPES),
            "redirect_uri": attempt.redirect_uri,
            "state": attempt.state,
            "code_challenge_method": "S256",
            "code_challenge": attempt.challenge,
        }
        return f"{app.accounts_base_url}/authorize?{urlencode(query)}"


def _answer(url: str) -> Mapping[str, str]:
    """The parameters of the address that a browser was led to, each at most once; BadInput for anything else."""
    try:
        query = parse_qs(urlsplit(url.strip()).query, max_num_fields=20, strict_parsing=True)
    except ValueError:
        query = {}
    if not query or any(len(values) != 1 for values in query.values()):
        fix = f"Copy the whole address that the browser shows after the consent; it begins with http://{HOST}"
        raise BadInput("That is not the address of a sign-in", fix=fix)
    return {name: values[0] for name, values in query.items()}
