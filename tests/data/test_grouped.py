"""What a store's groups are, and how near its reported patches are to its training ones."""

import numpy as np
import pytest

from raysat.data.grouped import block_groups, near_limit, positions, reported_patches, store_groups
from raysat.data.groups import Grouping, Groups
from raysat.errors import DataError
from tests.helpers.data import patches, splits_of, write_store
from tests.helpers.geodesy import vincenty
from tests.helpers.places import lying

# Pairs of places 110 m apart, the last 1.1 km, 36 km from each other.
DEGREES = [(10.05, 50.05), (10.05, 50.051), (10.55, 50.05), (10.55, 50.051), (11.05, 50.05), (11.05, 50.06)] * 2


def store_at(path, places, splits=None, **options):
    count = len(patches())
    return write_store(path, patches(), np.arange(count) % 2, splits or splits_of(count), places=places, **options)


def test_a_column_is_asked_before_scenes_and_these_before_blocks(tmp_path):
    told = Groups(codes=np.arange(12) % 4, grouping=Grouping(by="column"))
    named, unnamed = lying(DEGREES, names=["a", "b"]), lying(DEGREES)
    assert store_groups(store_at(tmp_path / "a", named, groups=told)).grouping.by == "column"
    scenes = store_groups(store_at(tmp_path / "b", named))
    assert (scenes.grouping.by, scenes.codes.tolist()) == ("scene", [0, 1] * 6)
    blocks = store_groups(store_at(tmp_path / "c", unnamed))
    assert (blocks.grouping, len(blocks)) == (Grouping(by="block", metres=10_000.0), 3)
    nothing = store_at(tmp_path / "d", None)
    assert store_groups(nothing) is positions(nothing) is reported_patches(nothing) is None


def test_a_smaller_block_makes_more_groups(tmp_path):
    store = store_at(tmp_path / "s", lying(DEGREES))
    assert [len(block_groups(store, side)) for side in (1e6, 10_000.0, 50.0)] == [1, 3, 6]


def test_metres_to_the_nearest_training_patch(tmp_path):
    store = store_at(tmp_path / "s", lying(DEGREES))
    found = reported_patches(store)
    assert found.indices.tolist() == store.indices("test").tolist() == [2, 5, 8, 11]
    train = [DEGREES[row] for row in store.indices("train")]
    ground = [min(vincenty(*DEGREES[row], *other) for other in train) for row in found.indices]
    np.testing.assert_allclose(found.apart, ground, rtol=2e-6)
    assert found.space.shape == (4, 3)
    assert len(found.groups) == 2


def test_without_test_patches_those_of_val_are_reported(tmp_path):
    store = store_at(tmp_path / "s", lying(DEGREES), ["train", "val"] * 6)
    assert reported_patches(store).indices.tolist() == store.indices("val").tolist()


def test_named_scenes_without_metres_are_groups_still(tmp_path):
    store = store_at(tmp_path / "s", lying(DEGREES, crs="nonsense", names=["a", "b", "c"]))
    found = reported_patches(store)
    assert (found.groups.grouping.by, found.space, found.apart) == ("scene", None, None)
    with pytest.raises(DataError, match="CRS that is not known"):
        positions(store)
    assert reported_patches(store_at(tmp_path / "t", lying(DEGREES, crs="nonsense"))) is None


def test_what_is_near_depends_on_the_size_of_a_patch(tmp_path):
    assert near_limit(store_at(tmp_path / "a", lying(DEGREES))) == 1000
    large = store_at(tmp_path / "b", lying(DEGREES, pixel_size=1000.0))
    assert near_limit(large) == pytest.approx(np.hypot(5000, 5000))
