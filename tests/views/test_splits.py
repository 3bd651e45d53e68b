"""What is shown of a store that was split anew."""

import numpy as np
from rich.console import Console

from raysat.data.groups import Grouping, Groups
from raysat.data.resplit import resplit
from raysat.data.split_by import SplitBy
from raysat.views.splits import show_splits
from tests.helpers.data import patches, write_store
from tests.helpers.places import lying

COUNT = 24
# A street from west to east: patches of 5 pixels of 10 m, 40 m from each other, so that neighbours overlap.
STREET = [(500_000 + 40.0 * number, 5_000_000.0) for number in range(COUNT)]


def shown(path, how, images=None, labels=None, folds=1, **options):
    images = patches(COUNT) if images is None else images
    labels = np.arange(COUNT) % 2 if labels is None else labels
    store = write_store(path / "s", images, labels, ["train"] * COUNT, **options)
    console = Console(width=300, highlight=False, markup=False)
    outs = [path / f"t{number}" for number in range(1, folds + 1)]
    with console.capture() as captured:
        show_splits(resplit(store, outs, how), console)
    return [line.rstrip() for line in captured.get().splitlines()]


def on_the_street(path, how, **options):
    return shown(path, how, places=lying(STREET, crs="EPSG:32633", pixel_size=10.0), **options)


def test_neighbours_that_overlap_are_told(tmp_path):
    lines = on_the_street(tmp_path, SplitBy(by="spatial", block=100.0))
    note = f"{tmp_path / 't1'}: patches of test and train overlap: a buffer keeps them apart"
    assert note in lines
    (tmp_path / "apart").mkdir()
    lines = on_the_street(tmp_path / "apart", SplitBy(by="spatial", block=200.0, buffer=50.0))
    assert not any("and train overlap" in line for line in lines)
    head = next(line for line in lines if line.startswith("store"))
    assert head.split("  ")[-2:] == ["dropped by 50 m", "test to train"]
    row = next(line for line in lines if line.startswith(str(tmp_path)))
    assert float(row.split()[-2]) >= 79.9  # two places on, 0.9996 m of the map being 1 m


def test_a_class_that_a_split_lacks_is_named(tmp_path):
    groups = Groups(codes=np.arange(COUNT) // 2, grouping=Grouping(by="column"))
    labels = (np.arange(COUNT) < 2).astype(int)  # all of one group
    lines = shown(tmp_path, SplitBy(by="group"), labels=labels, groups=groups, classes=["common", "rare"])
    lacking = [line for line in lines if "no patch in" in line]
    assert len(lacking) == 2
    assert all(line.startswith(f"{tmp_path / 't1'}: no patch in ") and line.endswith(" of rare") for line in lacking)
    assert not any("test to train" in line for line in lines)


def test_groups_that_went_together_are_counted_and_folds_are_named_for_a_study(tmp_path):
    groups = Groups(codes=np.arange(COUNT) // 2, grouping=Grouping(by="column"))
    images = patches(COUNT)
    images[23] = images[0]
    lines = shown(tmp_path, SplitBy(by="group", folds=3), images=images, groups=groups, folds=3)
    assert lines[0].startswith(f"24 patches of {tmp_path / 's'} split by 12 groups in ")
    assert lines[1] == "1 group went with another that holds the same pixels"
    names = ", ".join(str(tmp_path / f"t{number}") for number in (1, 2, 3))
    assert lines[-1] == f"wrote 3 stores; in a study: stores: [{names}]"
