"""Zarr groups that may be anything: others' are read, and what could lead elsewhere or fill the memory is refused."""

import json
import shutil

import numpy as np
import pytest
import zarr

from raysat.data.importers.converted import Given
from raysat.data.importers.write import import_patches
from raysat.data.importers.zarr import read_zarr
from raysat.data.importers.zarr_array import _zstd_content
from raysat.errors import DataError, UsageError
from tests.helpers.data import left_behind, patches

NAMES = {"bands": ("a", "b"), "classes": ("x", "y")}
IMAGES = patches(12, dtype=np.uint16)
LABELS = np.arange(12) % 2


def write(folder, *, images=IMAGES, labels=LABELS, splits=None, chunks=(5, 1, 5, 5), **options):
    """Write a group as people do with zarr's defaults."""
    group = zarr.create_group(str(folder))
    group.create_array("images", data=images, chunks=chunks, **options)
    group.create_array("labels", data=labels)
    if splits is not None:
        group.create_array("splits", data=splits)
    return folder


def run(folder, out, **options):
    return import_patches(read_zarr(folder, Given(**NAMES | options)), out)


def edit(file, change):
    """Change what a ``zarr.json`` says."""
    meta = json.loads(file.read_text())
    change(meta)
    file.write_text(json.dumps(meta))


@pytest.mark.parametrize("compressors", ["auto", None, zarr.codecs.BloscCodec()])
@pytest.mark.parametrize("separator", ["/", "."])
def test_groups_of_others(tmp_path, compressors, separator):
    keys = {"name": "default", "separator": separator}
    splits = np.array([0, 1, 2] * 4, np.int64)
    write(tmp_path / "g", splits=splits, compressors=compressors, chunk_key_encoding=keys)
    store = run(tmp_path / "g", tmp_path / "s").store
    np.testing.assert_array_equal(store.images, IMAGES)
    np.testing.assert_array_equal(store.labels, LABELS)
    np.testing.assert_array_equal(store.splits, splits)


def test_without_splits_some_are_made(tmp_path):
    write(tmp_path / "g")
    assert any("split was made" in note for note in run(tmp_path / "g", tmp_path / "s").notes)


def deep(meta):
    meta["shape"][0] = 10**9


def wide(meta):
    meta["shape"] = [12, 2, 50_000, 50_000]


def chunky(meta):
    meta["chunk_grid"]["configuration"]["chunk_shape"] = [10**6, 2, 500, 500]


def pickled(meta):
    meta["codecs"].insert(0, {"name": "numcodecs.pickle", "configuration": {}})


def twice_packed(meta):
    meta["codecs"].append(meta["codecs"][-1])


def objects(meta):
    meta["data_type"] = "variable_length_utf8"


def sharded(meta):
    meta["codecs"] = [{"name": "sharding_indexed", "configuration": {}}]


def other_keys(meta):
    meta["chunk_key_encoding"] = {"name": "v2"}


@pytest.mark.parametrize(
    ("change", "cause"),
    [
        (deep, "1,000,000,000 patches"),
        (wide, "more than 64 MB"),
        (chunky, "its chunks have"),
        (pickled, "its codecs are"),
        (twice_packed, "its codecs are"),
        (objects, "variable_length_utf8"),
        (sharded, "its codecs are"),
        (other_keys, "chunk_key_encoding"),
        (lambda meta: meta.update(shape=[12, 2, 5]), "3 axes"),
        (lambda meta: meta.update(shape=[12, 2, 5, -5]), "greater than"),
        (lambda meta: meta.update(shape=[True, 2, 5, 5]), "shape"),
        (lambda meta: meta.update(zarr_format=2), "zarr_format"),
        (lambda meta: meta.update(node_type="group"), "node_type"),
        (lambda meta: meta.pop("codecs"), "codecs"),
    ],
)
def test_an_array_that_says_what_it_must_not(tmp_path, change, cause):
    folder = write(tmp_path / "g")
    edit(folder / "images/zarr.json", change)
    with pytest.raises(DataError, match=cause):
        run(folder, tmp_path / "s")
    assert left_behind(tmp_path) == ["g"]


def test_a_chunk_that_is_missing_is_an_error_and_no_zeros(tmp_path):
    folder = write(tmp_path / "g")
    (folder / "images/c/1/1/0/0").unlink()
    with pytest.raises(DataError, match="images/c/1/1/0/0 cannot be read: No such file"):
        run(folder, tmp_path / "s")
    assert left_behind(tmp_path) == ["g"]


@pytest.mark.parametrize("codec", ["zstd", "blosc"])
def test_a_chunk_that_would_unpack_to_more_is_refused_before_it_is_unpacked(tmp_path, codec):
    large = np.zeros((1, 1, 3000, 3000), np.uint16)
    options = {} if codec == "zstd" else {"compressors": zarr.codecs.BloscCodec()}
    config = {"write_empty_chunks": True}
    zarr.create_array(str(tmp_path / "b"), data=large, chunks=large.shape, config=config, **options)
    folder = write(tmp_path / "g", **options)
    shutil.copy(tmp_path / "b/c/0/0/0/0", folder / "images/c/0/0/0/0")
    with pytest.raises(DataError, match="says that it holds 18000000 bytes, a chunk of the array has 250"):
        run(folder, tmp_path / "s")


@pytest.mark.parametrize("content", [b"", b"x" * 40, b"\x28\xb5\x2f\xfd\x00", b"\x28\xb5\x2f\xfd\xe0\x01"])
def test_a_chunk_of_nonsense(tmp_path, content):
    folder = write(tmp_path / "g")
    (folder / "images/c/0/0/0/0").write_bytes(content)
    with pytest.raises(DataError, match="images"):
        run(folder, tmp_path / "s")


def test_damage_behind_a_good_header(tmp_path):
    folder = write(tmp_path / "g", compressors=zarr.codecs.ZstdCodec(checksum=True))  # as the exporter writes
    chunk = folder / "images/c/0/0/0/0"
    content = bytearray(chunk.read_bytes())
    content[30] ^= 1
    chunk.write_bytes(content)
    with pytest.raises(DataError, match="images: rows from 0"):
        run(folder, tmp_path / "s")


def test_the_size_of_a_zstd_frame_is_what_zstd_says(tmp_path):
    for size in (1, 200, 255, 256, 257, 1000, 65_791, 65_792, 10**6):
        folder, values = tmp_path / str(size), np.random.default_rng(0).integers(0, 255, size, dtype=np.uint8)
        zarr.create_array(str(folder), data=values, chunks=(size,))
        assert _zstd_content((folder / "c/0").read_bytes()[:18]) == size


@pytest.mark.parametrize(
    ("given", "cause"),
    [
        ({"labels": LABELS[:5]}, "5 values for 12 patches"),
        ({"labels": LABELS + 1}, "values from 1 to 2, expected 0 to 1"),
        ({"labels": LABELS - 1}, "values from -1 to 0"),
        ({"labels": LABELS.astype(float)}, "float64"),
        ({"splits": np.full(12, 3)}, "values from 3 to 3, expected 0 to 2"),
        ({"splits": np.ones(12, int)}, "no patch is in the train split"),
        ({"images": IMAGES[:, :1]}, "1 bands on its second axis, 2 are named"),
        ({"images": IMAGES.astype(np.complex64)}, "complex64"),
    ],
)
def test_arrays_that_do_not_fit(tmp_path, given, cause):
    folder = write(tmp_path / "g", **given)
    with pytest.raises(DataError, match=cause):
        run(folder, tmp_path / "s")
    assert left_behind(tmp_path) == ["g"]


def test_no_group_no_array_no_names(tmp_path):
    with pytest.raises(DataError, match="No such file"):
        run(tmp_path / "none", tmp_path / "s")
    folder = write(tmp_path / "g")
    with pytest.raises(UsageError, match="bands"):
        read_zarr(folder)
    with pytest.raises(UsageError, match="classes"):
        read_zarr(folder, Given(bands=("a", "b")))
    shutil.rmtree(folder / "labels")
    with pytest.raises(DataError, match="labels is no Zarr array"):
        run(folder, tmp_path / "s")
    (folder / "zarr.json").write_text("[" * 10_000)
    with pytest.raises(DataError, match="cannot be read"):
        run(folder, tmp_path / "s")
