"""URLs are taken apart as the standard library does it, and shown without what is secret in them."""

from __future__ import annotations

from urllib.parse import urlsplit

import pytest

from raysat.files.urls import key_fault, masked_url, split_url


@pytest.mark.parametrize(
    "url",
    ["https://host:80/a/b.tif?sig=x#y", "s3://bucket", "s3://bucket/", "az://c/a b/c", "https://h?q/e", "gs://b/a//b/"],
)
def test_parts_are_those_of_the_standard_library(url: str) -> None:
    parts, known = split_url(url), urlsplit(url)
    assert parts is not None
    assert (parts.scheme, parts.authority, parts.key) == (known.scheme, known.netloc, known.path.removeprefix("/"))
    assert parts.query == url[len(url) - len(parts.query) :]
    assert known.query in parts.query
    assert known.fragment in parts.query


@pytest.mark.parametrize("text", ["", "a/b", "s3:/bucket/a", "://host/a", "/a://b"])
def test_what_is_no_url(text: str) -> None:
    assert split_url(text) is None


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("https://host/a.tif?sig=secret", "https://host/a.tif?***"),
        ("https://host?sig=secret", "https://host?***"),
        ("https://host/a#secret", "https://host/a#***"),
        ("s3://user:secret@bucket/a", "s3://***@bucket/a"),
        ("s3://secret?secret@bucket/a?secret", "s3://***@bucket/a?***"),
        ("s3://bucket/a\nb", "s3://bucket/a b"),
    ],
)
def test_a_secret_is_not_shown(url: str, shown: str) -> None:
    assert masked_url(url) == shown


@pytest.mark.parametrize("key", ["a//b", "./a", "a/..", "a?b", "a\\b", "a\x00", "é" * 451])
def test_keys_that_cannot_be_used(key: str) -> None:
    assert key_fault(key)


def test_keys_that_can() -> None:
    assert [key_fault(key) for key in ("", "a", "a b/c", "é" * 450)] == [None] * 4
