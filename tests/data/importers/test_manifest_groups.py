"""Groups of patches by a column of a manifest: read, kept where patches are dropped, refused where they are none."""

import numpy as np
import pytest

from raysat.errors import DataError
from tests.data.importers.test_geotiff import GOOD, run
from tests.helpers.data import write_tiff


@pytest.fixture
def folder(tmp_path):
    """Six good files."""
    for index in range(6):
        pixels = np.random.default_rng(index).integers(1, 200, (2, 6, 6)).astype(np.uint16)
        write_tiff(tmp_path / "tif" / f"{index}.tif", pixels)
    return tmp_path


GROUPED = [f"{row},{name}" for row, name in zip(GOOD, ("river", "hill", "hill", "river", "town", "hill"), strict=True)]
WITH_GROUP = "path,label,split,group"


def test_a_column_names_the_groups(folder):
    done = run(folder, GROUPED, WITH_GROUP)
    assert done.store.groups.codes.tolist() == [0, 1, 1, 0, 2, 1]
    assert done.store.groups.grouping.by == "column"
    assert done.notes == ()
    assert run(folder, GOOD, out="plain").store.groups is None


def test_groups_of_dropped_patches_are_gone(folder):
    write_tiff(folder / "tif/4.tif", np.full((2, 6, 6), 9, np.uint16), nodata=9)
    assert run(folder, GROUPED, WITH_GROUP).store.groups.codes.tolist() == [0, 1, 1, 0, 1]


def test_a_split_that_is_made_by_chance_says_that_it_tears_groups(folder):
    rows = [f"tif/{number}.tif,{'ab'[number % 2]},g" for number in range(6)]
    notes = run(folder, rows, "path,label,group").notes
    assert "1 group in several splits: raysat data split keeps each in one" in notes


@pytest.mark.parametrize(
    ("rows", "header", "cause"),
    [
        ([*GROUPED[:3], "tif/3.tif,water,val,"], WITH_GROUP, "row 5: the group is empty"),
        (GROUPED, "path,group,split,group", "row 1: column 'group' appears twice"),
    ],
)
def test_groups_that_are_no_names(folder, rows, header, cause):
    with pytest.raises(DataError, match=cause):
        run(folder, rows, header)
