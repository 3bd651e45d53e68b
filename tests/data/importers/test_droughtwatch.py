"""The droughtwatch importer: real parts, every layout, every kind of damage."""

import gzip
import shutil

import numpy as np
import pytest

from raysat.data.importers.droughtwatch import decode
from raysat.data.store import PatchStore
from raysat.errors import DataError
from tests.helpers.data import example, left_behind, patch_features, record, write_part
from tests.helpers.importing import import_droughtwatch


def pixels(count, seed=0):
    return np.random.default_rng(seed).integers(0, 256, (count, 11, 65, 65), dtype=np.uint8)


def examples(labels, seed=0):
    return [patch_features(patch, label) for patch, label in zip(pixels(len(labels), seed), labels, strict=True)]


def test_the_real_part(real_part, tmp_path):
    done = import_droughtwatch(real_part.parent, tmp_path / "s")  # a licence lies beside the part
    assert (done.read, done.read_counts) == (81, (46, 16, 14, 5))
    assert list(done.dropped.values()) == [2]
    store = PatchStore.open(tmp_path / "s")
    assert store.images.shape == (79, 11, 65, 65)
    assert store.images.dtype == np.uint8
    assert store.bands == tuple(f"B{band}" for band in range(1, 12))
    assert (store.sensor, store.ordinal) == ("landsat8", True)
    assert store.classes == ("0 cows", "1 cow", "2 cows", "3+ cows")
    assert [len(store.indices(split)) for split in ("train", "val", "test")] == [55, 12, 12]
    assert all(store.counts(split).min() >= 1 for split in ("train", "val", "test"))
    assert store.source["parts"] == 1
    assert store.source["records"] == 81
    assert all(image.any() for image in store.images)


def test_empty_patches_are_kept_on_request(real_part, tmp_path):
    done = import_droughtwatch(real_part, tmp_path / "s", keep_empty=True)
    assert len(done.store) == done.read == 81
    assert not done.dropped
    empty = [index for index, image in enumerate(done.store.images) if not image.any()]
    assert empty == [39, 46]


@pytest.mark.parametrize("at", [0, 9, 13, 20_000, 46_000])
@pytest.mark.parametrize("number", [0, 41])
def test_a_flipped_byte_is_refused_naming_record_and_file(real_part, tmp_path, number, at):
    content = bytearray(real_part.read_bytes())
    start = 0
    for _ in range(number):
        start += int.from_bytes(content[start : start + 8], "little") + 16
    content[start + at] ^= 0x10
    bad = tmp_path / "in" / "part-r-00012"
    bad.parent.mkdir()
    bad.write_bytes(content)
    with pytest.raises(DataError, match=rf"in/part-r-00012: record {number}: the checksum") as caught:
        import_droughtwatch(bad.parent, tmp_path / "s")
    assert caught.value.exit_code == 2
    assert left_behind(tmp_path) == ["in"]


def test_a_truncated_part_is_refused(real_part, tmp_path):
    bad = tmp_path / "part-r-00012"
    bad.write_bytes(real_part.read_bytes()[:-1])
    with pytest.raises(DataError, match="part-r-00012: record 80: the file is truncated"):
        import_droughtwatch(bad, tmp_path / "s")
    assert left_behind(tmp_path) == ["part-r-00012"]


def test_the_upstream_layout_keeps_its_splits_and_order(tmp_path):
    write_part(tmp_path / "in/train/part-r-00001", examples([1, 2], 1))
    write_part(tmp_path / "in/train/part-r-00000", examples([0, 0, 3], 0))
    write_part(tmp_path / "in/val/part-r-00000", examples([3, 0], 2))
    (tmp_path / "in/train/_SUCCESS").write_text("")
    (tmp_path / "in/train/.part-r-00000.crc").write_text("not a part")
    done = import_droughtwatch(tmp_path / "in", tmp_path / "s")
    np.testing.assert_array_equal(done.store.images, np.concatenate([pixels(3, 0), pixels(2, 1), pixels(2, 2)]))
    np.testing.assert_array_equal(done.store.labels, [0, 0, 3, 1, 2, 3, 0])
    np.testing.assert_array_equal(done.store.splits, [0, 0, 0, 0, 0, 1, 1])
    assert done.store.reported_split == "val"
    assert done.notes == ()
    assert done.store.source["parts"] == 3


def test_train_alone_is_split_as_if_no_split_were_given(tmp_path):
    write_part(tmp_path / "in/train/part-0", examples([0] * 20))
    done = import_droughtwatch(tmp_path / "in", tmp_path / "s")
    assert [len(done.store.indices(split)) for split in ("train", "val", "test")] == [14, 3, 3]
    assert done.notes == ("every patch is in train: a fixed stratified 70/15/15 split was made",)


def test_the_same_part_gives_the_same_store(tmp_path):
    part = write_part(tmp_path / "part-0", examples([0, 1, 2, 3] * 5))
    stores = [import_droughtwatch(part, tmp_path / name).store for name in "ab"]
    assert stores[0].fingerprint == stores[1].fingerprint


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"label": 4}, r"label 4 is outside 0\.\.3"),
        ({"label": -1}, r"label -1 is outside 0\.\.3"),
        ({"label": []}, "the label is missing"),
        ({"label": None}, "the label is missing"),
        ({"label": [0, 1]}, "the label is not one whole number"),
        ({"label": 1.0}, "the label is not one whole number"),
        ({"label": b"1"}, "the label is not one whole number"),
        ({"B7": None}, "band B7 is missing"),
        ({"B11": b"x" * 4224}, "band B11 has 4224 bytes, expected 4225"),
        ({"B1": b"x" * 4226}, "band B1 has 4226 bytes"),
        ({"B1": b""}, "band B1 has 0 bytes"),
        ({"B2": [b"x" * 4225] * 2}, "band B2 is not one string of bytes"),
        ({"B3": [7] * 4225}, "band B3 is not one string of bytes"),
    ],
)
def test_a_wrong_record_is_refused_naming_record_and_cause(tmp_path, change, message):
    wrong = {name: value for name, value in (examples([0])[0] | change).items() if value is not None}
    write_part(tmp_path / "in/part-00", examples([0, 1]))
    write_part(tmp_path / "in/part-01", [*examples([2, 3]), wrong])
    with pytest.raises(DataError, match=rf"in/part-01: record 2: {message}") as caught:
        import_droughtwatch(tmp_path / "in", tmp_path / "s")
    assert caught.value.hint
    assert left_behind(tmp_path) == ["in"]


def test_what_is_no_example_is_refused(tmp_path):
    (tmp_path / "part-0").write_bytes(record(b"\x0a\xff\xff\xff\xff\xff"))
    with pytest.raises(DataError, match=r"part-0: record 0: it is not a tf\.train\.Example"):
        import_droughtwatch(tmp_path / "part-0", tmp_path / "s")


def test_folders_without_usable_parts_are_refused(tmp_path):
    with pytest.raises(DataError, match="none cannot be read: No such file"):
        import_droughtwatch(tmp_path / "none", tmp_path / "s")
    (tmp_path / "in").mkdir()
    (tmp_path / "in" / "LICENSE.txt").write_text("MIT")
    with pytest.raises(DataError, match=r"in holds no part-\* file"):
        import_droughtwatch(tmp_path / "in", tmp_path / "s")
    write_part(tmp_path / "in/val/part-0", examples([0]))
    with pytest.raises(DataError, match="no parts in train/"):
        import_droughtwatch(tmp_path / "in", tmp_path / "s")
    write_part(tmp_path / "in/train/part-0", examples([0]))
    write_part(tmp_path / "in/part-0", examples([0]))
    with pytest.raises(DataError, match="both beside and inside train/"):
        import_droughtwatch(tmp_path / "in", tmp_path / "s")
    (tmp_path / "empty").mkdir()
    (tmp_path / "empty" / "part-0").write_bytes(b"")
    with pytest.raises(DataError, match="no patch to store"):
        import_droughtwatch(tmp_path / "empty", tmp_path / "s")
    assert left_behind(tmp_path) == ["empty", "in"]


def test_progress_ends_at_the_size_of_the_parts(real_part, tmp_path):
    calls = []
    import_droughtwatch(real_part, tmp_path / "s", progress=lambda done, total: calls.append((done, total)))
    size = real_part.stat().st_size
    assert calls[-1] == (size, size)
    assert len(calls) == 81
    assert calls == sorted(calls)


def test_a_part_in_gzip_is_the_same_part(real_part, tmp_path):
    packed = tmp_path / "in" / "part-r-00012.gz"
    packed.parent.mkdir()
    packed.write_bytes(gzip.compress(real_part.read_bytes()))
    calls = []
    done = import_droughtwatch(packed, tmp_path / "s", progress=lambda done, total: calls.append((done, total)))
    assert done.store.fingerprint == import_droughtwatch(real_part, tmp_path / "t").store.fingerprint
    size = packed.stat().st_size
    assert size < real_part.stat().st_size
    assert calls == sorted(calls)
    assert {total for _, total in calls} == {size}
    assert calls[40][0] < 0.7 * size
    assert calls[-1] == (size, size)


def test_parts_may_be_compressed_or_not_and_progress_is_of_them_all(tmp_path):
    parts = [
        write_part(tmp_path / f"in/{split}/part-{index}", examples([0, 1, 2], index), pack)
        for index, (split, pack) in enumerate((("train", gzip.compress), ("train", bytes), ("val", gzip.compress)))
    ]
    calls = []
    done = import_droughtwatch(tmp_path / "in", tmp_path / "s", progress=lambda *each: calls.append(each))
    np.testing.assert_array_equal(done.store.images, np.concatenate([pixels(3, seed) for seed in range(3)]))
    ends = np.cumsum([part.stat().st_size for part in parts]).tolist()
    assert calls == sorted(calls)
    assert [position for position, _ in calls][2::3] == ends
    assert {total for _, total in calls} == {ends[-1]}


def test_a_damaged_part_in_gzip_is_refused(tmp_path):
    part = write_part(tmp_path / "in/part-0", examples([0, 1, 2]), gzip.compress)
    part.write_bytes(part.read_bytes()[:-9])
    with pytest.raises(DataError, match=r"in/part-0: record \d: the gzip stream is damaged or truncated") as caught:
        import_droughtwatch(part, tmp_path / "s")
    assert caught.value.hint
    assert left_behind(tmp_path) == ["in"]


def test_an_existing_store_is_not_touched(tmp_path):
    part = write_part(tmp_path / "part-0", examples([0, 1]))
    first = import_droughtwatch(part, tmp_path / "s").store.fingerprint
    shutil.copy(part, tmp_path / "part-1")
    with pytest.raises(DataError, match="exists already"):
        import_droughtwatch(tmp_path / "part-1", tmp_path / "s")
    assert import_droughtwatch(part, tmp_path / "s", overwrite=True).store.fingerprint == first


def test_decoding_keeps_the_order_of_bands():
    planes = np.stack([np.full((65, 65), band, np.uint8) for band in range(1, 12)])
    backwards = dict(reversed(patch_features(planes, 2).items()))
    patch, label = decode(example(backwards))
    np.testing.assert_array_equal(patch, planes)
    assert label == 2
