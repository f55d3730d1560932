"""Redaction: known secrets and what looks like one go, the rest stays."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from musicsyncd.redaction import MASK, Redactor

CANARY = "cAnaRy-7f3a9"
TOKEN = "cAnaRy7f3a9"

JSON = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(), st.text(max_size=20), st.binary(max_size=8)),
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(st.text(max_size=8), inner, max_size=3)),
    max_leaves=12,
)


@pytest.mark.parametrize(
    "text",
    [
        f"GET https://user:{CANARY}@host/x",
        f"socks5h://{CANARY}@host:1",
        f"http://user:p@{CANARY}@host",
        f"https://host/x?a=1&token={CANARY}&b=2",
        f"https://host/x?access_token={CANARY}#f",
        f"https://w.soundcloud.com/player/?url=https%3A//api.soundcloud.com/tracks/1%3Fsecret_token%3Ds-{CANARY}",
        f"https://host/x?url=https%253A//host/y%253Faccess_token%253d{CANARY}",
        f"client_secret={CANARY}",
        f"CLIENT_SECRET: {CANARY}",
        f'{{"refresh_token": "{CANARY}"}}',
        f"authorization: Bearer {CANARY}",
        f"'Authorization': 'Basic {CANARY}'",
        f"sent with Bearer {CANARY}",
        f"password={CANARY}",
        f"api-key={CANARY}",
    ],
)
def test_what_looks_like_a_secret_goes(text: str) -> None:
    """Without being told any secret, the usual ways of writing one are recognised."""
    assert CANARY not in Redactor().text(text)


@pytest.mark.parametrize(
    "text",
    [
        "https://host/a@b",
        "kept 3 files in 2.5 s",
        "mail me@example.org",
        "the token of the month",
        "key: Am, bpm: 120",
        "https://soundcloud.com/ada/s-club-7",
        "https://soundcloud.com/ada/sets/s-club-7",
        "soundcloud:ada/s-club-7",
    ],
)
def test_what_does_not_stays(text: str) -> None:
    """Ordinary lines are not mangled."""
    assert Redactor().text(text) == text


@pytest.mark.parametrize(
    "text",
    [
        f"https://soundcloud.com/ada/night-ferry/s-{TOKEN}",
        f"https://soundcloud.com/ada/sets/mine/s-{TOKEN}?si=1",
        f"soundcloud:ada/night-ferry/s-{TOKEN}",
        f"['soundcloud:ada/sets/mine/s-{TOKEN}']",
        f"to=https%3A%2F%2Fsoundcloud.com%2Fada%2Fnight-ferry%2Fs-{TOKEN}",
    ],
)
def test_a_private_track_keeps_its_token(text: str) -> None:
    """In an address, in an address within another, and in the id that a track is known by."""
    masked = Redactor().text(text)
    assert TOKEN not in masked
    assert "ada" in masked


def test_what_surrounds_a_secret_stays() -> None:
    """Where a request went can still be read."""
    text = Redactor().text(f"https://u:{CANARY}@host:8080/x?token={CANARY}&page=2")
    assert text == f"https://{MASK}@host:8080/x?token={MASK}&page=2"


@given(value=JSON, path=st.lists(st.sampled_from(["list", "dict", "key", "exception"]), max_size=12))
def test_a_known_secret_is_found_at_any_depth(value: Any, path: list[str]) -> None:
    """Wherever a secret stands, in keys too, it is gone and the rest is JSON."""
    nested: Any = f"before {CANARY} after"
    for step in path:
        wrapped = {"list": [value, nested], "dict": {"a": nested, "b": value}, "exception": ValueError(nested)}
        nested = {CANARY: nested} if step == "key" else wrapped[step]
    assert CANARY not in json.dumps(Redactor({CANARY}).value(nested))


def test_of_two_secrets_the_longer_is_masked_whole() -> None:
    """A secret that begins another leaves no rest of it behind."""
    assert Redactor({"abcd", "abcdefgh"}).text("x abcdefgh y") == f"x {MASK} y"


def test_a_very_short_secret_does_not_eat_words() -> None:
    """An `a` as password masks no prose; in a URL it still goes."""
    redactor = Redactor({"a", ""})
    assert redactor.text("a day at the sea") == "a day at the sea"
    assert redactor.text("http://u:a@h") == f"http://{MASK}@h"


def test_what_cannot_be_told_as_text_costs_only_itself() -> None:
    """A value whose `str` fails is named by its class; a loop ends."""

    class Broken:
        def __str__(self) -> str:
            raise RuntimeError

    loop: list[Any] = []
    loop.append(loop)
    assert Redactor().value({"a": Broken(), "b": 1}) == {"a": "<Broken: RuntimeError>", "b": 1}
    assert json.dumps(Redactor().value(loop))
