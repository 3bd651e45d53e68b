"""``raysat data download``, as a user meets it, from a server on this machine."""

import hashlib
import io
import zipfile
from dataclasses import replace

import numpy as np
import pytest
import rasterio
from click.testing import CliRunner

import raysat
from raysat.cli.data import data
from raysat.data.download import resume
from raysat.data.download.catalog import DATA_SETS
from raysat.data.store import PatchStore
from raysat.errors import DownloadError, UsageError
from tests.helpers.data import left_behind, write_tiff
from tests.helpers.http_server import serving

CLASSES = ("AnnualCrop", "Forest")


def run(*words):
    result = CliRunner().invoke(data, [str(word) for word in words])
    if result.exception and not isinstance(result.exception, SystemExit):
        raise result.exception
    return result


def md5(content):
    return f"md5:{hashlib.md5(content).hexdigest()}"  # noqa: S324


@pytest.fixture
def eurosat(tmp_path, monkeypatch):
    """A server with a small EuroSAT: 12 patches of 13 bands in two classes, and lists of splits."""
    monkeypatch.setattr(resume, "_PAUSE", 0.0)
    packed, lists = io.BytesIO(), {"train": [], "val": [], "test": []}
    with zipfile.ZipFile(packed, "w") as out:
        for index in range(12):
            name = f"{CLASSES[index % 2]}_{index}"
            pixels = np.random.default_rng(index).integers(1, 3000, (13, 8, 8)).astype(np.uint16)
            out.write(
                write_tiff(tmp_path / "made" / f"{name}.tif", pixels), f"EuroSAT_MS/{CLASSES[index % 2]}/{name}.tif"
            )
            lists[("train", "train", "train", "train", "val", "test")[index // 2]].append(f"{name}.jpg")
    served = {f"/eurosat-{split}.txt": "\n".join(lines).encode() for split, lines in lists.items()}
    served["/EuroSAT_MS.zip"] = packed.getvalue()
    with serving(served) as site:
        known = DATA_SETS["eurosat"]
        files = tuple(
            replace(file, url=f"{site.url}/{file.name}", hash=md5(served[f"/{file.name}"]), size=None)
            for file in known.files
        )
        monkeypatch.setitem(DATA_SETS, "eurosat", replace(known, files=files))
        yield site


def test_download_then_the_command_that_it_names(eurosat, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    result = run("download", "eurosat")
    lines = result.stdout.splitlines()
    assert lines[0] == "data set  EuroSAT: 27,000 Sentinel-2 patches, 13 bands, 10 classes of land use in Europe"
    assert any(line.startswith("licence   MIT") for line in lines)
    assert any(line.startswith("cite      Helber, P.") for line in lines)
    command = next(line for line in lines if line.startswith("next: ")).removeprefix("next: raysat data ")
    assert command == "import imagefolder datasets/eurosat/EuroSAT_MS/EuroSAT_MS --sensor sentinel2 --out eurosat-store"
    run(*command.split())
    store = PatchStore.open(tmp_path / "eurosat-store")
    assert (store.classes, store.sensor, len(store.bands)) == (CLASSES, "sentinel2", 13)
    assert [list(store.counts(split)) for split in ("train", "val", "test")] == [[4, 4], [1, 1], [1, 1]]
    with rasterio.open(tmp_path / "made/AnnualCrop_0.tif") as file:
        np.testing.assert_array_equal(store.images[0], file.read())


def test_download_and_import_in_one(eurosat, tmp_path):
    result = run("download", "eurosat", "--folder", tmp_path / "d", "--out", tmp_path / "s")
    assert f"wrote {tmp_path / 's'}: 12 of 13 bands, 8 x 8 px, uint16" in result.output
    done = raysat.download("eurosat", folder=tmp_path / "d", out=tmp_path / "s2")
    assert done.imported.store.fingerprint == PatchStore.open(tmp_path / "s").fingerprint
    assert len(eurosat.asked) == 4
    assert "is in" in str(done)
    assert repr(done).startswith("<Download of eurosat at ")
    assert "27,000" in str(raysat.data_set("eurosat"))
    with pytest.raises(UsageError, match="exists already"):
        raysat.download("eurosat", folder=tmp_path / "d", out=tmp_path / "s")


def test_without_a_network(eurosat, tmp_path):
    eurosat.status = 503
    with pytest.raises(DownloadError, match="the server says 503") as caught:
        run("download", "eurosat", "--folder", tmp_path / "d")
    assert str(tmp_path / "d/eurosat/EuroSAT_MS.zip") in caught.value.hint
    assert "raysat data import imagefolder" in caught.value.hint
    assert left_behind(tmp_path / "d/eurosat") == [".lock"]


def test_requests_that_make_no_sense(tmp_path):
    with pytest.raises(UsageError, match="unknown data set 'eurostat'"):
        run("download", "eurostat", "--folder", tmp_path)
    for name in ("so2sat", "bigearthnet-s2"):
        with pytest.raises(UsageError, match=f"no command makes a store of {name}"):
            run("download", name, "--folder", tmp_path, "--out", tmp_path / "s")
    assert left_behind(tmp_path) == []
