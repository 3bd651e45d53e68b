"""What is shown of a store and of an import."""

import json

import numpy as np
from rich.console import Console

from raysat.data import summary
from raysat.data.store import PatchStore
from raysat.data.summary import summarize_bands
from raysat.views.store import show_store
from tests.helpers.data import patches, splits_of, write_store


def shown(store):
    """The lines that a user sees."""
    console = Console(width=300, highlight=False, markup=False)
    with console.capture() as captured:
        show_store(store, console)
    return [line.rstrip() for line in captured.get().splitlines()]


def test_nodata_is_shown_and_is_no_value(tmp_path):
    images = np.random.default_rng(0).integers(1000, 2000, (9, 2, 20, 20), dtype=np.uint16)
    missing = np.random.default_rng(1).random(images.shape) < np.array([0.7, 0])[:, None, None]
    images[missing] = 0
    store = write_store(tmp_path / "s", images, np.zeros(9), splits_of(9), missing, bands=["seen", "whole"])
    lines, count = shown(store), int(missing.sum())
    share = f"{100 * count / 7200:.1f}"
    assert f"nodata       {count:,} of 7,200 pixels over all bands ({share} %), stored as their band's mean" in lines
    header, seen, whole = (
        next(line.split() for line in lines if line.startswith(n)) for n in ("band", "seen", "whole")
    )
    assert header[-1] == "nodata"
    assert (seen[-1], whole[-1]) == (f"{count:,}", "0")
    valid = images[:, 0][~missing[:, 0]]
    np.testing.assert_allclose(
        [float(cell.replace(",", "")) for cell in seen[-6:-1]], np.percentile(valid, (0, 2, 50, 98, 100)), atol=0.51
    )
    assert lines[-1] == "mean and sd: train split; min to max: all patches, without nodata pixels"


def test_without_nodata_none_is_shown(tmp_path):
    store = write_store(tmp_path / "s", patches(3), np.zeros(3), splits_of(3))
    assert "nodata       none" in shown(store)
    assert not any(line.endswith("nodata") for line in shown(store))


def test_a_store_that_does_not_say_is_shown_as_such(tmp_path):
    store = write_store(tmp_path / "s", patches(3), np.zeros(3), splits_of(3))
    meta = json.loads((store.path / "store.json").read_text())
    del meta["nodata"], meta["checksum"]
    (store.path / "store.json").write_text(json.dumps(meta))
    old = PatchStore.open(store.path)
    assert "nodata       not recorded" in shown(old)


def test_a_band_that_only_unseen_patches_hold_has_no_range(tmp_path, monkeypatch):
    monkeypatch.setattr(summary, "SAMPLE", 2)  # the first and the last patch
    images, missing = patches(3, dtype=np.uint16), np.zeros((3, 2, 5, 5), bool)
    missing[[0, 2], 1] = True
    store = write_store(tmp_path / "s", images, np.zeros(3), ["train"] * 3, missing)
    assert np.isnan(summarize_bands(store)[1].ranges).all()
    assert not any("nan" in line for line in shown(store))
