"""Patches as tensors: the right pixels, bands and units, for every stored type."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import numpy as np
import pytest
import torch

from raysat.data.store import BandStats, PatchStore, StoreWriter
from raysat.training import patches
from raysat.training.patches import MappedPatches, ResidentPatches, Scale, open_patches
from tests.helpers.training import MakeStore

CPU = torch.device("cpu")


@pytest.mark.parametrize("dtype", ["uint8", "uint16", "float32"])
def test_mapped_and_resident_patches_are_the_stores_pixels(make_store: MakeStore, dtype, monkeypatch) -> None:
    monkeypatch.setattr(patches, "_CHUNK", 4)
    store = make_store(dtype=dtype, bands=[f"B{k}" for k in range(1, 14)], size=8)
    bands, positions = (12, 0, 5), np.array([9, 0, 17, 9])
    expected = store.images[store.indices("val")][positions][:, bands].astype(np.float32)
    mapped = MappedPatches([store], "val", [store.bands[band] for band in bands], CPU)
    resident = ResidentPatches(mapped, CPU)
    for each in (mapped, resident):
        taken = each.take(positions)
        assert taken.dtype == torch.float32
        np.testing.assert_array_equal(taken.numpy(), expected)
        np.testing.assert_array_equal(each.labels, store.labels[store.indices("val")])
        assert len(each) == 18
    assert mapped.nbytes == 18 * 3 * 8 * 8 * np.dtype(dtype).itemsize
    assert resident.pixels.element_size() == np.dtype(dtype).itemsize
    if dtype == "uint16":
        assert expected.max() > 2**15  # the case that int16 would get wrong


def test_patches_stay_on_disk_without_a_cuda_device(make_store: MakeStore) -> None:
    opened = open_patches(make_store(), ("train", "test"), (0,), CPU)
    assert {split: (type(each), len(each)) for split, each in opened.items()} == {
        "train": (MappedPatches, 42),
        "test": (MappedPatches, 18),
    }


ALL = (42 + 18) * 16 * 16  # bytes of one band of the train and val splits


@pytest.mark.parametrize(
    ("free", "total", "resident"),
    [
        (10 * ALL, 10 * ALL, True),  # a tenth of the device
        (10 * ALL - 10, 10 * ALL - 10, False),  # the train split alone would fit
        (2.5 * ALL, 100 * ALL, True),  # two fifths of what other trials left
        (2.5 * ALL - 3, 100 * ALL, False),
        (0, 100 * ALL, False),
    ],
)
def test_all_splits_live_on_a_cuda_device_or_none(make_store: MakeStore, monkeypatch, free, total, resident) -> None:
    monkeypatch.setattr(torch.cuda, "mem_get_info", lambda device: (free, total))
    monkeypatch.setattr(patches, "ResidentPatches", lambda mapped, device: ResidentPatches(mapped, CPU))
    found = open_patches(make_store(), ("train", "val"), (0,), torch.device("cuda"))
    assert [type(each) for each in found.values()] == [ResidentPatches if resident else MappedPatches] * 2
    assert [len(each) for each in found.values()] == [42, 18]


def three_sources(make_store: MakeStore, dtype: str) -> tuple[PatchStore, list[PatchStore]]:
    """A real store of 9 training patches in bands A..C, and generated ones of two and four whose bands are C, A."""
    real = make_store({"train": (5, 3, 1), "val": (2, 2, 2)}, bands=["A", "B", "C"], dtype=dtype, size=8)
    made = [
        make_store({"train": counts}, bands=["C", "A"], dtype=dtype, size=8, seed=seed, name=f"made{seed}")
        for seed, counts in ((1, (0, 0, 2)), (2, (0, 4, 0)))
    ]
    return real, made


@pytest.mark.parametrize("dtype", ["uint8", "uint16", "float32"])
@pytest.mark.parametrize("resident", [False, True])
def test_generated_patches_follow_the_real_ones(make_store: MakeStore, dtype, resident) -> None:
    real, made = three_sources(make_store, dtype)
    opened = open_patches(real, ("train", "val"), (0, 2), CPU, generated=made)
    train = opened["train"]
    assert isinstance(train, MappedPatches)
    if resident:
        train = ResidentPatches(train, CPU)
    everything = np.concatenate(
        [real.images[real.indices("train")][:, [0, 2]], *(each.images[:, [1, 0]] for each in made)]
    )
    rng = np.random.default_rng(0)
    for positions in ([14, 0, 9, 8, 10, 11, 0], [13, 12], [3], *(rng.integers(0, 15, size) for size in (1, 4, 30))):
        taken = train.take(np.asarray(positions)).numpy()
        np.testing.assert_array_equal(taken, everything[positions].astype(np.float32))
    np.testing.assert_array_equal(train.labels, [0] * 5 + [1] * 3 + [2] + [2] * 2 + [1] * 4)
    assert len(train) == 15
    assert isinstance(opened["val"], MappedPatches)
    assert len(opened["val"]) == 6


def test_generated_patches_count_towards_what_a_device_must_hold(make_store: MakeStore, monkeypatch) -> None:
    real, made = three_sources(make_store, "uint8")
    needed = 10 * (9 + 2 + 4) * 2 * 8 * 8  # of which a tenth may be ours
    monkeypatch.setattr(patches, "ResidentPatches", lambda mapped, device: ResidentPatches(mapped, CPU))
    for total, kind in ((needed, ResidentPatches), (needed - 10, MappedPatches)):
        monkeypatch.setattr(torch.cuda, "mem_get_info", lambda device, total=total: (10 * total, total))
        opened = open_patches(real, ("train",), (0, 2), torch.device("cuda"), generated=made)
        assert type(opened["train"]) is kind


@pytest.mark.parametrize("dtype", ["uint8", "uint16", "float32"])
def test_the_train_split_is_normalised_to_zero_mean_and_unit_deviation(make_store: MakeStore, dtype) -> None:
    store = make_store(dtype=dtype)
    bands = (2, 0)
    scale = Scale.of(store, bands, CPU)
    everything = open_patches(store, ("train",), bands, CPU)["train"].take(np.arange(42))
    normal = scale.normalise(everything)
    np.testing.assert_allclose(normal.mean(dim=(0, 2, 3)), 0, atol=1e-4)
    np.testing.assert_allclose(normal.std(dim=(0, 2, 3), correction=0), 1, atol=1e-4)
    unit = scale.to_unit(everything)
    assert unit.min() >= 0
    assert unit.max() <= 1
    low, high = (
        torch.tensor([getattr(store.stats[band], end) for band in bands])[:, None, None] for end in ("low", "high")
    )
    torch.testing.assert_close(scale.from_unit(unit), everything.clamp(low, high), rtol=1e-5, atol=0.02)
    if dtype == "uint8":
        torch.testing.assert_close(unit, everything / 255)


@pytest.mark.parametrize("dtype", ["uint8", "uint16", "float32"])
def test_a_nodata_pixel_becomes_zero(tmp_path: Path, dtype: str) -> None:
    rng = np.random.default_rng(0)
    images = (rng.gamma(2, 20, (30, 3, 9, 9)) % 250).astype(dtype)
    missing = rng.random(images.shape) < np.array([0.4, 0.0, 0.9])[:, None, None]
    with StoreWriter(tmp_path / "s", bands=("a", "b", "c"), classes=("x",), sensor=None, source={}) as writer:
        for index, image in enumerate(images):
            writer.add(image, 0, ("train", "val")[index % 2], missing[index])
        store = writer.close()
    bands = (2, 0)
    for split, start in (("train", 0), ("val", 1)):
        patches_of_it = open_patches(store, (split,), bands, CPU)[split].take(np.arange(15))
        normal = Scale.of(store, bands, CPU).normalise(patches_of_it)
        for place, band in enumerate(bands):
            found = normal[:, place].numpy()[missing[start::2, band]]
            assert np.abs(found).max() <= (1e-6 if dtype == "float32" else 0.5 / store.stats[band].std + 1e-6)
            assert np.abs(normal[:, place].numpy()[~missing[start::2, band]]).max() > 1


@pytest.mark.parametrize(("level", "std"), [(7.0, 0.0), (0.1, 1e-17)])
def test_a_constant_band_becomes_zero(make_store: MakeStore, level, std) -> None:
    mean = level * (1 + 1e-7)  # a mean of floats has a rounding error
    flat = BandStats(mean=mean, std=std, low=level, high=level)
    store = dataclasses.replace(make_store(), stats=(flat,) * 3)
    scale = Scale.of(store, (0, 1), CPU)
    patches_of_it = torch.full((1, 2, 4, 4), level)
    torch.testing.assert_close(scale.normalise(patches_of_it), torch.zeros(1, 2, 4, 4), atol=1e-6, rtol=0)
    torch.testing.assert_close(scale.from_unit(scale.to_unit(patches_of_it)), patches_of_it)
