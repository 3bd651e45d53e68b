"""Paths in object stores: what text is one, what names join to, and that no error repeats a password."""

from __future__ import annotations

import os
import pickle
from pathlib import Path, PurePosixPath

import pytest
from hypothesis import given
from hypothesis import strategies as st

from raysat.errors import UsageError
from raysat.files import ObjectPath, as_path

NAMES = st.text(st.characters(categories=["L", "N"], include_characters="._- %"), min_size=1, max_size=20).filter(
    lambda name: name not in {".", ".."} and name.isprintable()
)


@given(st.lists(NAMES, min_size=1, max_size=4))
def test_names_are_those_of_a_posix_path(names):
    path, twin = ObjectPath("s3://bucket"), PurePosixPath("/")
    for name in names:
        path, twin = path / name, twin / name
    assert str(path) == f"s3://bucket{twin}"
    assert (path.name, path.stem, path.suffix) == (twin.name, twin.stem, twin.suffix)
    assert (path.key, path.bucket) == (str(twin).lstrip("/"), "s3://bucket")
    assert str(path.parent).removeprefix("s3://bucket").lstrip("/") == str(twin.parent).lstrip("/")
    assert str(path.with_name("x")) == f"s3://bucket{twin.with_name('x')}"
    assert path.lies_in(path.parent)
    assert not path.parent.lies_in(path)
    assert pickle.loads(pickle.dumps(path)) == path == as_path(str(path))  # noqa: S301
    assert len({path, as_path(f"{path}/")}) == 1


def test_a_folder_beside_it_that_begins_alike_does_not_hold_it():
    assert not ObjectPath("s3://bucket/runs-2/x").lies_in(ObjectPath("s3://bucket/runs"))


def test_it_is_no_path_of_this_machine():
    with pytest.raises(TypeError):
        os.fspath(ObjectPath("gs://bucket/x"))


@pytest.mark.parametrize("text", ["runs/x", "/runs/x", "~/x", "a:b", "x//y"])
def test_any_other_text_is_a_path_of_a_disk(text):
    assert as_path(text) == Path(text) == as_path(Path(text))


def test_file_urls_are_paths_of_a_disk():
    assert as_path("file:///runs/a%20b") == as_path("file://localhost/runs/a%20b") == Path("/runs/a b")


@pytest.mark.parametrize(
    "text",
    [
        "s3://",
        "s3:///x",
        "s3://b/x/../y",
        "s3://bucket//x",
        "s3://bucket/x\ny",
        "s3://bucket/x\x1b[2J",
        "s3://" + "b" * 300,
        "s3://bucket/" + "x" * 1000,
        "S3://bucket/x",
        "ftp://host/x",
        "https://host/x",
        "file://host/x",
        "s3:/bucket/x",
    ],
)
def test_what_is_no_url_is_one_short_line(text):
    with pytest.raises(UsageError) as caught:
        as_path(text)
    assert "\n" not in caught.value.message
    assert "\x1b" not in caught.value.message
    assert len(caught.value.message) < 500
    assert caught.value.hint


@pytest.mark.parametrize(
    "text",
    ["s3://user:hunter2@bucket/x", "s3://bucket/x?secret=hunter2", "https://user:hunter2@host/x", "s3://b/x#hunter2"],
)
def test_no_error_repeats_a_password(text):
    with pytest.raises(UsageError) as caught:
        as_path(text)
    assert "hunter2" not in f"{caught.value.message}{caught.value.hint}"


def test_a_url_that_became_a_path_is_refused_rather_than_written_to_a_folder_called_s3():
    with pytest.raises(UsageError, match="no URL"):
        as_path(Path("s3://bucket/x"))
