"""The one writer of imported patches, fed without any file format."""

from pathlib import Path

import numpy as np
import pytest

from raysat.data.importers.base import Patch, PatchSource
from raysat.data.importers.write import import_patches
from raysat.errors import DataError, prefixed
from tests.helpers.data import left_behind, patches, splits_of


def source(pixels, splits, *, path="in.csv", drop_zero=False, missing=None, **options):
    """Patches from memory, of classes x and y in turn."""
    items = [
        Patch(
            pixels=image,
            label=index % 2,
            split=split,
            missing=None if missing is None else missing[index],
            done=10 * (index + 1),
        )
        for index, (image, split) in enumerate(zip(pixels, splits, strict=True))
    ]
    described = {
        "kind": "memory",
        "path": Path(path),
        "unit": "items",
        "bands": ("a", "b"),
        "sensor": None,
        "classes": ("x", "y"),
        "ordinal": False,
        "splits": frozenset(split for split in splits if split is not None),
        "patches": iter(items),
        "total": 10 * len(items),
        "place": lambda number: f"{path}: item {number}",
        "drop_zero": drop_zero,
    }
    return PatchSource(**(described | options))


def test_all_that_is_read_is_counted_and_reported(tmp_path):
    images, calls = patches(12), []
    images[5] = 0
    given = source(images, splits_of(12), drop_zero=True, notes=("first",), facts={"parts": 3})
    summary = import_patches(given, tmp_path / "s", progress=lambda *call: calls.append(call))
    assert calls == [(10 * (index + 1), 120) for index in range(12)]
    assert (summary.read, summary.read_counts) == (12, (6, 6))
    assert list(summary.dropped.values()) == [1]
    assert summary.notes == ("first",)
    np.testing.assert_array_equal(summary.store.images, np.delete(images, 5, axis=0))
    assert summary.store.source | {"dropped": None} == {
        "kind": "memory",
        "path": str(Path("in.csv").resolve()),
        "parts": 3,
        "items": 12,
        "dropped": None,
        "copies": 0,
        "copies_across_splits": 0,
    }


def test_a_patch_that_cannot_be_stored_is_named_by_its_place(tmp_path):
    images = [*patches(3), *patches(1, side=6)]
    with pytest.raises(
        DataError, match=r"^in\.csv: item 3: it is 6 x 6 px, 2 bands, uint8, the ones before it"
    ) as caught:
        import_patches(source(images, splits_of(4)), tmp_path / "s")
    assert caught.value.hint
    assert left_behind(tmp_path) == []


def test_places_of_copies_are_numbers_as_read_not_as_stored(tmp_path):
    images = patches(8)
    images[0] = 0  # dropped, so that later patches move up
    images[6] = images[4]
    splits = ["train"] * 6 + ["val"] * 2
    with pytest.raises(DataError, match=r"^in\.csv: item 4 \(train\) and in\.csv: item 6 \(val\) hold the same pixels"):
        import_patches(source(images, splits, drop_zero=True), tmp_path / "s")
    summary = import_patches(source(images, splits, drop_zero=True), tmp_path / "s", allow_duplicates=True)
    assert summary.notes == ("pixel-identical copies of earlier patches: 1, 1 of them in another split",)


@pytest.mark.parametrize(
    ("splits", "note"), [([None] * 20, "no split is given"), (["train"] * 20, "every patch is in train")]
)
def test_a_split_is_made_where_none_is_given(tmp_path, splits, note):
    summary = import_patches(source(patches(20), splits), tmp_path / "s")
    assert summary.notes == (f"{note}: a fixed stratified 70/15/15 split was made",)
    assert np.bincount(summary.store.splits).tolist() == [12, 4, 4]


def test_nodata_is_counted_and_types_are_widened(tmp_path):
    images = patches(6).astype(np.int16) - 100
    missing = np.zeros(images.shape, bool)
    missing[1], missing[2, 0, 0, :2] = True, True
    summary = import_patches(source(images, splits_of(6), missing=missing), tmp_path / "s")
    assert summary.dropped == {"every pixel is nodata": 1}
    assert summary.notes == (
        "nodata pixels in 1 patch (a 2): not in the statistics, stored as their band's mean",
        "int16 is stored as float32",
    )


def test_an_error_at_a_place_keeps_its_hint():
    with pytest.raises(DataError) as caught, prefixed("here", DataError):
        raise DataError("no {--bands}", hint="name {--bands}")
    assert (caught.value.template, caught.value.hint_template) == ("here: no {--bands}", "name {--bands}")
