"""Identities: one canonical form, written and read back."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from musicsyncd.music.identity import Identity, bears_user, canonical_url, of_file, of_url, shareable_url


@pytest.mark.parametrize(
    ("url", "canonical"),
    [
        ("HTTPS://Example.ORG:443/A/b?x=1#top", "https://example.org/A/b?x=1"),
        (" http://example.org ", "http://example.org/"),
        ("http://user:secret@example.org:8080/a", "http://example.org:8080/a"),
        ("http://[::1]:80/a", "http://[::1]/a"),
        ("https://example.org/watch?v=AbC", "https://example.org/watch?v=AbC"),
    ],
)
def test_canonical_urls(url: str, canonical: str) -> None:
    """What cannot tell two tracks apart goes, what can stays, and a second pass changes nothing."""
    assert canonical_url(url) == canonical
    assert canonical_url(canonical) == canonical


@pytest.mark.parametrize("url", ["", "example.org/a", "ftp://example.org/a", "file:///a", "https:///a"])
def test_what_is_no_url(url: str) -> None:
    """Other schemes, relative paths and missing hosts are refused."""
    with pytest.raises(ValueError, match="no http or https URL"):
        canonical_url(url)


@given(st.from_regex(r"[a-z]{1,12}", fullmatch=True), st.text(min_size=1))
def test_an_identity_is_read_back(provider: str, id_: str) -> None:
    """Whatever the id holds, also colons, the written form names the same track."""
    assert Identity.parse(str(Identity(provider, id_))) == Identity(provider, id_)


@pytest.mark.parametrize("text", ["", "file", "file:", ":abc"])
def test_half_an_identity_is_none(text: str) -> None:
    """Both the provider and the id must be there."""
    with pytest.raises(ValueError, match="no identity"):
        Identity.parse(text)


def test_makers() -> None:
    """A file is its bytes, a URL its canonical form."""
    assert str(of_file("ab" * 32)) == "file:" + "ab" * 32
    assert str(of_url("HTTP://Example.org/x#y")) == "url:http://example.org/x"


@pytest.mark.parametrize(
    ("url", "shared"),
    [
        ("https://a.org/s.ogg", "https://a.org/s.ogg"),
        ("https://user:pw@a.org:81/s.ogg?x=1", "https://a.org:81/s.ogg?x=1"),
        ("https://a.org/s?token=t&page=2&api_key=k&sig=s", "https://a.org/s?page=2"),
        ("https://a.org/s?X-Amz-Signature=s&X-Amz-Date=d&v=1", "https://a.org/s?v=1"),
        ("https://a.org/s?access_token=t", "https://a.org/s"),
        ("https://youtube.com/watch?v=abc&keyword=1", "https://youtube.com/watch?v=abc&keyword=1"),
        ("file:///music/a%20b.wav", "file:///music/a%20b.wav"),
        ("/music/token=x.wav", "/music/token=x.wav"),
        ("", ""),
    ],
)
def test_what_is_passed_on_of_a_url_lets_nobody_in(url: str, shared: str) -> None:
    """Users and parameters that are keys go; what names the page stays."""
    assert shareable_url(url) == shared


@pytest.mark.parametrize(
    ("url", "bears"),
    [
        ("http://u:p@a.org/", True),
        ("http://u@a.org/", True),
        ("http://a.org/@x", False),
        ("/a/b@c.wav", False),
        ("http://[", False),
    ],
)
def test_a_url_with_a_user_is_told_from_others(url: str, bears: bool) -> None:
    """Only what stands before the host counts."""
    assert bears_user(url) is bears
