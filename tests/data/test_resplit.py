"""Stores with other splits: the same patches, linked where they can be, with nodata and statistics made anew."""

import json

import numpy as np
import pytest

from raysat.data.geodesy import blocks, in_space
from raysat.data.groups import Grouping, Groups
from raysat.data.npy_appender import NpyAppender
from raysat.data.patch_store import PatchStore, folds_of
from raysat.data.remote.files import RangedFiles
from raysat.data.resplit import resplit
from raysat.data.split_by import SplitBy
from raysat.data.verify import verify_store
from raysat.errors import DataError, DiskError, UsageError
from tests.helpers.data import left_behind, patches, splits_of, write_store
from tests.helpers.geodesy import vincenty
from tests.helpers.places import lying
from tests.helpers.remote import FolderSource

COUNT = 120
COLUMN = Groups(codes=np.arange(COUNT) % 10, grouping=Grouping(by="column"))
AT = np.random.default_rng(3).uniform((10, 45), (10.5, 45.4), (COUNT, 2))  # 40 x 44 km
SPATIAL = SplitBy(by="spatial", block=10_000.0)


def made(path, images=None, **options):
    images = patches(COUNT, dtype=np.uint16) if images is None else images
    named = {"places": lying(AT.tolist(), pixel_size=10.0), "groups": COLUMN} | options
    return write_store(path, images, np.arange(COUNT) % 3, splits_of(COUNT), **named)


def one(store, out, how, **options):
    return resplit(store, [out], how, **options).made[0]


def rows_of(store, again):
    """Positions in the first store of the patches of the second, by their places."""
    at = {tuple(row): number for number, row in enumerate(store.places.table())}
    return np.array([at[tuple(row)] for row in again.places.table()])


def test_groups_of_a_column_stay_together(tmp_path):
    store = made(tmp_path / "s", places=None)
    found = one(store, tmp_path / "t", SplitBy(by="group"))
    again = found.store
    np.testing.assert_array_equal(again.images, store.images)
    np.testing.assert_array_equal(again.labels, store.labels)
    assert all(len(set(again.splits[COLUMN.codes == code])) == 1 for code in range(10))
    assert (sum(found.groups), found.dropped, found.apart) == (10, (0, 0, 0), None)
    assert again.groups.codes.tolist() == COLUMN.codes.tolist()
    assert again.groups.grouping.by == "column"
    assert again.source == {
        "kind": "test", "split": "group", "split_seed": 0, "split_from": store.fingerprint
    }  # fmt: skip
    assert verify_store(again)


def test_blocks_stay_together_and_a_buffer_lies_between(tmp_path):
    store = made(tmp_path / "s")
    found = one(store, tmp_path / "t", SplitBy(by="spatial", block=10_000.0, buffer=3_000.0))
    again, rows = found.store, rows_of(store, found.store)
    assert 0 < COUNT - len(again) == sum(found.dropped)
    np.testing.assert_array_equal(again.images, store.images[rows])
    np.testing.assert_array_equal(again.labels, store.labels[rows])
    codes = blocks(*AT[rows].T, 10_000.0)
    assert all(len(set(again.splits[codes == code])) == 1 for code in np.unique(codes))
    apart = [
        vincenty(*AT[one], *AT[two])
        for i, one in enumerate(rows) for j, two in enumerate(rows[:i]) if again.splits[i] != again.splits[j]
    ]  # fmt: skip
    assert min(apart) > 3_000
    between = [
        vincenty(*AT[rows[i]], *AT[rows[j]]) for i in again.indices("test") for j in again.indices("train")
    ]  # fmt: skip
    assert found.apart == pytest.approx(min(between), rel=1e-6)
    assert again.groups.grouping == Grouping(by="block", metres=10_000.0)
    np.testing.assert_array_equal(again.groups.codes[:, None] == again.groups.codes, codes[:, None] == codes)
    facts = {"block_metres": 10_000.0, "buffer_metres": 3_000.0, "dropped_by_buffer": sum(found.dropped)}
    assert facts.items() <= again.source.items()
    assert again.pixel_size == 10
    assert verify_store(again)


def test_images_that_all_stay_are_linked(tmp_path):
    store = made(tmp_path / "s")
    again = one(store, tmp_path / "t", SPATIAL).store
    assert (store.path / "images.npy").samefile(again.path / "images.npy")
    part = one(store, tmp_path / "u", SplitBy(by="spatial", block=10_000.0, buffer=3_000.0)).store
    assert not (store.path / "images.npy").samefile(part.path / "images.npy")
    # A link is all that differs: where there can be none, the store is the same but for its files.
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("raysat.data.linked.link_file", lambda *_: False)
        copied = one(store, tmp_path / "v", SPATIAL).store
    assert not (store.path / "images.npy").samefile(copied.path / "images.npy")
    for name in left_behind(copied.path):
        assert (copied.path / name).read_bytes() == (again.path / name).read_bytes(), name


def test_the_store_that_was_split_stays_when_the_other_goes_and_the_other_way_round(tmp_path):
    store = made(tmp_path / "s")
    before = {name: (store.path / name).read_bytes() for name in left_behind(store.path)}
    again = one(store, tmp_path / "t", SPATIAL).store
    for file in again.path.iterdir():
        file.unlink()
    assert {name: (store.path / name).read_bytes() for name in left_behind(store.path)} == before


def test_a_store_may_be_replaced_by_itself(tmp_path):
    store = made(tmp_path / "s")
    images = np.array(store.images)
    with pytest.raises(DataError, match="exists already"):
        one(store, tmp_path / "s", SPATIAL)
    again = one(store, tmp_path / "s", SPATIAL, overwrite=True).store
    np.testing.assert_array_equal(PatchStore.open(tmp_path / "s").images, images)
    assert again.groups.grouping.by == "block"
    assert left_behind(tmp_path) == ["s"]


@pytest.mark.parametrize("dtype", [np.uint16, np.float32])
@pytest.mark.parametrize("buffer", [0.0, 3_000.0])
def test_nodata_and_statistics_are_those_of_the_new_train_split(tmp_path, dtype, buffer):
    images = patches(COUNT, dtype=dtype)
    missing = np.random.default_rng(1).random(images.shape) < 0.2
    missing[::3] = False
    store = made(tmp_path / "s", images, missing=missing)
    again = one(store, tmp_path / "t", SplitBy(by="spatial", block=10_000.0, buffer=buffer)).store
    rows = rows_of(store, again)
    expected = write_store(
        tmp_path / "e", images[rows], store.labels[rows], [("train", "val", "test")[code] for code in again.splits],
        missing[rows], places=[store.places.of(row, 10.0) for row in rows],
    )  # fmt: skip
    assert again.fingerprint == expected.fingerprint
    assert again.stats == expected.stats
    assert again.nodata == expected.nodata
    np.testing.assert_array_equal(again.images, expected.images)
    assert (again.path / "nodata.npy").read_bytes() == (expected.path / "nodata.npy").read_bytes()
    assert verify_store(again)


def test_groups_that_hold_the_same_pixels_go_together(tmp_path):
    images = patches(COUNT, dtype=np.uint16)
    images[[1, 2, 3]] = images[0]  # groups 0 to 3
    images[[5, 16]] = 0  # empty patches are no copies
    summary = resplit(made(tmp_path / "s", images), [tmp_path / "t"], SplitBy(by="group"))
    splits = summary.made[0].store.splits
    assert summary.joined == 3
    assert len({*splits[COLUMN.codes < 4]}) == 1
    assert len({*splits}) == 3


def test_folds(tmp_path):
    store = made(tmp_path / "s")
    outs = [tmp_path / f"f-{number}" for number in range(1, 6)]
    summary = resplit(store, outs, SplitBy(by="spatial", block=10_000.0, buffer=3_000.0, folds=5))
    tested = []
    for number, each in enumerate(summary.made, 1):
        rows, splits = rows_of(store, each.store), each.store.splits
        tested += rows[splits == 2].tolist()
        space = in_space(*AT[rows].T)
        apart = np.linalg.norm(space[:, None] - space[None], axis=-1)
        assert apart[splits[:, None] != splits[None]].min() > 3_000
        assert set(splits) == {0, 1, 2}
        assert (each.store.source["fold"], each.store.source["folds"]) == (number, 5)
        assert folds_of(each.store) == store.fingerprint
        assert verify_store(each.store)
    assert folds_of(store) is None
    assert sorted(tested) == list(range(COUNT))


def test_the_same_seed_gives_the_same_bytes_and_another_one_other_splits(tmp_path):
    store = made(tmp_path / "s")
    first, second, other = (
        one(store, tmp_path / name, SplitBy(by="spatial", block=10_000.0, seed=seed)).store
        for name, seed in (("a", 1), ("b", 1), ("c", 2))
    )
    assert (first.path / "store.json").read_bytes() == (second.path / "store.json").read_bytes()
    assert other.fingerprint != first.fingerprint


def test_a_store_that_lies_elsewhere_is_split(tmp_path):
    store = made(tmp_path / "s")
    away = PatchStore.read(RangedFiles(FolderSource(store.path)), store.path)
    assert one(away, tmp_path / "t", SPATIAL).store.fingerprint == one(store, tmp_path / "u", SPATIAL).store.fingerprint


def test_what_was_split_can_be_split_again_by_its_blocks(tmp_path):
    again = one(made(tmp_path / "s"), tmp_path / "t", SplitBy(by="spatial", block=10_000.0, buffer=3_000.0)).store
    third = one(again, tmp_path / "u", SplitBy(by="group", seed=5)).store
    assert third.groups.grouping == again.groups.grouping
    assert third.source == {
        "kind": "test", "split": "group", "split_seed": 5, "split_from": again.fingerprint
    }  # fmt: skip


def test_progress_ends_with_all_of_it(tmp_path):
    calls = []
    one(made(tmp_path / "s"), tmp_path / "t", SPATIAL, progress=lambda *call: calls.append(call))
    assert calls == [(done, 2 * COUNT) for done in range(1, 2 * COUNT + 1)]


@pytest.mark.parametrize(
    ("options", "how", "message"),
    [
        ({"places": None}, SPATIAL, "does not know where its patches lie, so it has no blocks"),
        ({"places": None}, SplitBy(by="group", buffer=10.0), "so there is no buffer between them"),
        ({"groups": None}, SplitBy(by="group"), "knows no groups: no column named them"),
        ({}, SplitBy(by="spatial", block=3e6), "1 group of patches cannot be split into train, val and test"),
        ({}, SplitBy(by="group", folds=11), "10 groups of patches cannot be in 11 folds"),
        ({}, SplitBy(by="group", buffer=1e6), "a buffer of 1,000 km leaves no patch in train"),
        ({}, SplitBy(by="group", buffer=1e6, folds=2), "fold 1 of 2: a buffer of 1,000 km leaves no patch in "),
        ({"places": lying(AT.tolist(), crs="EPSG:99")}, SPATIAL, "patch 0 has a CRS that is not known"),
        ({"places": lying((AT * 9).tolist())}, SPATIAL, "patch 0 has no place on the Earth"),
        ({"generated": True}, SPATIAL, "a model made the patches of .*: nothing is measured on them"),
    ],
)
def test_what_cannot_be_split_is_one_line_and_leaves_nothing(tmp_path, options, how, message):
    store = made(tmp_path / "s", **options)
    outs = [tmp_path / f"t-{number}" for number in range(how.folds or 1)]
    with pytest.raises(DataError, match=message) as caught:
        resplit(store, outs, how)
    assert caught.value.hint
    assert left_behind(tmp_path) == ["s"]


def test_odd_places_do_not_matter_where_nobody_asks_for_metres(tmp_path):
    store = made(tmp_path / "s", places=lying(AT.tolist(), crs="nonsense"))
    assert one(store, tmp_path / "t", SplitBy(by="group")).apart is None


def test_of_folds_none_is_written_where_one_is_there(tmp_path):
    store = made(tmp_path / "s")
    (tmp_path / "f-2").mkdir()
    with pytest.raises(DataError, match="f-2 exists already"):
        resplit(store, [tmp_path / "f-1", tmp_path / "f-2"], SplitBy(by="group", folds=2))
    assert left_behind(tmp_path) == ["f-2", "s"]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"by": "spatial"}, "split spatial needs the side of a block"),
        ({"by": "group", "block": 10.0}, "block is of split spatial alone"),
        ({"by": "group", "folds": 3, "test": 0.2}, "test and folds exclude each other"),
        ({"by": "group", "val": 0.5, "test": 0.5}, "shares of 0.5 for val and 0.5 for test leave nothing to train on"),
        ({"by": "group", "val": 0.5, "folds": 2}, "shares of 0.5 for val and 0.5 for test leave nothing"),
    ],
)
def test_options_that_do_not_go_together(options, message):
    with pytest.raises(UsageError, match=message) as caught:
        SplitBy(**options)
    assert caught.value.hint


def test_a_linked_store_says_what_its_files_say(tmp_path):
    again = one(made(tmp_path / "s"), tmp_path / "t", SPATIAL).store
    meta = json.loads((again.path / "store.json").read_text())
    train = np.asarray(again.images[again.splits == 0], np.float64)
    for band, told in enumerate(meta["stats"]):
        assert told["mean"] == pytest.approx(train[:, band].mean(), rel=1e-9)
        assert told["std"] == pytest.approx(train[:, band].std(), rel=1e-9)


def test_a_disk_that_is_full_keeps_nothing_of_any_fold(tmp_path, monkeypatch):
    store = made(tmp_path / "s")
    append, room = NpyAppender.append, 150

    def full(self, item):
        nonlocal room
        room -= 1
        if not room:
            raise OSError(28, "No space left on device")
        return append(self, item)

    monkeypatch.setattr(NpyAppender, "append", full)
    how = SplitBy(by="spatial", block=10_000.0, buffer=3_000.0, folds=2)
    with pytest.raises(DiskError, match="No space left on device"):
        resplit(store, [tmp_path / "f-1", tmp_path / "f-2"], how)
    assert left_behind(tmp_path) == ["s"]


def test_a_source_that_says_as_much_as_it_may_leaves_room_for_the_split(tmp_path):
    store = made(tmp_path / "s", source={f"fact {number}": number for number in range(100)})
    again = one(store, tmp_path / "t", SplitBy(by="group")).store
    assert len(again.source) == 100
    assert again.source["split"] == "group"
