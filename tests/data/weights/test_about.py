"""What is known of weights: torchgeo's table, and files of one's own."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from raysat.data.weights.about import of_file, of_torchgeo, table
from raysat.data.weights.names import plain_name
from raysat.data.weights.source import MAX_BYTES, Source, sha256
from raysat.errors import PlanError


def test_every_entry_of_torchgeo_is_whole() -> None:
    assert len(table()) == 53
    for name, about in table().items():
        assert about.name == name
        assert str(about.url).startswith("https://")
        assert about.file.rpartition("-")[2].partition(".")[0] == about.sha256_prefix
        assert len(about.by_band) == len(about.mean) == len(about.std) == len(about.bands)
        assert about.licence in {"CC0-1.0", "CC-BY-4.0", "Apache-2.0", "MIT", "ODC-BY", "OpenRAIL"}
    s2 = of_torchgeo("ResNet18_Weights.SENTINEL2_ALL_MOCO")
    assert s2.bands == ("B1", "B2", "B3", "B4", "B5", "B6", "B7", "B8", "B8a", "B9", "B10", "B11", "B12")
    assert (s2.model, s2.std[0], s2.sha256_prefix, s2.by_band[8]) == ("resnet18", 10_000, "59bfdff9", 0.865)


def test_the_page_lists_them_all() -> None:
    page = (Path(__file__).parents[3] / "docs/methods/weights.md").read_text(encoding="utf-8")
    assert all(f"`{name}`" in page and str(about.publication) in page for name, about in table().items())


def test_a_name_that_is_unknown_has_near_ones() -> None:
    with pytest.raises(PlanError, match="no weights torchgeo:ResNet18_Weights") as found:
        Source.of("torchgeo:ResNet18_Weights.SENTINEL2_ALL_MOCA")
    assert found.value.hint == "did you mean 'torchgeo:ResNet18_Weights.SENTINEL2_ALL_MOCO'?"


def test_a_name_without_torchgeo_before_it_is_told_how_to_write_it() -> None:
    with pytest.raises(PlanError, match="is a name of torchgeo, and") as found:
        Source.of("ResNet18_Weights.SENTINEL2_ALL_MOCO")
    assert found.value.hint == "write model.weights: torchgeo:ResNet18_Weights.SENTINEL2_ALL_MOCO"


@pytest.mark.parametrize(
    ("name", "plain"), [("B8a", "B8A"), ("B01", "B1"), ("SR_B4", "B4"), ("B10", "B10"), ("R", "R")]
)
def test_spellings_of_a_band_are_one(name: str, plain: str) -> None:
    assert plain_name(name) == plain


@pytest.mark.parametrize(
    ("beside", "cause"),
    [
        (None, "does not say which bands"),
        ("{", "cannot be read"),
        ("[]", "must be a mapping of keys in braces"),
        ({"sensor": "sentinel2"}, "bands is missing"),
        ({"bands": ["B02"], "means": [0]}, "unknown key 'means'"),
        ({"bands": "B02"}, "bands must be a list, got 'B02'"),
        ({"bands": ["B02", "B03"], "std": [1, 2, 3]}, "std has 3 values, for 2 bands"),
        ({"bands": ["B02"], "std": [0]}, "std.0 must be > 0, got 0"),
        ({"bands": ["B02"], "mean": ["x"]}, "mean.0 must be a number, got 'x'"),
        ({"bands": ["B2", "B99"], "sensor": "sentinel2"}, "sentinel2 has no band 'B99'"),
        ({"bands": ["B2"], "sensor": "sentinel3"}, "did you mean"),
        ({"bands": ["B2"], "wavelengths_um": [-1]}, "wavelengths_um.0"),
        ({"bands": [], "std": 1}, "0 bands"),
    ],
)
def test_what_is_said_beside_a_file_is_checked(tmp_path: Path, beside: object, cause: str) -> None:
    path = tmp_path / "my.pth"
    path.write_bytes(b"x")
    if beside is not None:
        text = beside if isinstance(beside, str) else json.dumps(beside)
        path.with_name("my.pth.json").write_text(text)
    with pytest.raises(PlanError, match=cause) as found:
        of_file(path)
    assert "sentinel2" in (found.value.hint or "")
    assert str(found.value).startswith(f"model.weights: {path}")
    assert ("did you mean 'mean'?" in (found.value.hint or "")) == (cause == "unknown key 'means'")


def test_a_file_by_the_name_of_torchgeos_is_known_and_checked(tmp_path: Path) -> None:
    path = tmp_path / of_torchgeo("ResNet18_Weights.SENTINEL2_RGB_MOCO").file
    path.write_bytes(b"not these weights")
    source = Source.of(str(path))
    assert source.about.bands == ("B4", "B3", "B2")
    with pytest.raises(PlanError, match=r"is damaged: its SHA-256 begins with .*, not e3a335e3"):
        source.content_hash()


def test_equal_content_has_an_equal_hash_wherever_it_lies(tmp_path: Path) -> None:
    def source(folder: str, content: bytes = b"x", **about: object) -> str:
        path = tmp_path / folder / "my.pth"
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(content)
        path.with_name("my.pth.json").write_text(json.dumps({"bands": ["B2"], **about}))
        return Source.of(str(path)).content_hash()

    first = source("one")
    assert source("two") == first
    assert source("two", licence="MIT") == first
    assert source("two", std=[255]) != first
    assert source("two", content=b"y") != first
    assert sha256(tmp_path / "two/my.pth").startswith("a1fce4363854ff88")


@pytest.mark.parametrize(
    ("name", "cause"),
    [("none.pth", "there is no file"), ("my.ckpt", "neither .safetensors nor"), ("", "is a folder, not a file")],
)
def test_a_file_that_is_none_is_refused(tmp_path: Path, name: str, cause: str) -> None:
    (tmp_path / "my.ckpt").write_bytes(b"x")
    with pytest.raises(PlanError, match=cause):
        Source.of(str(tmp_path / name))


def test_a_huge_file_is_refused_before_it_is_read(tmp_path: Path) -> None:
    path = tmp_path / "my.pth"
    with path.open("wb") as file:
        file.truncate(MAX_BYTES + 1)
    with pytest.raises(PlanError, match=r"^model.weights: .* is larger than 8,589,934,592 bytes") as found:
        sha256(path)
    assert found.value.hint
