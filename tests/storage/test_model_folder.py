"""Exported models as folders: what was changed, is missing or cannot be is refused before anything is made of it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from raysat.errors import DataError, FormatError, RaysatError, StorageError
from raysat.storage.model_folder import ModelFolder
from tests.helpers.model_folder import WEIGHTS, manifest, seal, write_model_folder

FILES = {WEIGHTS: b"weights", "model.onnx": b"a program", "stac-item.json": b"{}"}
HASH = "0" * 64


@pytest.fixture(name="folder")
def _folder(tmp_path: Path) -> Path:
    folder = write_model_folder(tmp_path / "model", FILES)
    (folder / "README.md").write_text("# card\n", encoding="utf-8")
    seal(folder)
    return folder


def check(folder: Path) -> None:
    ModelFolder(folder).check()


def test_a_whole_folder_is_read(folder: Path) -> None:
    check(folder)
    read = ModelFolder(folder)
    assert {name: read.read(name) for name in FILES} == FILES
    assert read.manifest.has("model.onnx")
    assert not read.manifest.has("model.pt2")


@pytest.mark.parametrize("name", [*FILES, "model.json"])
@pytest.mark.parametrize("change", ["a byte", "longer", "shorter", "missing", "a folder"])
def test_each_file_that_is_not_what_was_written_is_refused(folder: Path, name: str, change: str) -> None:
    file = folder / name
    content = file.read_bytes()
    match change:
        case "a byte":
            file.write_bytes(content.replace(b"a", b"b", 1) if b"a" in content else b"[]")
        case "longer":
            file.write_bytes(content + b" ")
        case "shorter":
            file.write_bytes(content[:-1])
        case _:
            file.unlink()
            if change == "a folder":
                file.mkdir()
    with pytest.raises(RaysatError) as caught:
        check(folder)
    assert caught.value.exit_code == 2
    assert isinstance(caught.value, StorageError) or name == "model.json"
    assert name in caught.value.message


@pytest.mark.parametrize("name", [*FILES, "model.json"])
def test_each_hash_that_was_changed_is_refused(folder: Path, name: str) -> None:
    sums = folder / "SHA256SUMS"
    lines = sums.read_text(encoding="utf-8").splitlines()
    changed = [line if not line.endswith(f"  {name}") else f"{HASH}  {name}" for line in lines]
    assert changed != lines
    sums.write_text("\n".join(changed) + "\n", encoding="utf-8")
    with pytest.raises(StorageError, match=name.replace(".", r"\.")):
        check(folder)


@pytest.mark.parametrize("text", ["", "rubbish\n", f"{HASH}  ../model.json\n", f"{HASH} model.json\n", "\0"])
def test_sums_that_are_none_are_refused(folder: Path, text: str) -> None:
    (folder / "SHA256SUMS").write_text(text, encoding="utf-8")
    with pytest.raises(StorageError):
        check(folder)


def test_the_card_may_be_edited(folder: Path) -> None:
    (folder / "README.md").write_text("# my own words\n", encoding="utf-8")
    check(folder)


def file_named(name: str, size: int = 7) -> dict[str, Any]:
    return {"name": name, "bytes": size, "sha256": HASH}


BAND = {"mean": 0.0, "std": 1.0, "low": 0.0, "high": 1.0}
HOSTILE: dict[str, tuple[dict[str, Any], str]] = {
    "a path upwards": ({"files": [file_named("../weights")]}, "files.0.name"),
    "an absolute path": ({"files": [file_named("/etc/passwd")]}, "files.0.name"),
    "a hidden file": ({"files": [file_named(".bashrc")]}, "files.0.name"),
    "weights elsewhere": ({"members": [{"seed": 0, "trial": "a", "weights": "../../w"}]}, "members.0.weights"),
    "a trial elsewhere": ({"members": [{"seed": 0, "trial": "../a", "weights": "w"}]}, "members.0.trial"),
    "weights that it lacks": ({"files": [file_named("other")]}, "are not among its files"),
    "itself": ({"files": [file_named(WEIGHTS), file_named("model.json")]}, "is among its files"),
    "a file twice": ({"files": [file_named(WEIGHTS)] * 2}, "comes twice"),
    "a seed twice": (
        {"members": [{"seed": 0, "trial": "a", "weights": "v"}, {"seed": 0, "trial": "b", "weights": "w"}]},
        "comes twice",
    ),
    "no seed": ({"members": []}, "members"),
    "huge files": ({"files": [file_named(WEIGHTS, 10**13)]}, "files.0.bytes"),
    "files of less than nothing": ({"files": [file_named(WEIGHTS, -1)]}, "files.0.bytes"),
    "a huge patch": ({"inputs.height": 16_384, "inputs.width": 16_384}, "more than 67,108,864"),
    "a patch beyond all": ({"inputs.height": 10**9}, "inputs.height"),
    "too many classes": ({"classes": ["c"] * 257}, "classes"),
    "no class": ({"classes": []}, "classes"),
    "fewer statistics": ({"inputs.stats": [BAND]}, "statistics of 1 bands"),
    "another type": ({"inputs.dtype": "complex64"}, "inputs.dtype"),
    "a setting that there is not": ({"config": {"model": {"name": "x", "run": "rm"}}}, "config"),
    "a figure that is none": (
        {"measured": {"split": "test", "patches": 1, "support": [1], "model": {"a": {"value": "x"}}, "seeds": {},
                      "n_seeds": 1}},
        "measured",
    ),
    "nothing of a network": ({"config": None}, "config"),
}  # fmt: skip


@pytest.mark.parametrize(("changes", "match"), HOSTILE.values(), ids=HOSTILE)
def test_a_manifest_that_cannot_be_is_one_error(tmp_path: Path, changes: dict[str, Any], match: str) -> None:
    folder = write_model_folder(tmp_path / "model", {WEIGHTS: b"weights"}, manifest(**changes))
    with pytest.raises(StorageError) as caught:
        check(folder)
    assert match in caught.value.message
    assert caught.value.hint


@pytest.mark.parametrize("version", [0, 2, "1", 1.0, True, None])
def test_another_format_is_said(tmp_path: Path, version: object) -> None:
    folder = write_model_folder(tmp_path / "model", {}, manifest(format=version))
    with pytest.raises(FormatError, match="this raysat reads 1"):
        check(folder)


@pytest.mark.parametrize("content", [b"", b"[]", b"nul", b"{", b"[" * 100_000, b"\xff\xfe", b'{"format": 1}'])
def test_a_manifest_that_is_none_is_one_error(tmp_path: Path, content: bytes) -> None:
    folder = write_model_folder(tmp_path / "model", {})
    (folder / "model.json").write_bytes(content)
    seal(folder)
    with pytest.raises(StorageError):
        check(folder)


def test_what_is_no_model_says_what_is(tmp_path: Path) -> None:
    for path in (tmp_path, tmp_path / "nowhere"):
        with pytest.raises(DataError, match="is no exported model"):
            ModelFolder(path)


def test_a_link_out_of_the_folder_is_compared_like_a_file(folder: Path, tmp_path: Path) -> None:
    secret = tmp_path / "secret"
    secret.write_text("secret", encoding="utf-8")
    (folder / WEIGHTS).unlink()
    (folder / WEIGHTS).symlink_to(secret)
    with pytest.raises(StorageError, match="hash differs"):
        check(folder)


def test_it_keeps_what_it_is_given() -> None:
    from tests.helpers.model_folder import typed

    about = typed()
    assert type(about).model_validate_json(about.model_dump_json()) == about
    assert json.loads(about.model_dump_json())["config"]["model"]["name"] == "test_resnet"
