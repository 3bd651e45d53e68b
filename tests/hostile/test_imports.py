"""Files to import that are not what they say: one clear error at once, naming the file; nothing lost, nothing left."""

from __future__ import annotations

import os
import shutil
import socket
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest

from raysat.data.patch_store import PatchStore
from tests.helpers.data import left_behind, random_pixels, write_manifest
from tests.helpers.hostile import NOBODY, Raysat, assert_refused

as_root = pytest.mark.skipif(os.geteuid() != 0, reason="needs root, to become another user")
pytestmark = pytest.mark.timeout(60)  # a second each; a machine may be busy


def test_what_is_whole_is_read(raysat: Raysat, source: Path, tmp_path: Path) -> None:
    words = {"folder": ("arrays", "--bands", "r,g"), "geotiff": ("m.csv", "--bands", "r,g"), "droughtwatch": ("parts",)}
    for kind, (where, *options) in words.items():
        out = tmp_path / kind
        done = raysat("data", "import", kind, source / where, *options, "--out", out)
        assert (done.code, done.err) == (0, "")
        assert raysat("data", "verify", out).out.startswith("whole: ")
        assert len(PatchStore.open(out)) == {"folder": 5, "geotiff": 4, "droughtwatch": 4}[kind]


FILES = {"folder": "arrays/train/a/1.npy", "geotiff": "1.tif", "droughtwatch": "parts/train/part-1"}


@pytest.mark.parametrize("kind", FILES)
@pytest.mark.parametrize("what", ["pipe", "folder", "device", "loop", "socket", "link to nowhere"])
def test_a_file_that_is_no_file_is_refused_at_once(
    refused: Callable[..., None], source: Path, monkeypatch: pytest.MonkeyPatch, kind: str, what: str
) -> None:
    file = source / FILES[kind]
    file.unlink(missing_ok=True)
    match what:
        case "pipe":
            os.mkfifo(file)
        case "folder":
            file.mkdir()
        case "device":
            file.symlink_to("/dev/zero")
        case "loop":
            file.symlink_to(file.name)
        case "socket":
            monkeypatch.chdir(file.parent)
            socket.socket(socket.AF_UNIX).bind(file.name)
        case "link to nowhere":
            file.symlink_to("none")
    refused(kind, FILES[kind], "cannot be read")


@pytest.mark.parametrize("kind", ["folder", "geotiff", "droughtwatch"])
@pytest.mark.parametrize(
    ("path", "said"),
    [
        ("/dev/zero", "device"),
        ("pipe", "pipe"),
        ("none", ""),
        ("x/" * 3000, "File name too long"),
        ("~nosuchuser/x", ""),
    ],
)
def test_a_source_that_is_none_is_refused_at_once(
    raysat: Raysat, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kind: str, path: str, said: str
) -> None:
    monkeypatch.chdir(tmp_path)
    os.mkfifo("pipe")
    bands = () if kind == "droughtwatch" else ("--bands", "r,g")
    if kind == "folder" and said in ("device", "pipe"):
        said = "holds no train/<class>/*.npy"
    assert_refused(raysat("data", "import", kind, path, *bands, "--out", "s"), 2, said)
    assert left_behind(tmp_path) == ["pipe"]


@pytest.fixture(name="another_user")
def _another_user(source: Path) -> Iterator[Path]:
    """The source in a folder that another user may enter; this process is theirs from ``os.seteuid`` on."""
    folder = Path(tempfile.mkdtemp())
    try:
        folder.chmod(0o755)
        shutil.copytree(source, folder / "in")
        (folder / "out").mkdir()
        os.chown(folder / "out", NOBODY, NOBODY)
        yield folder
    finally:
        os.seteuid(0)
        shutil.rmtree(folder)


@as_root
@pytest.mark.parametrize(
    ("words", "closed"),
    [
        ("folder arrays --bands r,g", "arrays/train/a"),
        ("folder arrays --bands r,g", "arrays/train"),
        ("folder arrays --bands r,g", "arrays/val/b/0.npy"),
        ("geotiff m.csv --bands r,g", "3.tif"),
        ("geotiff m.csv --bands r,g", "m.csv"),
        ("droughtwatch parts", "parts/train"),
        ("droughtwatch parts", "parts/val"),
        ("droughtwatch parts", "parts/val/part-0"),
        ("droughtwatch parts", "parts"),
    ],
)
def test_what_may_not_be_read_is_an_error_and_not_fewer_patches(
    raysat: Raysat, another_user: Path, words: str, closed: str
) -> None:
    kind, where, *options = words.split()
    command = ("data", "import", kind, another_user / "in" / where, *options, "--out")
    assert raysat(*command, another_user / "before").code == 0  # and loads what may be out of reach later
    (another_user / "in" / closed).chmod(0)
    os.seteuid(NOBODY)
    result = raysat(*command, another_user / "out" / "s")
    os.seteuid(0)
    assert_refused(result, 2, f"{closed} cannot be read: Permission denied", "you may not read it")
    assert left_behind(another_user / "out") == []


NAMES = ["a\x1b]0;owned\x07", "\u202eba", "a\nb", "x" * 101, "A", " ", "e\u0301"]


@pytest.mark.parametrize("name", NAMES)
def test_a_class_that_cannot_be_shown_or_told_apart_is_refused(
    refused: Callable[..., None], source: Path, name: str
) -> None:
    (source / "arrays" / "train" / "\u00e9").mkdir()  # beside a and b, one that has two forms
    shutil.copy(source / "4.tif", source / "5.tif")
    np.save(source / "arrays" / "train" / "\u00e9" / "0.npy", random_pixels(7).transpose(1, 2, 0))
    shutil.copytree(source / "arrays" / "val" / "b", source / "arrays" / "train" / name)
    refused("folder", "class", "another name")
    cell = name.replace('"', '""')
    rows = ["0.tif,a,train", "1.tif,\u00e9,train", f'2.tif,"{cell}",val']
    write_manifest(source / "m.csv", rows)
    refused("geotiff", "the label is empty" if name == " " else "another name")


@pytest.mark.parametrize("name", NAMES[:4])
def test_a_band_that_cannot_be_shown_or_told_apart_is_refused(refused: Callable[..., None], name: str) -> None:
    for kind in ("folder", "geotiff"):
        refused(kind, "band", options=("--bands", f"r,{name}"))
        refused(kind, "alone", options=("--bands", "r,R"))


def test_more_classes_than_a_label_can_name_are_refused(refused: Callable[..., None], source: Path) -> None:
    write_manifest(source / "m.csv", [f"{index}.tif,c{index},train" for index in range(1_000)])
    refused("geotiff", "1,000 classes; a store holds 1 to 256", "label column")


MANIFESTS = [
    (b"path,label\n" + b"0.tif,a\n" * 3, "named in row 2 already"),
    (b"path,label\n0.tif,\0\n", "cannot be printed"),
    (b"path,label\n\0.tif,a\n", "NUL"),
    (b"path,label\n0.tif," + b"x" * 200_000, "field larger than field limit"),
    (b"path,label,split\n0.tif,a," + b"x" * 100_000, "unknown split"),
    (b"," * 10_000, "more than 1,000 cells in row 1"),
    (b"path,label\n" + b"\n" * 1_000_000, "more than 1,000,000 rows"),
    (b'path,label\n"0.tif,a\n', "row 2: unexpected end of data"),
    (b"\xff\xfep\0a\0t\0h\0", "byte 0 is not UTF-8"),
    (b"path,label\n\xe9.tif,a\n", "byte 11 is not UTF-8"),
    (b"path,label\n" + b"x" * 5000 + b".tif,a\n", "File name too long"),
    (b"path,label\n" + b"x/" * 2500 + b".tif,a\n", "File name too long"),
    (b"path,label\n\x1b]0;owned\x07.tif,a\n", "No such file"),
    (b"path,label\n/dev/zero,a\n", "it is a device"),
    (b"path,label\n/etc/passwd,a\n", "it is not a TIFF file"),
    (b"path,label\n/vsicurl/http://127.0.0.1:9/x.tif,a\n", "No such file"),
    (b"path,label\n/vsizip/x.zip/0.tif,a\n", "No such file"),
    (b"path,label\nhttp://127.0.0.1:9/x.tif,a\n", "No such file"),
    (b"path,label\nGTIFF_DIR:1:0.tif,a\n", "No such file"),
    (b"path,label\n<VRTDataset/>,a\n", "No such file"),
    (b"path,label\nv.vrt,a\n", "it is not a TIFF file"),
    (b"path,label\nv.tif,a\n", "it is not a TIFF file"),
]


@pytest.mark.slow
@pytest.mark.parametrize(("text", "said"), MANIFESTS, ids=[said for _, said in MANIFESTS])
def test_a_hostile_manifest_is_refused(refused: Callable[..., None], source: Path, text: bytes, said: str) -> None:
    virtual = '<VRTDataset rasterXSize="6" rasterYSize="6"><VRTRasterBand dataType="UInt16" band="1"/></VRTDataset>'
    for name in ("v.vrt", "v.tif"):
        (source / name).write_text(virtual)
    (source / "m.csv").write_bytes(text)
    refused("geotiff", "m.csv", said)


def test_a_manifest_may_name_ordinary_files_elsewhere(raysat: Raysat, source: Path, tmp_path: Path) -> None:
    os.renames(source / "1.tif", tmp_path / "away" / "1.tif")
    (source / "link.tif").symlink_to(source / "2.tif")
    rows = ["../in/0.tif,a,train", f"{tmp_path}/away/1.tif,b,train", "link.tif,a,val"]
    write_manifest(source / "m.csv", rows)
    assert raysat("data", "import", "geotiff", source / "m.csv", "--bands", "r,g", "--out", tmp_path / "s").code == 0


@pytest.mark.parametrize("option", ["--size", "--seed"])
@pytest.mark.parametrize("number", ["1000000000000", "-1", "1e12", "9" * 400])
def test_a_number_out_of_bounds_is_refused_at_the_option(
    raysat: Raysat, tmp_path: Path, option: str, number: str
) -> None:
    result = raysat("data", "synth", "--out", tmp_path / "s", option, number)
    assert result.code == 2
    assert option in result.err
    assert left_behind(tmp_path) == []
    if number == "1000000000000":
        assert "must be a whole number from" in result.err


@pytest.mark.parametrize(
    ("out", "code", "said"),
    [
        ("x" * 300, 2, "more than 255 bytes"),
        ("y/" * 3000, 3, "File name too long"),
        ("/dev/null", 2, "exists already"),
        ("/dev/null/s", 3, "is a file, not a folder"),
        ("/proc/s", 3, "cannot be written"),
    ],
)
def test_a_store_that_cannot_be_written_is_one_error(
    raysat: Raysat, source: Path, monkeypatch: pytest.MonkeyPatch, out: str, code: int, said: str
) -> None:
    monkeypatch.chdir(source)
    words = ("data", "import", "geotiff", "m.csv", "--bands", "r,g", "--out", out)
    assert_refused(raysat(*words), code, said)
