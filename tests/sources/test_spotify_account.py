"""Being signed in at Spotify: refreshing, rotating, the end of it, and the file that keeps it."""

from __future__ import annotations

import os
import stat
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import anyio
import httpx
import pytest
from structlog.testing import capture_logs

from musicsyncd.errors import MusicsyncError, NeedsPerson, Temporary
from musicsyncd.sources import spotify_account
from musicsyncd.sources.account import SignedIn
from musicsyncd.sources.spotify_grant import Grant, read_grant, write_grant
from tests.fakes.spotify import CLIENT_ID, FakeSpotify, saved
from tests.sources.spotify_house import House, house


@pytest.fixture
async def inside(fake: FakeSpotify, tmp_path: Path) -> AsyncIterator[House]:
    """Somebody is signed in."""
    async with house(fake, tmp_path) as made:
        yield made


def led_to(address: str) -> str:
    """What the browser does at Spotify: consent, and be led on."""
    return httpx.get(address).headers["location"]


def refreshes(fake: FakeSpotify) -> int:
    return sum(one.form.get("grant_type") == "refresh_token" for one in fake.asked)


def on_disk(at: House) -> Grant:
    grant = read_grant(at.file)
    assert grant is not None
    return grant


async def test_signing_out_forgets_the_tokens(inside: House) -> None:
    """On the disk too; nobody is pressed to sign in again."""
    before = inside.account.grant
    standing = await inside.signin.sign_out()
    assert (standing.signed_in, standing.urgent) == (SignedIn.NO, False)
    text = inside.file.read_text()
    assert before.access_token not in text
    assert before.refresh_token not in text
    with pytest.raises(NeedsPerson, match="Nobody is signed in"):
        await inside.source.list()


async def test_with_a_client_secret_it_is_sent_in_the_header(tmp_path: Path) -> None:
    """HTTP Basic, RFC 6749, 2.3.1; and the absent refresh token keeps the old one."""
    with FakeSpotify(secret="s3cret-of-the-app") as fake:
        fake.rotates = False
        async with house(fake, tmp_path, signed_in=False) as at:
            await at.signin.finish(led_to((await at.signin.begin(listen=False)).url))
            kept = at.account.grant.refresh_token
            for _ in range(3):
                await at.clock.advance(3600)
                await at.source.list()
            assert at.account.grant.refresh_token == kept == on_disk(at).refresh_token
            assert refreshes(fake) == 3


# Refreshing


async def test_a_refresh_token_is_on_the_disk_before_its_access_token_is_used(inside: House) -> None:
    """Single use: at the first question with a new access token, the file holds the refresh token that came with it."""
    seen: list[tuple[str, str]] = []
    inside.fake.between = lambda offset: seen.append((on_disk(inside).access_token, on_disk(inside).refresh_token))
    first = inside.account.grant
    await inside.clock.advance(3600)
    await inside.source.list()
    now = inside.account.grant
    assert now.refresh_token != first.refresh_token
    assert seen == [(now.access_token, now.refresh_token)]
    assert f"Bearer {now.access_token}" == inside.fake.asked[-1].authorization


async def test_there_is_one_refresher(inside: House) -> None:
    """However many ask at the same time; a second would use a refresh token that is dead."""
    await inside.clock.advance(3600)
    async with anyio.create_task_group() as tasks:
        for _ in range(20):
            tasks.start_soon(inside.source.playing)
    assert refreshes(inside.fake) == 1


async def test_an_access_token_that_ended_early_is_replaced_once(inside: House) -> None:
    """401 in mid-life: one refresh, and the question is asked again."""
    inside.fake.person.saved = saved(3)
    inside.fake.expire()
    assert len((await inside.source.list()).tracks) == 3
    assert refreshes(inside.fake) == 1


async def test_a_token_that_is_never_taken_makes_no_loop(inside: House) -> None:
    """One refresh, and then Temporary."""
    inside.fake.always = (401, {}, {"error": {"status": 401, "message": "no"}})
    with pytest.raises(Temporary, match="just given"):
        await inside.source.list()
    assert refreshes(inside.fake) == 1


async def test_a_withdrawn_consent_is_said_once(inside: House) -> None:
    """`invalid_grant`: a state. Spotify is not asked again, not after a restart either."""
    inside.fake.revoke()
    with pytest.raises(NeedsPerson, match=r"signed us out.*musicsyncctl auth spotify"):
        await inside.source.list()
    asked = len(inside.fake.asked)
    for _ in range(3):
        with pytest.raises(NeedsPerson, match=r"Nobody is signed in.*musicsyncctl auth spotify"):
            await inside.source.list()
    await inside.account.open()
    with pytest.raises(NeedsPerson):
        await inside.source.list()
    assert len(inside.fake.asked) == asked
    standing = inside.signin.standing()
    assert (standing.signed_in, standing.urgent) == (SignedIn.NO, True)
    assert inside.account.grant.refresh_token == ""


async def test_a_lost_token_answer_ends_in_a_state(inside: House) -> None:
    """The old refresh token is dead and the new one is lost: Temporary first, signed out at the next try, no loop."""
    inside.fake.cut_tokens = 1
    await inside.clock.advance(3600)
    with pytest.raises(Temporary):
        await inside.source.list()
    assert inside.signin.standing().signed_in is SignedIn.YES
    for _ in range(3):
        with pytest.raises(NeedsPerson):
            await inside.source.list()
    assert refreshes(inside.fake) == 2


async def test_a_lost_token_answer_costs_nothing_where_refresh_tokens_last(inside: House) -> None:
    """The next try gets another."""
    inside.fake.rotates, inside.fake.cut_tokens = False, 1
    await inside.clock.advance(3600)
    with pytest.raises(Temporary):
        await inside.source.list()
    assert (await inside.source.list()).tracks == ()


async def test_a_cancelled_refresh_is_still_written_down(inside: House) -> None:
    """A stop, or a job that is cancelled, must not lose the only token that counts."""
    await inside.clock.advance(3600)
    with anyio.move_on_after(0.001):
        await inside.account.token()
    assert refreshes(inside.fake) == 1
    assert on_disk(inside).refresh_token == inside.account.grant.refresh_token
    assert (await inside.source.list()).tracks == ()
    assert refreshes(inside.fake) == 1


async def hang(stream: anyio.abc.SocketStream) -> None:
    """A service that takes the question and never answers."""
    async with stream:
        await anyio.sleep_forever()


async def test_a_sign_in_service_that_hangs_is_given_up(inside: House, monkeypatch: pytest.MonkeyPatch) -> None:
    """After its own deadline, also within a shield."""
    monkeypatch.setattr(spotify_account, "TOKEN_DEADLINE", 0.05)
    async with await anyio.create_tcp_listener(local_host="127.0.0.1") as silent, anyio.create_task_group() as tasks:
        tasks.start_soon(silent.serve, hang)
        port = silent.extra(anyio.abc.SocketAttribute.local_port)
        inside.account.app = replace(inside.account.app, accounts_base_url=f"http://127.0.0.1:{port}")
        await inside.clock.advance(3600)
        with pytest.raises(Temporary, match="in time"):
            await inside.account.token()
        tasks.cancel_scope.cancel()


@pytest.mark.parametrize(
    ("status", "body", "kind"),
    [
        (400, {"error": "invalid_client"}, NeedsPerson),
        (400, {"error": "invalid_request"}, NeedsPerson),
        (400, {"error": ["x"]}, Temporary),
        (403, b"<html>", Temporary),
        (200, b"<html>", Temporary),
        (200, {}, Temporary),
        (200, {"access_token": "", "refresh_token": "r"}, Temporary),
        (200, {"access_token": 7}, Temporary),
        (200, {"access_token": "a", "expires_in": "soon"}, Temporary),
        (200, [], Temporary),
        (500, {}, Temporary),
        (429, {"error": "slow"}, Temporary),
        (302, None, MusicsyncError),
    ],
)
async def test_other_token_answers_end_no_sign_in(
    inside: House, status: int, body: object, kind: type[MusicsyncError]
) -> None:
    """Only `invalid_grant` means that the person is signed out."""
    inside.fake.token_answers = [(status, {}, body)]
    await inside.clock.advance(3600)
    with pytest.raises(kind):
        await inside.source.list()
    assert inside.signin.standing().signed_in is SignedIn.YES
    await inside.clock.advance(60)
    assert (await inside.source.list()).tracks == ()


# Six months


async def test_six_months_are_counted_down_and_refreshing_does_not_extend_them(inside: House) -> None:
    """From thirty days before on it is a matter for a person."""
    await inside.clock.advance(149 * 86400)
    await inside.source.list()
    standing = inside.signin.standing()
    assert (standing.days_left, standing.urgent) == (31, False)
    await inside.clock.advance(86400)
    standing = inside.signin.standing()
    assert (standing.days_left, standing.urgent) == (30, True)
    assert standing.fix == "Run: musicsyncctl auth spotify"


async def test_the_end_after_six_months_is_named(inside: House) -> None:
    """The same `invalid_grant`, for another reason."""
    inside.fake.revoke()
    await inside.clock.advance(181 * 86400)
    with pytest.raises(NeedsPerson, match="Six months have passed"):
        await inside.source.list()


async def test_the_countdown_is_announced(inside: House) -> None:
    """A line in the log for each day of the last thirty, and none before."""
    with capture_logs() as lines:
        inside.signin.announce()
        await inside.clock.advance(151 * 86400)
        inside.signin.announce()
    assert [(one["event"], one["days_left"]) for one in lines] == [("sign-in ends soon", 29)]


# The file


@pytest.mark.parametrize("content", [b"", b"{", b"[]", b'{"client_id": "x"}', b"\xff", b'{"access_until": 3}'])
async def test_a_damaged_file_is_a_state(inside: House, content: bytes) -> None:
    """Signed out, with the reason, and a sign-in mends it."""
    inside.file.write_bytes(content)
    await inside.account.open()
    standing = inside.signin.standing()
    assert (standing.signed_in, standing.urgent) == (SignedIn.NO, True)
    assert "spotify.json cannot be read" in standing.why
    await inside.signin.finish(led_to((await inside.signin.begin(listen=False)).url))
    assert inside.signin.standing().signed_in is SignedIn.YES


async def test_tokens_of_another_app_do_not_count(inside: House) -> None:
    """They would only be refused."""
    write_grant(inside.file, replace(inside.account.grant, client_id="another"))
    await inside.account.open()
    assert "another spotify.client_id" in inside.signin.standing().why


def test_the_file_appears_whole_and_private(tmp_path: Path) -> None:
    """Whatever the umask, and whatever a killed write left behind."""
    start = datetime(2026, 1, 1, tzinfo=UTC)
    grant = Grant(client_id=CLIENT_ID, refresh_token="r", access_until=start, authorized_at=start)
    (tmp_path / ".spotify.json.new").write_text("half")
    before = os.umask(0)
    try:
        write_grant(tmp_path / "spotify.json", grant)
    finally:
        os.umask(before)
    assert [path.name for path in tmp_path.iterdir()] == ["spotify.json"]
    assert stat.S_IMODE((tmp_path / "spotify.json").stat().st_mode) == 0o600
    assert read_grant(tmp_path / "spotify.json") == grant


def test_a_grant_shows_no_token() -> None:
    """Neither in a log nor in a traceback."""
    start = datetime(2026, 1, 1, tzinfo=UTC)
    grant = Grant(
        client_id="c", refresh_token="r3fresh", access_token="acc3ss", access_until=start, authorized_at=start
    )
    assert "r3fresh" not in repr(grant)
    assert "acc3ss" not in repr(grant)


async def test_a_full_disk_is_temporary_and_loses_the_old_grant_not(inside: House, tmp_path: Path) -> None:
    """What stands in the file stays whole."""
    before = inside.file.read_bytes()
    inside.account._file = tmp_path / "no such folder" / "spotify.json"
    await inside.clock.advance(3600)
    with pytest.raises(Temporary, match="cannot be written"):
        await inside.source.list()
    assert inside.file.read_bytes() == before


def fill_disk(at: House, monkeypatch: pytest.MonkeyPatch, *, times: int) -> None:
    """So many writes find no room."""
    left = iter(range(times))

    def full(path: Path, grant: Grant) -> None:
        if next(left, None) is not None:
            raise Temporary(f"The sign-in cannot be written to {path}")
        write_grant(path, grant)

    monkeypatch.setattr(spotify_account, "write_grant", full)


async def test_a_full_disk_at_a_refresh_does_not_cost_the_sign_in(
    inside: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The refresh token that came is held, is not used before it is written, and no other is asked for."""
    fill_disk(inside, monkeypatch, times=2)
    await inside.clock.advance(3600)
    asked = len(inside.fake.asked)
    for _ in range(2):
        with pytest.raises(Temporary, match="cannot be written"):
            await inside.source.list()
    assert len(inside.fake.asked) == asked + 1
    assert (await inside.source.list()).tracks == ()
    assert on_disk(inside) == inside.account.grant
    await inside.clock.advance(3600)
    assert (await inside.source.list()).tracks == ()
    assert refreshes(inside.fake) == 2
    assert inside.signin.standing().signed_in is SignedIn.YES


async def test_a_full_disk_at_a_sign_in_does_not_cost_it(
    fake: FakeSpotify, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The code that the browser brought counts once: its tokens are written as soon as there is room."""
    async with house(fake, tmp_path, signed_in=False) as at:
        fill_disk(at, monkeypatch, times=1)
        code = led_to((await at.signin.begin(listen=False)).url)
        with pytest.raises(Temporary, match="cannot be written"):
            await at.signin.finish(code)
        assert at.signin.standing().signed_in is SignedIn.NO
        assert (await at.source.list()).tracks == ()
        assert at.signin.standing().signed_in is SignedIn.YES
        assert on_disk(at) == at.account.grant


async def test_a_sign_out_that_the_disk_did_not_take_holds_all_the_same(
    inside: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nobody is asked with tokens that a person wanted forgotten."""
    fill_disk(inside, monkeypatch, times=1)
    asked = len(inside.fake.asked)
    with pytest.raises(Temporary, match="cannot be written"):
        await inside.signin.sign_out()
    with pytest.raises(NeedsPerson, match="Nobody is signed in"):
        await inside.source.list()
    assert len(inside.fake.asked) == asked
    assert on_disk(inside).refresh_token == ""
