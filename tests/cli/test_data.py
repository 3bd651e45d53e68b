"""The ``raysat data`` commands, as a user meets them."""

import re
import subprocess
import sys

import numpy as np
import pytest
from click.testing import CliRunner

from raysat.cli.data import data
from raysat.data.remote.copy import fetch_store
from raysat.data.store import PatchStore
from raysat.errors import BandError, DataError, StoreError, UsageError
from tests.helpers.data import patch_features, write_manifest, write_part, write_tiff
from tests.helpers.remote import FolderSource

pytestmark = pytest.mark.slow


def run(*words):
    """Run a command; its error, if any, is raised as the command line would catch it."""
    result = CliRunner().invoke(data, [str(word) for word in words])
    if result.exception and not isinstance(result.exception, SystemExit):
        raise result.exception
    return result


def lines(result):
    return result.stdout.splitlines()  # on a slow machine, the progress of the work is in stderr


@pytest.fixture
def part(tmp_path):
    rng = np.random.default_rng(0)
    pixels = rng.integers(1, 255, (30, 11, 65, 65), dtype=np.uint8)
    pixels[7] = 0
    return write_part(tmp_path / "in/part-r-00000", [patch_features(p, i % 3) for i, p in enumerate(pixels)])


def test_droughtwatch_on_the_real_part(real_part, tmp_path):
    result = run("import", "droughtwatch", real_part.parent, "--out", tmp_path / "S")
    shown = lines(result)
    assert result.exit_code == 0
    assert shown[0].startswith(f"81 records read from {real_part.parent} in ")
    assert "classes 46/16/14/5 (0 cows, 1 cow, 2 cows, 3+ cows)" in shown
    assert any(line.startswith("2 empty dropped: every pixel is zero") for line in shown)
    assert any(line.startswith(f"wrote {tmp_path / 'S'}: 79 of 11 bands, 65 x 65 px, uint8") for line in shown)
    assert re.search(r"^0 cows +46 +32 +58\.2 +7 ", result.output, re.MULTILINE)
    assert re.search(r"^all +81 +55 +12 +12 +79", result.output, re.MULTILINE)
    kept = run("import", "droughtwatch", real_part, "--out", tmp_path / "S", "--keep-empty", "--overwrite")
    assert "dropped" not in kept.output
    assert len(PatchStore.open(tmp_path / "S")) == 81


@pytest.mark.slow
def test_geotiff_on_the_real_patches(real_data, tmp_path):
    result = run(
        "import", "geotiff", real_data / "eurosat/manifest.csv", "--sensor", "sentinel2", "--out", tmp_path / "E"
    )
    assert lines(result)[0].startswith("247 rows read from ")
    assert re.search(r"^all +247 +148 +50 +49 +247", result.output, re.MULTILINE)


def test_nothing_but_the_summary_is_written_in_a_pipe(part, tmp_path):
    command = [sys.executable, "-c", "from raysat.cli.data import data; data()"]
    words = ["import", "droughtwatch", str(part.parent), "--out", str(tmp_path / "S")]
    done = subprocess.run([*command, *words], capture_output=True, text=True, check=True)
    assert done.stderr == ""
    assert "\x1b" not in done.stdout
    assert "no split is given: a fixed stratified 70/15/15 split was made" in done.stdout.splitlines()


def test_refusals_of_droughtwatch(part, tmp_path):
    run("import", "droughtwatch", part, "--out", tmp_path / "S")
    with pytest.raises(DataError, match="exists already"):
        run("import", "droughtwatch", part, "--out", tmp_path / "S")
    with pytest.raises(DataError, match="No such file"):
        run("import", "droughtwatch", tmp_path / "none", "--out", tmp_path / "T")
    assert run("import", "droughtwatch", part).exit_code == 2  # no --out


@pytest.fixture
def manifest(tmp_path):
    rng = np.random.default_rng(0)
    rows = []
    for index in range(12):
        write_tiff(tmp_path / f"{index}.tif", rng.integers(0, 9999, (3, 8, 8), dtype=np.uint16))
        rows.append(f"{index}.tif,{'high' if index % 2 else 'low'}")
    return write_manifest(tmp_path / "patches.csv", rows, "path,label")


def test_geotiff_with_named_bands_and_ordered_classes(manifest, tmp_path):
    options = ("--bands", "B2, B8A,B11", "--classes", "low,high", "--ordinal")
    run("import", "geotiff", manifest, "--out", tmp_path / "S", *options)
    store = PatchStore.open(tmp_path / "S")
    assert (store.bands, store.sensor) == (("B2", "B8A", "B11"), None)
    assert (store.classes, store.ordinal) == (("low", "high"), True)


def test_some_bands_of_a_known_sensor(manifest, tmp_path):
    run("import", "geotiff", manifest, "--out", tmp_path / "S", "--sensor", "sentinel2", "--bands", "B04,B03,B02")
    store = PatchStore.open(tmp_path / "S")
    assert (store.bands, store.sensor) == (("B04", "B03", "B02"), "sentinel2")


@pytest.mark.parametrize(
    ("options", "kind", "message", "hint"),
    [
        ((), UsageError, "the bands of the files are not named", "sensor sentinel2"),
        (("--sensor", "sentinel"), BandError, "unknown sensor 'sentinel'", "did you mean 'sentinel2'"),
        (("--bands", "a,b,b"), UsageError, "--bands names 'b' twice", "once"),
        (("--bands", "a,,b"), UsageError, "has an empty name", "commas"),
        (("--bands", ""), UsageError, "has an empty name", "commas"),
        (("--bands", "a,b,c", "--classes", ""), UsageError, "--classes '' has an empty name", "commas"),
        (("--bands", "a,b,c", "--classes", "x,x"), UsageError, "--classes names 'x' twice", "once"),
        (("--sensor", "sentinel2", "--bands", "B4,B03,B02"), BandError, "sentinel2 has no band 'B4'", "did you mean"),
        (("--sensor", "sentinel2"), DataError, "it has 3 bands, sensor sentinel2 has 13", "with bands"),
        (("--bands", "a,b"), DataError, "it has 3 bands, bands names 2", "with bands"),
    ],
)
def test_refusals_of_geotiff(manifest, tmp_path, options, kind, message, hint):
    with pytest.raises(kind, match=message) as caught:
        run("import", "geotiff", manifest, "--out", tmp_path / "S", *options)
    assert hint in caught.value.hint
    assert caught.value.exit_code == 2
    assert not (tmp_path / "S").exists()


def test_folder(tmp_path):
    for split in ("train", "val"):
        (tmp_path / "in" / split / "wood").mkdir(parents=True)
        np.save(tmp_path / "in" / split / "wood" / "0.npy", np.full((4, 4, 11), len(split), np.uint8))
    result = run("import", "folder", tmp_path / "in", "--out", tmp_path / "S", "--ordinal")
    assert lines(result)[0].startswith("2 files read from")
    assert PatchStore.open(tmp_path / "S").ordinal
    with pytest.raises(DataError, match="expected height x width x 13 bands"):
        run("import", "folder", tmp_path / "in", "--out", tmp_path / "T", "--sensor", "sentinel2")


@pytest.mark.slow
def test_synth_then_info_with_a_contact_sheet(tmp_path):
    made = run("synth", "--out", tmp_path / "S", "--size", 40, "--seed", 3)
    assert lines(made)[0].startswith("40 patches made with seed 3 in ")
    with pytest.raises(UsageError, match="--size must be a whole number from 40 to 10,000,000, got 39"):
        run("synth", "--out", tmp_path / "T", "--size", 39)
    shown = run("info", tmp_path / "S", "--plot", tmp_path / "sheet.png", "--composite", "6,5,2", "--per-class", 2)
    store = PatchStore.open(tmp_path / "S")
    output = shown.output
    assert re.search(rf"^store +{tmp_path / 'S'}$", output, re.MULTILINE)
    assert re.search(r"^sensor +Landsat 8 and 9 OLI/TIRS \(landsat8\)$", output, re.MULTILINE)
    assert re.search(r"^patches +40 of 11 bands, 65 x 65 px, uint8, \d\.\d MB on disk$", output, re.MULTILINE)
    assert re.search(rf"^fingerprint +{store.fingerprint}$", output, re.MULTILINE)
    assert re.search(r"^0 cows +17 +63\.0 +2 +40\.0 +5 +62\.5 +24 +60\.0$", output, re.MULTILINE)
    band = next(line.split() for line in lines(shown) if line.startswith("B6 "))
    pixels = np.asarray(store.images[:, 5]).astype(float)
    train = pixels[store.indices("train")]
    assert band[1:3] == ["swir1", "1,609"]
    assert float(band[3]) == pytest.approx(train.mean(), abs=0.051)
    assert float(band[4]) == pytest.approx(train.std(), abs=0.051)
    assert [float(value) for value in band[5:]] == pytest.approx(np.percentile(pixels, (0, 2, 50, 98, 100)), abs=0.51)
    assert lines(shown)[-1] == f"wrote {tmp_path / 'sheet.png'}"
    assert (tmp_path / "sheet.png").read_bytes().startswith(b"\x89PNG")


def test_info_takes_names_as_they_are(tmp_path):
    for index in range(3):
        write_tiff(tmp_path / f"{index}.tif", np.full((1, 4, 4), index / 7, np.float32))
    rows = ["0.tif,[bold]field[/bold],train", f"1.tif,{'x' * 100},val", "2.tif,:smile:,test"]
    manifest = write_manifest(tmp_path / "m.csv", rows)
    run("import", "geotiff", manifest, "--out", tmp_path / "S", "--bands", "[red]")
    shown = lines(run("info", tmp_path / "S"))
    for name in ("[bold]field[/bold]", "x" * 100, ":smile:", "[red]"):
        assert any(line.startswith(name) for line in shown)
    assert any(re.match(r"\[red\].* 0\.2857$", line) for line in shown)


def test_refusals_of_info(tmp_path):
    with pytest.raises(StoreError, match="there is no patch store") as caught:
        run("info", tmp_path / "none")
    assert "'demo'" in caught.value.hint
    run("synth", "--out", tmp_path / "S", "--size", 40)
    with pytest.raises(BandError, match="B12"):
        run("info", tmp_path / "S", "--plot", tmp_path / "x.png", "--composite", "B12,B3,B2")


def test_help_lists_every_command_and_imports_nothing_heavy():
    assert {"import", "synth", "info"} <= {line.split()[0] for line in lines(run("--help")) if line.strip()}
    assert {"droughtwatch", "geotiff", "folder"} <= {line.split()[0] for line in lines(run("import", "--help")) if line}
    heavy = "{'numpy', 'rasterio', 'matplotlib', 'torch', 'rich', 'pydantic'}"
    code = f"import sys, raysat.cli.data; sys.exit(bool({heavy} & set(sys.modules)))"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_verify_says_that_a_store_is_whole_or_what_is_wrong(tmp_path):
    run("synth", "--out", tmp_path / "S", "--size", 100)
    fingerprint = PatchStore.open(tmp_path / "S").fingerprint
    shown = run("verify", tmp_path / "S").output
    assert re.fullmatch(rf"whole: 100 patches, 4\.6 MB of pixels read in \d\.\d s; fingerprint {fingerprint}\n", shown)
    images = np.load(tmp_path / "S" / "images.npy", mmap_mode="r+")
    images[2, 0, 0, 0] ^= 1  # not a patch that opening looks at
    images.flush()
    assert run("info", tmp_path / "S").exit_code == 0
    with pytest.raises(StoreError, match="is damaged: the fingerprint of its content is") as caught:
        run("verify", tmp_path / "S")
    assert (caught.value.exit_code, caught.value.hint) == (2, "import the data again")


def test_cache_lists_copies_and_clears_those_that_nobody_uses(tmp_path, store, monkeypatch):
    monkeypatch.setenv("RAYSAT_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("RAYSAT_CACHE_LIMIT", "1GB")
    folder = tmp_path / "cache" / "stores"
    assert lines(run("cache")) == [f"cache      {folder}: 0 stores, 0 bytes of 1.0 GB"]
    copied = fetch_store(FolderSource(store.path), store.digest, store.path)
    assert str(store.path) in run("cache").output
    assert lines(run("cache", "--clear"))[0] == "deleted    0 stores, 0 bytes"
    assert str(store.path) in run("cache").output, "it is in use"
    del copied
    assert re.fullmatch(r"deleted    1 store, \d\.\d kB", lines(run("cache", "--clear"))[0])
    assert lines(run("cache")) == [f"cache      {folder}: 0 stores, 0 bytes of 1.0 GB"]
