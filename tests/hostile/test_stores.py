"""A patch store from elsewhere: what is wrong in it is one clear error, at once, whatever its files claim to be."""

from __future__ import annotations

import io
import json
import os
import shutil
import struct
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from raysat.data.patch_store import PatchStore
from raysat.errors import StoreError
from tests.helpers.data import left_behind, patches, splits_of, write_store
from tests.helpers.hostile import assert_refused

Raysat = Callable[..., Any]
HUGE = 10**400
DEEP = "[" * 3000


@pytest.fixture(name="made", scope="session")
def _made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path: Path = write_store(tmp_path_factory.mktemp("made") / "s", patches(), np.arange(12) % 2, splits_of(12)).path
    return path


@pytest.fixture(name="store")
def _store(made: Path, tmp_path: Path) -> Path:
    shutil.copytree(made, tmp_path / "s")
    return tmp_path / "s"


def edit(store: Path, **values: Any) -> None:
    """Change keys of store.json, of the first band's statistics where they begin with ``stats_``."""
    meta = json.loads((store / "store.json").read_text())
    for key, value in values.items():
        if key.startswith("stats_"):
            meta["stats"][0][key.removeprefix("stats_")] = value
        else:
            meta[key] = value
    (store / "store.json").write_text(json.dumps(meta))


WRONG = [
    *(("sensor", value) for value in (3, True, [None], [], "", "x" * 101, "\x1b]0;owned\x07")),
    *(("classes", value) for value in ([1, 2], [["a"], ["b"]], "ab", {"a": 1, "b": 2}, [None, None], [], None)),
    *(("classes", ["c0", value]) for value in ("c0", "C0", "", "a\0b", "\x1b[31m", "a\nb", "\u202ea", " a", "x" * 101)),
    ("classes", ["\u00e9", "e\u0301"]),
    ("classes", ["\ufb01", "fi"]),
    ("classes", [f"c{index}" for index in range(257)]),
    ("classes", [f"c{index}" for index in range(100_000)]),
    *(("bands", value) for value in ([1, 2], [["a"], ["b"]], [None, None], "ab", ["a,b", "c"], ["B1", "b1"], [])),
    ("bands", [f"b{index}" for index in range(1001)]),
    *((f"stats_{name}", value) for name in ("mean", "std", "low", "high") for value in (None, "x", "1", [1], {}, True)),
    *((f"stats_{name}", value) for name in ("mean", "std", "low", "high") for value in (HUGE, 1e308, float("nan"))),
    ("stats_std", -1),
    ("stats_low", 256),
    ("stats", []),
    ("stats", None),
    *(("ordinal", value) for value in ("no", {}, -1, 0, None)),
    *(("generated", value) for value in ("no", 0, [])),
    *(("fingerprint", value) for value in (None, [], "../../x", "x" * 1_000_000, "0" * 31, "0" * 32, "G" * 32)),
    *(("format", value) for value in (True, 1.0, "1", 2, None)),
    *(("splits", value) for value in ("tvetvetvetvx", "tve", "", None, "t" * 13, "\u00e9" * 12)),
    *(("shape", value) for value in ([12, 2, 5, 6], [12, 2, 5], [12, 2, 5, 5.0], "x", [0, 2, 5, 5])),
    *(("dtype", value) for value in ("uint16", "object", 3)),
    *(("nodata", value) for value in ([1, 0], [-1, 0], [0], [0, 301], [True, 0], "x", [HUGE, 0])),
    *(("source", {"kind": value}) for value in ([1], {"a": "b"}, {"a": {}}, "x" * 10_001, HUGE, {"a": HUGE})),
    *(("source", value) for value in (None, [], {str(index): 0 for index in range(101)})),
    ("checksum", "0" * 64),
]


@pytest.mark.timeout(10)
@pytest.mark.parametrize(("key", "value"), WRONG, ids=lambda value: str(value)[:20])
def test_a_description_that_cannot_be_is_refused(raysat: Raysat, store: Path, key: str, value: Any) -> None:
    edit(store, **{key: value})
    assert_refused(raysat("data", "info", store), 2, str(store), "import the data again" if key != "format" else "")


@pytest.mark.parametrize(
    "text",
    [
        "",
        "{",
        "[]",
        "null",
        "3",
        DEEP,
        '{"a":' * 3000,
        '{"format": 1, "bands": ' + DEEP,
        '{"x": "\\ud800"}',
        '{"x": NaN}',
    ],
    ids=lambda text: text[:12],
)
def test_what_is_no_description_is_refused(raysat: Raysat, store: Path, text: str) -> None:
    (store / "store.json").write_text(text)
    assert_refused(raysat("data", "info", store), 2, "store.json")


def header(shape: str, descr: str = "'|u1'", order: str = "False", size: int = 128) -> bytes:
    """The start of an .npy file."""
    text = f"{{'descr': {descr}, 'fortran_order': {order}, 'shape': {shape}, }}"
    text = text.ljust(size - 11) + "\n"
    return b"\x93NUMPY\x01\x00" + struct.pack("<H", len(text)) + text.encode()


def saved(array: Any) -> bytes:
    """An array as numpy saves it."""
    file = io.BytesIO()
    np.save(file, array, allow_pickle=True)
    return file.getvalue()


def archive(array: Any) -> bytes:
    """An .npz archive."""
    file = io.BytesIO()
    np.savez(file, images=array)
    return file.getvalue()


PIXELS, LABELS = bytes(12 * 2 * 5 * 5), bytes(12)
NPY = [
    b"",
    b"PK\3\4",
    b"PK\3\4" + bytes(600),
    archive(np.zeros((12, 2, 5, 5), np.uint8)),
    b"\x93NUMPY",
    b"\x93NUMPY\x01\x00\xff\xff",
    b"\x93NUMPY\x04\x00" + bytes(100),
    b"\x93NUMPY\x02\x00\xff\xff\xff\xff",
    header("(-1, 2, 5, 5)") + PIXELS,
    header("(9223372036854775807, 2, 5, 5)") + PIXELS,
    header("(2814749767106560,)") + LABELS,
    header(f"({HUGE},)") + LABELS,
    header("(12, 2, 5, 5.0)") + PIXELS,
    header("(12, 2, 5, True)") + PIXELS,
    header("[12, 2, 5, 5]") + PIXELS,
    header("12") + LABELS,
    header("(" * 60 + ")" * 60, size=256) + LABELS,
    header("(12, 0, 5, 5)"),
    header("(12, 2, 0, 0)"),
    header("(0,)"),
    header("()") + b"\0",
    header("(12, 2, 5, 5)", order="True") + PIXELS,
    header("(12, 2, 5, 5)", order="1") + PIXELS,
    header("(12, 2, 5, 5)", "'|O'") + PIXELS,
    header("(12,)", "[('a', '|u1')]") + LABELS,
    header("(12,)", "__import__('os').system('touch owned')") + LABELS,
    header("(3,)", "'<U1'") + LABELS,
    header("(12,)", "'|S1'") + LABELS,
    header("(12,)", "'|V1'") + LABELS,
    header("(12,)", "'<u3'") + LABELS * 3,
    header("(12,)", "'<M8'") + LABELS * 8,
    header("(12,)", "'|u1,|u1'") + LABELS * 2,
    header("(12,)", "'|b1'") + LABELS,
    header("(12, 2, 5, 5)", "'<f8'") + PIXELS * 8,
    header("(12, 2, 5, 5)", "'<c8'") + PIXELS * 8,
    header("(12, 2, 5, 5)", "'|i1'") + PIXELS,
    header("(12, 2, 5, 5)") + PIXELS[:-1],
    header("(12, 2, 5, 5)") + PIXELS + b"\0",
    header("(12,)") + LABELS[:-1],
    header("(12,)") + LABELS + b"\0",
    header("(12,)") + b"\2" * 12,
    header("(13,)") + LABELS + b"\0",
    header("(12, 1)") + LABELS,
    header("(12, 2, 5, 5)", size=60_000) + PIXELS,
    header("(12, 2, 5, 5)") + PIXELS,  # whole, but other pixels than the store was written with
    saved(np.array([{}] * 12)),
    saved(np.array(["a"] * 12)),
    saved(np.zeros(12, [("a", "u1")])),
    b"\x80\x04\x95" + bytes(100),
]


@pytest.mark.timeout(10)
@pytest.mark.parametrize("name", ["images.npy", "labels.npy"])
@pytest.mark.parametrize("content", NPY, ids=range(len(NPY)))
def test_a_file_that_is_not_the_array_is_refused(
    raysat: Raysat, store: Path, monkeypatch: pytest.MonkeyPatch, name: str, content: bytes
) -> None:
    monkeypatch.chdir(store)
    (store / name).write_bytes(content)
    assert_refused(raysat("data", "info", store), 2, str(store), "import the data again")
    assert left_behind(store) == ["images.npy", "labels.npy", "store.json"]


@pytest.mark.timeout(10)
@pytest.mark.parametrize("name", ["store.json", "images.npy", "labels.npy"])
@pytest.mark.parametrize("kind", ["pipe", "folder", "device", "loop", "absent"])
def test_a_file_that_is_no_file_is_refused_at_once(raysat: Raysat, store: Path, name: str, kind: str) -> None:
    (store / name).unlink()
    match kind:
        case "pipe":
            os.mkfifo(store / name)
        case "folder":
            (store / name).mkdir()
        case "device":
            (store / name).symlink_to("/dev/zero")
        case "loop":
            (store / name).symlink_to(name)
    assert_refused(raysat("data", "info", store), 2, str(store))


def test_a_petabyte_of_nothing_is_refused(raysat: Raysat, store: Path) -> None:
    start = header("(1125899906842624,)")
    with (store / "labels.npy").open("wb") as file:
        file.write(start)
        file.truncate(len(start) + (1 << 42))  # sparse: takes no space
    assert_refused(raysat("data", "info", store), 2, "labels.npy")


def test_values_that_are_no_numbers_are_refused(raysat: Raysat, tmp_path: Path) -> None:
    store = write_store(tmp_path / "s", patches(dtype=np.float32), np.zeros(12), splits_of(12)).path
    edit(store, checksum=None)
    for value in (np.nan, np.inf):
        images = patches(dtype=np.float32)
        images[3, 1, 2, 2] = value
        np.save(store / "images.npy", images)
        assert_refused(raysat("data", "info", store), 2, "patch 3 holds NaN or infinite values")


@pytest.mark.parametrize("command", ["info", "verify"])
@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("~nosuchuser/x", "there is no user nosuchuser"),
        ("x" * 5000, "more than 255 bytes"),
        ("/".join(["x" * 200] * 30), "File name too long"),
        ("no/such/store", "there is no patch store"),
        ("\x1b]0;owned\x07", "there is no patch store"),
    ],
)
def test_a_name_that_leads_nowhere_is_refused(raysat: Raysat, command: str, name: str, said: str) -> None:
    assert_refused(raysat("data", command, name), 2, said)


def test_a_plan_on_a_hostile_store_is_the_same_error(raysat: Raysat, store: Path, tmp_path: Path) -> None:
    (tmp_path / "s.yaml").write_text("study: s\narms: {a: {}}\nseeds: [0]\n")
    edit(store, classes=[f"c{index}" for index in range(100_000)])
    words = ("plan", "--space", tmp_path / "s.yaml", "--data", store)
    assert_refused(raysat(*words), 2, "100,000 classes; a store holds 1 to 256")


@settings(max_examples=150, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_any_change_of_a_file_is_found_or_does_not_matter(made: Path, tmp_path: Path, data: st.DataObject) -> None:
    store = tmp_path / "changed"
    shutil.rmtree(store, ignore_errors=True)
    shutil.copytree(made, store)
    file = store / data.draw(st.sampled_from(["store.json", "images.npy", "labels.npy"]))
    content = bytearray(file.read_bytes())
    for _ in range(data.draw(st.integers(1, 3))):
        at = data.draw(st.integers(0, len(content) - 1))
        match data.draw(st.sampled_from(["flip", "cut", "insert", "repeat"])):
            case "flip":
                content[at] = data.draw(st.integers(0, 255))
            case "cut":
                del content[at : at + data.draw(st.integers(1, 40))]
            case "insert":
                content[at:at] = data.draw(st.binary(max_size=20))
            case "repeat":
                content[at:at] = content[: data.draw(st.integers(1, 200))]
    file.write_bytes(content)
    whole = PatchStore.open(made)
    opened, message = None, ""
    try:
        opened = PatchStore.open(store)
    except StoreError as error:
        message = error.message
    assert message.isprintable()
    assert len(message) < 600
    if opened is None:
        return
    for name in ("bands", "classes", "sensor", "ordinal", "generated", "stats", "fingerprint", "nodata"):
        assert getattr(opened, name) == getattr(whole, name)
    for name in ("images", "labels", "splits"):
        np.testing.assert_array_equal(getattr(opened, name), getattr(whole, name))


def test_an_archive_of_a_bomb_is_never_opened(raysat: Raysat, store: Path) -> None:
    with zipfile.ZipFile(store / "images.npy", "w", zipfile.ZIP_DEFLATED) as bomb:
        bomb.writestr("images.npy", bytes(10_000_000))
    assert_refused(raysat("data", "info", store), 2, "it is not an .npy file")
