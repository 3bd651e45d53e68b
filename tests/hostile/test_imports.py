"""Files to import that are not what they say: one clear error at once, naming the file; nothing lost, nothing left."""

from __future__ import annotations

import gzip
import os
import shutil
import socket
import struct
import tempfile
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import crc32c
import numpy as np
import pytest
import rasterio

from raysat.data.importers.tfrecord import masked_crc
from raysat.data.patch_store import PatchStore
from tests.helpers.data import example, left_behind, patch_features, record, write_manifest, write_part, write_tiff
from tests.helpers.hostile import assert_refused

Raysat = Callable[..., Any]
NOBODY = 65534
as_root = pytest.mark.skipif(os.geteuid() != 0, reason="needs root, to become another user")
pytestmark = pytest.mark.timeout(20)


def pixels(seed: int, bands: int = 2, side: int = 6) -> Any:
    return np.random.default_rng(seed).integers(1, 200, (bands, side, side)).astype(np.uint16)


@pytest.fixture(name="source")
def _source(tmp_path: Path) -> Path:
    """A folder with something of each kind to import: arrays, GeoTIFFs with their manifest, TFRecords."""
    for seed, name in enumerate(("train/a/0", "train/a/1", "train/b/0", "val/a/0", "val/b/0")):
        file = tmp_path / "in" / "arrays" / f"{name}.npy"
        file.parent.mkdir(parents=True, exist_ok=True)
        np.save(file, pixels(seed).transpose(1, 2, 0))
        write_tiff(tmp_path / "in" / f"{seed}.tif", pixels(seed))
    rows = ["0.tif,a,train", "1.tif,b,train", "2.tif,a,val", "3.tif,b,val"]
    write_manifest(tmp_path / "in" / "m.csv", rows)
    images = np.random.default_rng(0).integers(1, 255, (4, 11, 65, 65), dtype=np.uint8)
    for split in ("train", "val"):
        features = [patch_features(images[index + 2 * (split == "val")], index) for index in range(2)]
        write_part(tmp_path / "in" / "parts" / split / "part-0", features)
    return tmp_path / "in"


@pytest.fixture(name="refused")
def _refused(raysat: Raysat, source: Path, tmp_path: Path) -> Callable[..., None]:
    """Check that an import is refused, and that it leaves nothing."""

    def check(kind: str, *said: str, options: tuple[str, ...] = ()) -> None:
        where = {"folder": "arrays", "geotiff": "m.csv", "droughtwatch": "parts"}[kind]
        bands = () if kind == "droughtwatch" else ("--bands", "r,g")
        result = raysat("data", "import", kind, source / where, *(options or bands), "--out", tmp_path / "s")
        assert_refused(result, 2, *said)
        assert left_behind(tmp_path) == ["in"]

    return check


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
    np.save(source / "arrays" / "train" / "\u00e9" / "0.npy", pixels(7).transpose(1, 2, 0))
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


def declare(path: Path, count: int, height: int, width: int, **options: Any) -> None:
    """Write a small file that declares so many pixels and holds none of them."""
    profile = {"driver": "GTiff", "count": count, "height": height, "width": width, "dtype": "uint16"}
    with rasterio.open(path, "w", SPARSE_OK=True, **profile, **options):
        pass
    assert path.stat().st_size < 10_000_000


@pytest.mark.parametrize("row", [0, 2])
@pytest.mark.parametrize(
    ("size", "options"),
    [
        ((1, 100_000, 100_000), {"tiled": True, "blockxsize": 8192, "blockysize": 8192}),
        ((2, 100_000, 100_000), {"tiled": True, "blockxsize": 8192, "blockysize": 8192}),
        ((2, 20_000, 20_000), {"tiled": True}),
        ((2, 20_000, 20_000), {"compress": "deflate", "tiled": True}),
        ((2, 6, 6), {"tiled": True, "blockxsize": 32_768, "blockysize": 32_768}),
        ((60_000, 6, 6), {"interleave": "band"}),
    ],
    ids=["one band", "10^10", "20,000", "deflate", "one block", "60,000 bands"],
)
def test_an_image_larger_than_a_patch_is_refused_before_it_is_read(
    refused: Callable[..., None], source: Path, row: int, size: tuple[int, int, int], options: dict[str, Any]
) -> None:
    declare(source / f"{row}.tif", *size, **options)
    refused(
        "geotiff",
        f"row {row + 2}",
        "bands" if size[0] != 2 else "MB" if row == 0 or size[1] == 6 else "the ones before it are 6 x 6 px",
    )


def test_a_bomb_is_refused_before_it_is_unpacked(refused: Callable[..., None], source: Path) -> None:
    profile = {"driver": "GTiff", "count": 2, "height": 6000, "width": 6000, "dtype": "uint16", "compress": "zstd"}
    with rasterio.open(source / "0.tif", "w", tiled=True, **profile) as file:
        file.write(np.zeros((2, 6000, 6000), np.uint16))
    assert (source / "0.tif").stat().st_size < 500_000
    refused("geotiff", "row 2", "more than 64 MB for a patch")


@pytest.fixture(name="visited")
def _visited() -> Iterator[list[str]]:
    """A server on this machine, and who called."""
    seen: list[str] = []
    with socket.create_server(("127.0.0.1", 0)) as server:
        seen.append(str(server.getsockname()[1]))

        def answer() -> None:
            while True:
                try:
                    with server.accept()[0] as client:
                        seen.append(client.recv(100).decode("latin-1"))
                except OSError:
                    return

        threading.Thread(target=answer, daemon=True).start()
        yield seen


def test_files_beside_an_image_change_nothing(raysat: Raysat, source: Path, tmp_path: Path, visited: list[str]) -> None:
    away = f"/vsicurl/http://127.0.0.1:{visited[0]}/x.tif"
    inner = f'<SourceFilename relativeToVRT="0">{away}</SourceFilename>'
    for name in ("0.tif.aux.xml", "0.aux.xml", "0.tif.ovr", "0.ovr", "0.tfw", "0.IMD", "0.RPB", "0_rpc.txt", "0.tab"):
        (source / name).write_text(
            f'<!DOCTYPE x [<!ENTITY e SYSTEM "http://127.0.0.1:{visited[0]}/e">]><PAMDataset>&e;{inner}'
            '<PAMRasterBand band="1"><NoDataValue>5</NoDataValue></PAMRasterBand></PAMDataset>'
        )
    expected = pixels(0)
    expected[0, 0, 0] = 5
    write_tiff(source / "0.tif", expected)
    (source / "0.tif.aux.xml").write_text(
        '<PAMDataset><PAMRasterBand band="1"><NoDataValue>5</NoDataValue></PAMRasterBand></PAMDataset>'
    )
    done = raysat("data", "import", "geotiff", source / "m.csv", "--bands", "r,g", "--out", tmp_path / "s")
    assert (done.code, done.err) == (0, "")
    store = PatchStore.open(tmp_path / "s")
    np.testing.assert_array_equal(store.images[0], expected)
    assert store.nodata == (0, 0)
    assert visited[1:] == []


@pytest.mark.parametrize("cut", [4, 8, 12, 60, 150, -1])
def test_a_damaged_image_is_one_error(refused: Callable[..., None], source: Path, cut: int) -> None:
    (source / "1.tif").write_bytes((source / "1.tif").read_bytes()[:cut])
    refused("geotiff", "m.csv: row 3: ", "1.tif cannot be read as GeoTIFF")


def test_an_image_that_lists_itself_ends(refused: Callable[..., None], source: Path) -> None:
    content = bytearray((source / "1.tif").read_bytes())
    first = struct.unpack("<I", content[4:8])[0]
    entries = struct.unpack("<H", content[first : first + 2])[0]
    content[first : first + 2] = struct.pack("<H", 65_535)
    (source / "1.tif").write_bytes(content)
    assert entries < 65_535
    refused("geotiff", "1.tif")


def npy(text: str, payload: bytes = b"") -> bytes:
    """An .npy file with this header."""
    return b"\x93NUMPY\x01\x00" + struct.pack("<H", len(text)) + text.encode() + payload


ARRAYS = [
    npy("{'descr': '<u2', 'fortran_order': False, 'shape': (6, 6, 2), }" + " " * 60_000 + "\n", bytes(144)),
    npy("{'descr': '<u2', 'fortran_order': False, 'shape': (100000, 100000, 2), }\n"),
    npy("{'descr': '<u2', 'fortran_order': False, 'shape': (-1, 6, 2), }\n", bytes(144)),
    npy("{'descr': '|O', 'fortran_order': False, 'shape': (6, 6, 2), }\n", b"cos\nsystem\n(S'touch owned'\ntR."),
    npy("(" * 3000),
    npy("__import__('os').system('touch owned')"),
    b"PK\3\4" + bytes(100),
    b"\x80\x04\x95" + bytes(100),
    b"",
]


@pytest.mark.parametrize("name", ["train/a/0.npy", "val/b/0.npy"])
@pytest.mark.parametrize("content", ARRAYS, ids=range(len(ARRAYS)))
def test_a_hostile_array_is_refused(
    refused: Callable[..., None], source: Path, monkeypatch: pytest.MonkeyPatch, name: str, content: bytes
) -> None:
    monkeypatch.chdir(source)
    (source / "arrays" / name).write_bytes(content)
    refused("folder", f"{name} cannot be read", "numpy.save")
    assert not (source / "owned").exists()


def test_an_array_larger_than_a_patch_is_refused_before_it_is_read(refused: Callable[..., None], source: Path) -> None:
    start = npy("{'descr': '|u1', 'fortran_order': False, 'shape': (1048576, 1048576, 1), }\n")
    with (source / "arrays/train/a/0.npy").open("wb") as file:
        file.write(start)
        file.truncate(len(start) + (1 << 40))  # sparse: takes no space
    refused("folder", "larger than 67,108,864 bytes")


def framed(payload: bytes, length: int | None = None) -> bytes:
    """A record with the right checksums, whatever length it claims."""
    head = struct.pack("<Q", len(payload) if length is None else length)
    checksums = (struct.pack("<I", masked_crc(part)) for part in (head, payload))
    return head + next(checksums) + payload + next(checksums)


def nested(depth: int) -> bytes:
    """Protobuf groups within each other."""
    return b"\x0b" * depth + b"\x0c" * depth


PARTS = [
    (framed(b"", 1 << 62), "claims to have"),
    (framed(b"", (1 << 20) + 1), "records of up to 1,048,576 are read"),
    (framed(b"x" * 10, 1 << 20), "the file is truncated"),
    (framed(b""), "band B1 is missing"),
    (framed(nested(100_000)), "not a tf.train.Example"),
    (framed(example({"B1": list(range(200_000))})), "band B1 is not one string of bytes"),
    (framed(example({f"x{index}": b"" for index in range(50_000)})), "band B1 is missing"),
    (framed(b"\x0a\xff\xff\xff\xff\x0f"), "not a tf.train.Example"),
    (gzip.compress(bytes(50_000_000)), "the checksum of its length is wrong"),
    (gzip.compress(framed(b"", 1 << 62)), "claims to have"),
    (gzip.compress(framed(bytes(range(256))))[:-60], "gzip stream is damaged or truncated"),
    (gzip.compress(b"")[:8], "gzip stream is damaged or truncated"),
    (b"\x78\x9c" + bytes(30), "zlib"),
    (b"\x1b]0;owned\x07" * 9, "the checksum of its length is wrong"),
    (b"PK\3\4", "the file is truncated"),
]


@pytest.mark.parametrize(("content", "said"), PARTS, ids=[said for _, said in PARTS])
def test_a_hostile_part_is_refused(refused: Callable[..., None], source: Path, content: bytes, said: str) -> None:
    (source / "parts" / "val" / "part-0").write_bytes(content)
    refused("droughtwatch", "val/part-0: record 0: " if said != "zlib" else "val/part-0", said)


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


def test_the_checksum_of_these_tests_is_that_of_the_format() -> None:
    assert record(b"abc", crc32c.crc32c) == framed(b"abc")
