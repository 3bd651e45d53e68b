"""``raysat data convert`` and the imports of other tools' layouts, as a user meets them."""

import numpy as np
import pytest
from click.testing import CliRunner

import raysat
from raysat.cli.data import data
from raysat.data.store import PatchStore
from raysat.errors import DataError, InstallationError, UsageError
from tests.helpers.data import left_behind, patches, splits_of, write_store
from tests.helpers.small_disk import on_small_disk

LAYOUTS = ("imagefolder", "torchgeo", "webdataset", "zarr")


def run(*words):
    result = CliRunner().invoke(data, [str(word) for word in words])
    if result.exception and not isinstance(result.exception, SystemExit):
        raise result.exception
    return result


@pytest.fixture
def made(tmp_path):
    return write_store(
        tmp_path / "store", patches(18), np.arange(18) // 3 % 3, splits_of(18), classes=["a", "b", "c"], ordinal=True
    )


@pytest.mark.slow
@pytest.mark.parametrize("layout", LAYOUTS)
def test_there_and_back(made, tmp_path, layout):
    there = run("convert", made.path, "--to", layout, "--out", tmp_path / "x")
    assert there.exit_code == 0
    assert there.stdout.startswith(f"wrote {tmp_path / 'x'}: 18 patches as {layout}, ")
    back = run("convert", tmp_path / "x", "--from", layout, "--out", tmp_path / "again")
    assert f"wrote {tmp_path / 'again'}: 18 of 2 bands, 5 x 5 px, uint8" in back.output
    assert PatchStore.open(tmp_path / "again").fingerprint == made.fingerprint
    name = "imagefolder" if layout == "torchgeo" else layout
    imported = run("import", name, tmp_path / "x", "--out", tmp_path / "third")
    assert imported.exit_code == 0
    assert PatchStore.open(tmp_path / "third").fingerprint == made.fingerprint


def test_the_same_from_python(made, tmp_path):
    done = raysat.convert(raysat.open_store(made.path), tmp_path / "x", to="zarr")
    assert (done.patches, done.layout, done.files) == (18, "zarr", 7)
    assert done.bytes == sum(file.stat().st_size for file in (tmp_path / "x").rglob("*") if file.is_file())
    assert str(done).startswith("wrote ")
    assert repr(done).startswith("<Conversion to zarr at ")
    assert raysat.import_zarr(tmp_path / "x", tmp_path / "s").store.fingerprint == made.fingerprint
    raysat.convert(made.path, tmp_path / "w", to="webdataset")
    assert raysat.import_webdataset(tmp_path / "w", tmp_path / "s2").store.fingerprint == made.fingerprint
    raysat.convert(made.path, tmp_path / "i", to="imagefolder")
    again = raysat.import_image_folder(tmp_path / "i", tmp_path / "s3")
    assert again.store.fingerprint == made.fingerprint


def test_names_that_are_given_win(made, tmp_path):
    run("convert", made.path, "--to", "zarr", "--out", tmp_path / "x")
    run("import", "zarr", tmp_path / "x", "--out", tmp_path / "s", "--bands", "p,q", "--classes", "x,y,z")
    store = PatchStore.open(tmp_path / "s")
    assert (store.bands, store.classes) == (("p", "q"), ("x", "y", "z"))


def test_requests_that_make_no_sense(made, tmp_path):
    out = ("--out", tmp_path / "x")
    with pytest.raises(UsageError, match="say one of --to and --from"):
        run("convert", made.path, *out)
    with pytest.raises(UsageError, match="say one of --to and --from"):
        run("convert", made.path, "--to", "zarr", "--from", "zarr", *out)
    with pytest.raises(UsageError, match="--bands, --allow-duplicates say nothing with --to"):
        run("convert", made.path, "--to", "zarr", "--bands", "a,b", "--allow-duplicates", *out)
    with pytest.raises(UsageError, match="--classes says nothing of folders"):
        run("convert", made.path, "--from", "torchgeo", "--classes", "a,b", *out)
    assert run("convert", made.path, "--to", "tape", *out).exit_code == 2
    assert run("convert", made.path, "--to", "zarr").exit_code == 2  # no --out
    with pytest.raises(UsageError, match="unknown layout 'tape'"):
        raysat.convert(made.path, tmp_path / "x", to="tape")
    with pytest.raises(DataError, match="is not a patch store"):
        run("convert", tmp_path, "--to", "zarr", *out)
    assert left_behind(tmp_path) == ["store"]


@pytest.mark.slow
def test_a_disk_that_is_full_keeps_nothing_of_any_layout(made, tmp_path):
    folder = tmp_path / "disk"
    folder.mkdir()
    code = f"""
import os
from raysat import convert, open_store
from raysat.errors import DiskError
with open("rest", "wb") as file:  # leaves some kB
    file.truncate(0)
    file.write(bytes(os.statvfs(".").f_bavail * os.statvfs(".").f_frsize - 8192))
for layout in {LAYOUTS!r}:
    try:
        convert({str(made.path)!r}, layout, to=layout)
    except DiskError as error:
        print(error.message.endswith("No space left on device"), sorted(os.listdir()))
"""
    done = on_small_disk(folder, "size=2m", code)
    assert done.stdout.splitlines() == ["True ['rest']"] * len(LAYOUTS), done.stderr


def test_an_extra_that_is_missing(made, tmp_path, monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, "zarr", None)
    for words in (("convert", made.path, "--to", "zarr"), ("import", "zarr", made.path)):
        with pytest.raises(InstallationError, match=r"raysat\[convert\]") as caught:
            run(*words, "--out", tmp_path / "x")
        assert caught.value.exit_code == 3


@pytest.mark.slow
def test_info_draws_to_a_named_file_or_one_of_the_stores_name(made, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert run("info", made.path, "--plot").stdout.splitlines()[-1] == "wrote store.png"
    assert run("info", made.path, "--plot", "b.svg", "--per-class", 1).stdout.splitlines()[-1] == "wrote b.svg"
    assert left_behind(tmp_path) == ["b.svg", "store", "store.png"]
    with pytest.raises(UsageError, match=r"cannot draw to b\.txt"):
        run("info", made.path, "--plot", "b.txt")
