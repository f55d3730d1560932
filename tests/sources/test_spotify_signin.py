"""A person's way in at Spotify: the browser on this machine, and the pasted address."""

from __future__ import annotations

import stat
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import anyio
import httpx
import pytest

from musicsyncd.errors import BadInput, NeedsPerson
from musicsyncd.sources.account import SignedIn
from musicsyncd.sources.spotify_grant import read_grant
from tests.fakes.spotify import FakeSpotify, Person
from tests.sources.spotify_house import House, house


@pytest.fixture
async def at(fake: FakeSpotify, tmp_path: Path) -> AsyncIterator[House]:
    """Nobody is signed in, and somebody listens for browsers."""
    async with house(fake, tmp_path, signed_in=False) as made, anyio.create_task_group() as tasks:
        tasks.start_soon(made.signin.serve)
        yield made
        tasks.cancel_scope.cancel()


def led_to(address: str) -> str:
    """What the browser does at Spotify: consent, and be led on."""
    return httpx.get(address).headers["location"]


async def browse(address: str, *, headers: dict[str, str] | None = None) -> httpx.Response:
    async with httpx.AsyncClient() as browser:
        return await browser.get(address, headers=headers)


async def test_a_browser_on_this_machine_signs_in(at: House) -> None:
    """The daemon listens on the literal loopback, takes one return, and closes its door; /me says who it is."""
    begun = await at.signin.begin(listen=True)
    assert begun.redirect_uri.startswith("http://127.0.0.1:")
    page = await browse(led_to(begun.url))
    assert (page.status_code, "Signed in" in page.text) == (200, True)
    standing = at.signin.standing()
    assert (standing.signed_in, standing.account, standing.days_left) == (SignedIn.YES, "ada", 180)
    assert standing.waiting_until is None
    assert stat.S_IMODE(at.file.stat().st_mode) == 0o600
    assert read_grant(at.file) == at.account.grant
    with pytest.raises(httpx.ConnectError):
        await browse(begun.redirect_uri)


async def test_pkce_and_state_are_as_they_should_be(at: House) -> None:
    """A challenge of the verifier, a state of its own each time, and reading scopes only."""
    first, second = [parse_qs(urlsplit((await at.signin.begin(listen=False)).url).query) for _ in range(2)]
    assert first["code_challenge_method"] == ["S256"]
    assert first["state"] != second["state"]
    assert first["code_challenge"] != second["code_challenge"]
    assert "user-library-read" in first["scope"][0]
    assert "modify" not in first["scope"][0]


async def test_a_pasted_address_signs_in(at: House) -> None:
    """Where the browser is on another machine: nobody listens."""
    begun = await at.signin.begin(listen=False)
    with pytest.raises(httpx.ConnectError):
        await browse(begun.redirect_uri)
    standing = await at.signin.finish(f"  {led_to(begun.url)}\n")
    assert standing.signed_in is SignedIn.YES


async def test_an_address_counts_once(at: House) -> None:
    """The second time it belongs to no sign-in."""
    address = led_to((await at.signin.begin(listen=False)).url)
    await at.signin.finish(address)
    with pytest.raises(BadInput, match="No sign-in waits"):
        await at.signin.finish(address)


async def test_a_foreign_state_is_refused_and_ends_nothing(at: House) -> None:
    """Any page can send a browser to the loopback; the person's own return still counts."""
    begun = await at.signin.begin(listen=True)
    page = await browse(f"{begun.redirect_uri}?code=stolen&state=guessed")
    assert (page.status_code, "another sign-in" in page.text) == (400, True)
    with pytest.raises(BadInput, match="another sign-in"):
        await at.signin.finish(f"{begun.redirect_uri}?code=stolen&state=guessed")
    assert (await browse(led_to(begun.url))).status_code == 200
    assert not any("stolen" in one.form.values() for one in at.fake.asked)


@pytest.mark.parametrize(
    "address", ["", "nonsense", "http://127.0.0.1/callback", "http://[", "?state=a&state=b&code=c"]
)
async def test_what_is_no_return_is_refused(at: House, address: str) -> None:
    """With what to paste."""
    await at.signin.begin(listen=False)
    with pytest.raises(BadInput, match="not the address of a sign-in"):
        await at.signin.finish(address)


async def test_the_door_answers_its_own_address_only(at: House) -> None:
    """Not another path, not another name in Host (a page that had its own name lead here), not a POST."""
    begun = await at.signin.begin(listen=True)
    good = led_to(begun.url)
    assert (await browse(good.replace("/callback", "/"))).status_code == 404
    assert (await browse(good, headers={"Host": "evil.example"})).status_code == 404
    async with httpx.AsyncClient() as browser:
        assert (await browser.post(good)).status_code == 404
    assert (await browse(good)).status_code == 200


async def test_silent_and_broken_visitors_keep_nobody_out(at: House) -> None:
    """A connection that says nothing, one that hangs up, and one that talks without end."""
    begun = await at.signin.begin(listen=True)
    port = urlsplit(begun.redirect_uri).port
    assert port
    silent = await anyio.connect_tcp("127.0.0.1", port)
    gone = await anyio.connect_tcp("127.0.0.1", port)
    await gone.aclose()
    async with await anyio.connect_tcp("127.0.0.1", port) as endless:
        await endless.send(b"GET /" + b"a" * 20_000)
        assert (await endless.receive()).startswith(b"HTTP/1.1 404")
    assert (await browse(led_to(begun.url))).status_code == 200
    await silent.aclose()


async def test_a_refusal_in_the_browser_is_told(at: House) -> None:
    """To the browser and to whoever asks; nobody is signed in."""
    begun = await at.signin.begin(listen=True)
    state = parse_qs(urlsplit(begun.url).query)["state"][0]
    page = await browse(f"{begun.redirect_uri}?error=access_denied&state={state}")
    assert page.status_code == 400
    standing = at.signin.standing()
    assert (standing.signed_in, standing.waiting_until) == (SignedIn.NO, None)
    assert "refused in the browser" in standing.trouble


async def test_a_sign_in_is_bounded_in_time(at: House) -> None:
    """Ten minutes; later the address is worth nothing."""
    begun = await at.signin.begin(listen=False)
    assert begun.until - at.clock.now() == timedelta(minutes=10)
    address = led_to(begun.url)
    await at.clock.advance(601)
    assert at.signin.standing().waiting_until is None
    with pytest.raises(BadInput):
        await at.signin.finish(address)


async def test_a_new_beginning_takes_the_place_of_the_old(at: House) -> None:
    """On the same port; the old address is refused, the new one counts."""
    first = await at.signin.begin(listen=True)
    old = led_to(first.url)
    await anyio.wait_all_tasks_blocked()
    second = await at.signin.begin(listen=True)
    assert second.redirect_uri == first.redirect_uri
    assert (await browse(old)).status_code == 400
    assert (await browse(led_to(second.url))).status_code == 200
    third = await at.signin.begin(listen=True)
    assert (await browse(led_to(third.url))).status_code == 200


async def test_a_taken_port_is_told(at: House) -> None:
    """With the setting that names another."""
    begun = await at.signin.begin(listen=True)
    at.signin._listener, kept = None, at.signin._listener
    at.signin._port = urlsplit(begun.redirect_uri).port or 0
    with pytest.raises(NeedsPerson, match=r"spotify\.redirect_port"):
        await at.signin.begin(listen=True)
    at.signin._listener = kept


async def test_another_account_is_noticed(at: House) -> None:
    """Also after a sign-out, and when /me could not be asked at once."""
    await at.signin.finish(led_to((await at.signin.begin(listen=False)).url))
    assert at.signin.standing().note == ""
    await at.signin.sign_out()
    at.fake.person = Person(id="tomo")
    at.fake.answers = [(500, {}, None)]
    await at.signin.finish(led_to((await at.signin.begin(listen=False)).url))
    assert at.signin.standing().account == ""
    assert await at.account.account() == "tomo"
    assert "ada was signed in" in at.signin.standing().note
