"""The client against real servers on the loopback: tries, limits, redirects, certificates, proxies."""

from __future__ import annotations

import gc
import gzip
import os
import subprocess
import sys
import traceback
import urllib.error
import urllib.request
import weakref
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import anyio
import pytest
import structlog
import trustme

from musicsyncd import __version__
from musicsyncd.clock import SystemClock
from musicsyncd.errors import BadInput, MusicsyncError, NeedsPerson, Permanent, Temporary
from musicsyncd.http.budget import Budget, Pace
from musicsyncd.http.client import HttpClient, HttpOptions, Question, certificates
from tests.fakes.hook import Hook
from tests.fakes.music_services import OTHER_HOST, Ill, MusicServices
from tests.fakes.origin import Origin, Page

CANARY = "canary-5f1e"


@pytest.fixture
def origin() -> Iterator[Origin]:
    with Origin() as origin:
        yield origin


@pytest.fixture
def services() -> Iterator[MusicServices]:
    with MusicServices() as services:
        yield services


@pytest.fixture
def budget() -> Budget:
    return Budget("Songbook", Pace(rate=1000.0, burst=100), SystemClock())


@pytest.fixture
async def client() -> AsyncIterator[HttpClient]:
    client = HttpClient(HttpOptions(timeout=5.0), contact="dj@example.org")
    yield client
    await client.close()


async def fails(client: HttpClient, budget: Budget, question: Question) -> MusicsyncError:
    with pytest.raises(MusicsyncError) as caught, anyio.fail_after(30):
        await client.ask(budget, question)
    return caught.value


async def test_an_answer_comes_whole(client: HttpClient, budget: Budget, origin: Origin) -> None:
    """Status, headers in lower case, and the body unpacked; the question says who asks."""
    body = gzip.compress(b'{"a": [1, "\xc3\xa9"]}')
    origin.serve("/a", Page(body=body, headers={"Content-Encoding": "gzip", "X-Odd": "1"}))
    answer = await client.ask(budget, Question(url=origin.url("/a"), params={"inc": "a b", "q": "ä&="}))
    assert (answer.status, answer.headers["x-odd"], answer.json()) == (200, "1", {"a": [1, "é"]})
    (asked,) = origin.asked
    assert asked.path in ("/a?inc=a+b&q=%C3%A4%26%3D", "/a?inc=a%20b&q=%C3%A4%26%3D")
    assert asked.headers["user-agent"] == f"musicsyncd/{__version__} ( dj@example.org )"


@pytest.mark.parametrize("status", [400, 401, 404, 410])
async def test_a_refusal_is_the_askers_to_read(client: HttpClient, budget: Budget, origin: Origin, status: int) -> None:
    """It is answered once, and costs the service no trust."""
    origin.serve("/a", Page(status=status, body=b"no"))
    assert (await client.ask(budget, Question(url=origin.url("/a")))).status == status
    assert (len(origin.asked), budget.standing.failures) == (1, 0)


async def test_what_may_be_asked_again_is(client: HttpClient, budget: Budget, services: MusicServices) -> None:
    """Two failures are lived through; what must not be repeated is not."""
    question = Question(url=services.url("/v2/lookup"), form={"client": "x"})
    services.fall_ill("/v2/lookup", Ill(status=500), Ill(status=502))
    assert (await client.ask(budget, question)).status == 400
    assert len(services.asked) == 3
    services.fall_ill("/v2/lookup", Ill(status=500))
    once = Question(url=services.url("/v2/lookup"), form={"client": "x"}, repeatable=False)
    assert isinstance(await fails(client, budget, once), Temporary)
    assert len(services.asked) == 4


async def test_a_long_wait_is_an_error_at_once(client: HttpClient, budget: Budget, services: MusicServices) -> None:
    """The delay is the service's own, and the next question is not even asked."""
    services.fall_ill("/v2", Ill(status=429, headers={"Retry-After": "86400"}))
    for _ in range(2):
        error = await fails(client, budget, Question(url=services.url("/v2/lookup"), form={}))
        assert isinstance(error, Temporary)
        assert error.delay is not None
        assert 86_300 < error.delay <= 86_400
    assert len(services.asked) == 1


async def test_a_vendors_library_asks_on_the_same_budget(
    client: HttpClient, budget: Budget, services: MusicServices
) -> None:
    """What a library in a thread was told holds for our own client too, and for the library's next turn."""
    services.fall_ill("/archive", Ill(status=429, headers={"retry-after": "3600"}))

    def library() -> tuple[int, dict[str, str]]:
        try:
            with urllib.request.urlopen(services.url("/archive/x")) as answer:
                return answer.status, dict(answer.headers)
        except urllib.error.HTTPError as error:
            with error:
                return error.code, dict(error.headers)

    await budget.turn()
    await budget.answered(*await anyio.to_thread.run_sync(library))
    assert isinstance(await fails(client, budget, Question(url=services.url("/archive/x"))), Temporary)
    with pytest.raises(Temporary, match="left alone until"):
        await budget.turn()
    assert len(services.asked) == 1


async def test_nobody_there(client: HttpClient, budget: Budget) -> None:
    """Said by the host's name; the row of failures is the budget's."""
    error = await fails(client, budget, Question(url=f"http://127.0.0.1:9/a?key={CANARY}"))
    assert isinstance(error, Temporary)
    assert CANARY not in repr(error.as_dict())
    assert "127.0.0.1 cannot be asked" in error.what
    assert budget.standing.failures == 3


async def test_an_answer_that_breaks_off(client: HttpClient, budget: Budget, origin: Origin) -> None:
    """Half a body is no answer; the second try brings the whole."""
    origin.serve("/a", Page(body=b"x" * 5000, cut_after=100, cuts=1))
    assert len((await client.ask(budget, Question(url=origin.url("/a")))).body) == 5000
    origin.serve("/a", Page(body=b"x" * 5000, cut_after=100))
    assert isinstance(await fails(client, budget, Question(url=origin.url("/a"))), Temporary)


async def test_silence_has_an_end(budget: Budget, origin: Origin) -> None:
    """Neither a server that says nothing nor one that drips overruns its time."""
    client = HttpClient(HttpOptions(timeout=0.2))
    origin.serve("/silent", Page(body=b"x" * 10, drip=(1, 3.0)))
    origin.serve("/drip", Page(body=b"x" * 1000, drip=(1, 0.1)))
    silent = await fails(client, budget, Question(url=origin.url("/silent"), repeatable=False))
    assert "did not answer within 0.2 s" in silent.why
    drip = await fails(client, budget, Question(url=origin.url("/drip"), repeatable=False))
    assert "did not finish its answer within 0.8 s" in drip.what
    await client.close()


@pytest.mark.parametrize("chunked", [True, False])
async def test_too_much_is_not_read(client: HttpClient, budget: Budget, origin: Origin, chunked: bool) -> None:
    """Whether it is announced or not, packed or not; and the service is not thought ill of."""
    origin.serve("/a", Page(body=b"x" * 200_000, chunked=chunked))
    packed = gzip.compress(b"x" * 50_000_000)
    origin.serve("/bomb", Page(body=packed, headers={"Content-Encoding": "gzip"}))
    for path in ("/a", "/bomb"):
        error = await fails(client, budget, Question(url=origin.url(path), limit=100_000))
        assert isinstance(error, BadInput)
    assert (len(origin.asked), budget.standing.failures) == (2, 0)
    assert (await client.ask(budget, Question(url=origin.url("/a"), limit=200_000))).status == 200


# Redirects

SECRET_HEADERS = {"Authorization": f"Bearer {CANARY}", "X-Api-Key": CANARY, "Accept": "image/*"}


async def test_another_host_gets_no_credentials(client: HttpClient, budget: Budget, services: MusicServices) -> None:
    """Whatever the header is called; what says who we are and what we take goes along."""
    services.pictures["r"] = b"picture"
    question = Question(url=services.url("/release/r/front-500"), headers=SECRET_HEADERS)
    assert (await client.ask(budget, question)).body == b"picture"
    first, second = services.asked
    assert (first.host, second.host) == ("127.0.0.1", OTHER_HOST)
    assert first.headers["x-api-key"] == CANARY
    assert CANARY not in repr(second)
    assert second.headers["accept"] == "image/*"
    assert second.headers["user-agent"].startswith("musicsyncd/")


async def test_the_same_host_keeps_them(client: HttpClient, budget: Budget, origin: Origin) -> None:
    """A page that moved within a service is still the service's."""
    origin.serve("/old", Page(status=301, headers={"Location": "/new"}))
    origin.serve("/new", Page(body=b"here"))
    assert (await client.ask(budget, Question(url=origin.url("/old"), headers=SECRET_HEADERS))).body == b"here"
    assert origin.asked[1].headers["authorization"] == f"Bearer {CANARY}"


@pytest.mark.parametrize(("status", "allowed"), [(302, True), (303, True), (307, False), (308, False)])
async def test_a_form_is_not_sent_on(
    client: HttpClient, budget: Budget, services: MusicServices, status: int, allowed: bool
) -> None:
    """A redirect that asks for the body elsewhere is refused; one that only shows a page is followed without it."""
    services.pictures["r"] = b"page"
    onward = services.url("/archive/r", host=OTHER_HOST)
    services.fall_ill("/v2", Ill(status=status, headers={"Location": onward}))
    question = Question(url=services.url("/v2/lookup"), form={"client": CANARY})
    if allowed:
        assert (await client.ask(budget, question)).body == b"page"
        assert CANARY not in repr(services.asked[1])
        return
    error = await fails(client, budget, question)
    assert isinstance(error, Permanent)
    assert CANARY not in repr(error.as_dict())
    assert len(services.asked) == 1


async def test_json_is_posted(client: HttpClient, budget: Budget) -> None:
    """Once, with its type and the headers that go along; a secret in it is in no repr."""
    with Hook() as hook:
        question = Question(url=hook.url("/x"), json={"a": ["é", CANARY]}, headers={"Idempotency-Key": "1"})
        assert (await client.ask(budget, question)).status == 204
        assert CANARY not in repr(question)
        (post,) = hook.posts
    assert (post.method, post.json, post.headers["idempotency-key"]) == ("POST", {"a": ["é", CANARY]}, "1")
    assert post.headers["content-type"] == "application/json"


@pytest.mark.parametrize(
    ("status", "host", "methods"),
    [
        (301, "127.0.0.1", ["POST"]),
        (302, OTHER_HOST, ["POST"]),
        (303, "127.0.0.1", ["POST", "GET"]),
        (307, "127.0.0.1", ["POST", "POST"]),
        (308, OTHER_HOST, ["POST"]),
    ],
)
async def test_json_arrives_whole_or_not_at_all(
    client: HttpClient, budget: Budget, status: int, host: str, methods: list[str]
) -> None:
    """It goes along within its host only; where clients would drop it on the way, the redirect is refused."""
    with Hook() as hook:
        hook.answer(status, Location=hook.url("/new", host))
        question = Question(url=hook.url("/x"), json={"a": CANARY})
        if len(methods) == 1:
            error = await fails(client, budget, question)
            assert isinstance(error, Permanent)
            assert CANARY not in repr(error.as_dict())
        else:
            await client.ask(budget, question)
        assert [post.method for post in hook.posts] == methods


@pytest.mark.parametrize("target", ["/a", "ftp://example.org/x", "file:///etc/passwd", "http://127.0.0.1:99999/x"])
async def test_a_redirect_that_leads_nowhere(client: HttpClient, budget: Budget, origin: Origin, target: str) -> None:
    """In a circle, to another protocol, or to no port."""
    origin.serve("/a", Page(status=302, headers={"Location": target}))
    assert isinstance(await fails(client, budget, Question(url=origin.url("/a"))), Permanent)
    assert len(origin.asked) <= 6


@pytest.mark.parametrize("credential", [f"{CANARY}\n", f"{CANARY}\nx", f"{CANARY}é"])
async def test_a_credential_that_no_header_can_hold_is_not_told(
    client: HttpClient, budget: Budget, origin: Origin, credential: str
) -> None:
    """A person has to mend it; neither the sentence nor what is logged of it quotes it, and it is not tried again."""
    error = await fails(client, budget, Question(url=origin.url("/a"), headers={"Authorization": credential}))
    assert isinstance(error, NeedsPerson)
    logged = "".join(traceback.format_exception(error))
    assert CANARY not in logged + str(budget.standing)
    assert "header" in error.why


# Certificates and proxies


async def test_certificates_are_checked_by_the_settings_authorities(budget: Budget, tmp_path: Path) -> None:
    """An unknown authority is refused, and the sentence says which key would change that; a known one is trusted; and
    nothing leads from https to http.
    """
    authority = trustme.CA()
    authority.cert_pem.write_to_path(str(tmp_path / "ca.pem"))
    with Origin(authority=authority) as secure, Origin() as plain:
        secure.serve("/a", Page(body=b"safe"))
        secure.serve("/down", Page(status=302, headers={"Location": plain.url("/a")}))
        strict, knowing = HttpClient(HttpOptions()), HttpClient(HttpOptions(ca_file=tmp_path / "ca.pem"))
        error = await fails(strict, budget, Question(url=secure.url("/a"), repeatable=False))
        assert "http.ca_file" in error.fix
        assert (await knowing.ask(budget, Question(url=secure.url("/a")))).body == b"safe"
        assert isinstance(await fails(knowing, budget, Question(url=secure.url("/down"))), Permanent)
        assert plain.asked == []
        await strict.close()
        await knowing.close()


def test_authorities_are_read_once_for_all_who_use_them(tmp_path: Path) -> None:
    """A new file under the same name is read anew; what nobody uses any more is not kept."""
    file = tmp_path / "ca.pem"
    trustme.CA().cert_pem.write_to_path(str(file))
    first, system = certificates(file), certificates(None)
    assert certificates(file) is first
    assert certificates(None) is system
    trustme.CA().cert_pem.write_to_path(str(file))
    os.utime(file, ns=(0, 1))
    assert certificates(file) is not first
    gone = weakref.ref(first)
    del first
    gc.collect()
    assert gone() is None


async def test_an_unreadable_authority_is_a_persons_matter(budget: Budget, tmp_path: Path) -> None:
    """Said with the key, and nothing is asked."""
    client = HttpClient(HttpOptions(ca_file=tmp_path / "none.pem"))
    error = await fails(client, budget, Question(url="http://127.0.0.1:9/"))
    assert isinstance(error, NeedsPerson)
    assert "http.ca_file" in error.fix


async def test_the_proxy_is_asked(budget: Budget, origin: Origin, monkeypatch: pytest.MonkeyPatch) -> None:
    """That of the settings; that of the environment only where they say so."""
    origin.serve("http://example.invalid/a", Page(body=b"through the proxy"))
    through = HttpClient(HttpOptions(proxy=origin.url("/").rstrip("/")))
    assert (await through.ask(budget, Question(url="http://example.invalid/a"))).body == b"through the proxy"
    monkeypatch.setenv("HTTP_PROXY", origin.url("/"))
    for trust, reached in ((True, 200), (False, None)):
        client = HttpClient(HttpOptions(trust_env=trust))
        question = Question(url="http://example.invalid/a", repeatable=False)
        if reached:
            assert (await client.ask(budget, question)).status == reached
        else:
            assert isinstance(await fails(client, budget, question), Temporary)
        await client.close()
    await through.close()


async def test_a_proxy_of_another_kind_is_said(budget: Budget) -> None:
    """SOCKS 4 serves downloads, not this."""
    client = HttpClient(HttpOptions(proxy=f"socks4://u:{CANARY}@127.0.0.1:9"))
    error = await fails(client, budget, Question(url="http://127.0.0.1:9/"))
    assert isinstance(error, NeedsPerson)
    assert CANARY not in repr(error.as_dict())


# What it costs, and what it says


async def test_cookies_are_not_kept(client: HttpClient, budget: Budget, origin: Origin) -> None:
    """A service knows us by what we say of ourselves, and by nothing it gave us."""
    origin.serve("/a", Page(headers={"Set-Cookie": "id=1"}))
    for _ in range(2):
        await client.ask(budget, Question(url=origin.url("/a")))
    assert "cookie" not in origin.asked[1].headers


async def test_a_cancelled_question_counts_for_nothing(client: HttpClient, budget: Budget, origin: Origin) -> None:
    """Neither for nor against the service."""
    origin.serve("/a", Page(body=b"x" * 10, drip=(1, 3.0)))
    with anyio.move_on_after(0.3):
        await client.ask(budget, Question(url=origin.url("/a")))
    assert budget.standing.failures == 0


async def test_nothing_is_logged_at_the_usual_level(
    client: HttpClient, budget: Budget, services: MusicServices, caplog: Any
) -> None:
    """httpx would write each URL down."""
    with caplog.at_level("DEBUG"), structlog.testing.capture_logs():
        await client.ask(budget, Question(url=services.url("/v2/lookup"), form={"client": CANARY}))
    assert [one for one in caplog.records if one.name.startswith(("httpx", "httpcore"))] == []
    assert CANARY not in repr(Question(url="http://a", form={"client": CANARY}, headers={"X": CANARY}))


def test_an_idle_daemon_does_not_load_it() -> None:
    """The daemon imports this room and everything that asks through it, and httpx only with the first question."""
    probe = "import sys, musicsyncd.daemon; print(sorted({'httpx', 'httpcore', 'requests'} & set(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", probe], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


async def test_a_body_is_sent_as_json_and_stays_at_its_host(
    client: HttpClient, budget: Budget, services: MusicServices, origin: Origin
) -> None:
    """By POST; a redirect that would send it elsewhere is refused, and what is hidden is in no repr."""
    question = Question(url=services.url("/v2/lookup"), json={"client": CANARY}, hidden={"token": CANARY})
    await client.ask(budget, question)
    (asked,) = services.asked
    assert asked.method == "POST"
    assert CANARY not in repr(question)
    elsewhere = f"http://{OTHER_HOST}:{origin.port}/else"
    services.fall_ill("/v2/lookup", Ill(status=307, headers={"Location": elsewhere}))
    error = await fails(client, budget, question)
    assert isinstance(error, Permanent)
    assert CANARY not in str(error)
