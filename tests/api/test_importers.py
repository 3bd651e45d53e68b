"""Importers through the Python API: each gives the store that it made."""

from pathlib import Path

import numpy as np
import pytest

import raysat
from raysat.errors import UsageError


def test_importers_make_the_store_that_they_return(tmp_path: Path) -> None:
    for split, count in (("train", 6), ("val", 2)):
        for name, value in (("a", 10), ("b", 90)):
            folder = tmp_path / "arrays" / split / name
            folder.mkdir(parents=True)
            for n in range(count):
                np.save(folder / f"{n}.npy", np.full((40, 40, 3), value + n, np.uint8))
    seen: list[tuple[int, int]] = []
    summary = raysat.import_folder(
        tmp_path / "arrays",
        tmp_path / "store",
        bands=["R", "G", "B"],
        allow_duplicates=True,
        progress=lambda done, total: seen.append((done, total)),
    )
    assert summary.read == 16
    assert seen[-1] == (16, 16)
    assert summary.store.class_counts().loc["a"].to_dict() == {"train": 6, "val": 2, "all": 8}
    assert raysat.open_store(tmp_path / "store").bands == ("R", "G", "B")


def test_bands_without_names_are_an_error(tmp_path: Path) -> None:
    (tmp_path / "m.csv").write_text("path,label\n", encoding="utf-8")
    with pytest.raises(UsageError, match="the bands of the files are not named"):
        raysat.import_geotiff(tmp_path / "m.csv", tmp_path / "s")
