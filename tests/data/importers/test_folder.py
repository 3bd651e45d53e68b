"""The importer of folders of arrays: the paper authors' layout."""

import numpy as np
import pytest

from raysat.errors import DataError, UsageError
from tests.helpers.data import left_behind
from tests.helpers.importing import import_folder


def array(seed, bands=11, side=5, dtype=np.uint8):
    return np.random.default_rng(seed).integers(1, 256, (side, side, bands)).astype(dtype)


@pytest.fixture
def source(tmp_path):
    """Two classes in train and val, one array each and one more."""
    for seed, name in enumerate(("train/0/a", "train/0/b", "train/10/a", "val/2/a", "val/0/a")):
        file = tmp_path / "in" / f"{name}.npy"
        file.parent.mkdir(parents=True, exist_ok=True)
        np.save(file, array(seed))
    (tmp_path / "in" / "readme.txt").write_text("stray")
    (tmp_path / "in" / "train" / "0" / "notes.txt").write_text("stray")
    return tmp_path / "in"


def test_arrays_come_back_bands_first(source, tmp_path):
    done = import_folder(source, tmp_path / "s")
    np.testing.assert_array_equal(
        done.store.images, np.stack([array(seed).transpose(2, 0, 1) for seed in (0, 1, 2, 4, 3)])
    )
    assert done.store.classes == ("0", "2", "10")
    np.testing.assert_array_equal(done.store.labels, [0, 0, 2, 0, 1])
    np.testing.assert_array_equal(done.store.splits, [0, 0, 0, 1, 1])
    assert (done.store.sensor, done.store.bands[6]) == ("landsat8", "B7")
    assert done.read == 5
    assert done.notes == ("not read, as they are no .npy files: 1 files in folders of classes",)


def test_a_test_folder_is_read(source, tmp_path):
    (source / "test" / "0").mkdir(parents=True)
    np.save(source / "test" / "0" / "x.npy", array(9))
    assert list(import_folder(source, tmp_path / "s").store.splits) == [0, 0, 0, 1, 1, 2]


def test_train_alone_is_split(tmp_path):
    (tmp_path / "in" / "train" / "a").mkdir(parents=True)
    for index in range(10):
        np.save(tmp_path / "in" / "train" / "a" / f"{index}.npy", array(index))
    done = import_folder(tmp_path / "in", tmp_path / "s")
    assert [len(done.store.indices(split)) for split in ("train", "val", "test")] == [6, 2, 2]


def test_other_bands_must_be_named(source, tmp_path):
    for seed, file in enumerate(source.rglob("*.npy")):
        np.save(file, array(seed, bands=4))
    with pytest.raises(UsageError, match=r"shape \(5, 5, 4\), which does not say") as caught:
        import_folder(source, tmp_path / "s")
    assert "sensor or bands" in caught.value.hint
    assert import_folder(source, tmp_path / "s", bands=("R", "G", "B", "N"), sensor="naip").store.sensor == "naip"


def test_empty_patches_are_dropped_unless_kept(source, tmp_path):
    np.save(source / "train/0/b.npy", np.zeros((5, 5, 11), np.uint8))
    done = import_folder(source, tmp_path / "s")
    assert (len(done.store), sum(done.dropped.values())) == (4, 1)
    assert len(import_folder(source, tmp_path / "k", keep_empty=True).store) == 5


def test_nan_becomes_the_mean_of_its_band(source, tmp_path):
    for file in source.rglob("*.npy"):
        np.save(file, np.load(file).astype(np.float64) / 255)
    holed = array(1).astype(np.float64) / 255
    holed[2, 3, 4] = np.nan
    np.save(source / "train/0/b.npy", holed)
    done = import_folder(source, tmp_path / "s")
    assert done.store.images.dtype == np.float32
    others = np.stack([np.load(source / f"train/{name}.npy")[..., 4] for name in ("0/a", "0/b", "10/a")])
    assert done.store.images[1, 4, 2, 3] == pytest.approx(np.nanmean(others), rel=1e-6)
    assert "nodata pixels in 1 patch (B5 1): not in the statistics, stored as their band's mean" in done.notes


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (array(1, side=6), "it is 6 x 6 px, 11 bands, uint8, the ones before it are 5 x 5 px"),
        (array(1, bands=3), r"it has shape \(5, 5, 3\), expected height x width x 11 bands"),
        (array(1)[0], r"it has shape \(5, 11\)"),
        (array(1, dtype=np.uint16), "it is 5 x 5 px, 11 bands, uint16, the ones before it"),
        (np.array([{}], dtype=object), "cannot be read: it holds Python objects"),
        (b"text", "cannot be read: it is not an .npy file"),
        (b"", "cannot be read: it is not an .npy file"),
    ],
)
@pytest.mark.parametrize("name", ["train/0/b.npy", "val/2/a.npy"])
def test_an_array_that_differs_or_cannot_be_read_is_named(source, tmp_path, name, content, message):
    if isinstance(content, bytes):
        (source / name).write_bytes(content)
    else:
        np.save(source / name, content, allow_pickle=True)
    with pytest.raises(DataError, match=f"{name}:? {message}") as caught:
        import_folder(source, tmp_path / "s")
    assert caught.value.hint
    assert left_behind(tmp_path) == ["in"]


def test_a_truncated_array_is_named(source, tmp_path):
    file = source / "train/0/a.npy"  # the first one, which names the bands
    file.write_bytes(file.read_bytes()[:-1])
    with pytest.raises(
        DataError, match=r"train/0/a\.npy cannot be read: 5 x 5 x 11 values of uint8 take 275 bytes, the file has 274"
    ):
        import_folder(source, tmp_path / "s")


def test_a_folder_without_training_arrays_is_refused(tmp_path):
    (tmp_path / "in" / "val" / "a").mkdir(parents=True)
    np.save(tmp_path / "in" / "val" / "a" / "x.npy", array(0))
    with pytest.raises(DataError, match=r"holds no train/<class>/\*\.npy"):
        import_folder(tmp_path / "in", tmp_path / "s")
    with pytest.raises(DataError, match="holds no train"):
        import_folder(tmp_path / "none", tmp_path / "s")
