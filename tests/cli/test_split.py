"""``raysat data split``, as a user meets it."""

import re

import numpy as np
import pytest
import rasterio
from click.testing import CliRunner

import raysat as api
from raysat.cli.data import data
from raysat.data.groups import Grouping, Groups
from raysat.data.patch_store import PatchStore
from tests.helpers.data import left_behind, patches, write_manifest, write_store, write_tiff
from tests.helpers.places import lying

COUNT = 60
AT = np.random.default_rng(0).uniform((10, 45), (11, 46), (COUNT, 2)).round(4).tolist()


@pytest.fixture
def store(tmp_path):
    groups = Groups(codes=np.arange(COUNT) % 8, grouping=Grouping(by="column"))
    labels = (np.arange(COUNT) % 5 == 0).astype(int)
    return write_store(
        tmp_path / "s", patches(COUNT), labels, ["train"] * COUNT, places=lying(AT), groups=groups, classes=["a", "b"]
    )


def run(*words):
    result = CliRunner().invoke(data, [str(word) for word in ("split", *words)])
    if result.exception and not isinstance(result.exception, SystemExit):
        raise result.exception
    return result


def test_blocks_with_a_buffer(store, tmp_path):
    done = run(store.path, "--split", "spatial", "--block", "10km", "--buffer", "1km", "--out", tmp_path / "t")
    made = PatchStore.open(tmp_path / "t")
    blocks = len(api.split_store(store.path, tmp_path / "u", split="spatial", block=10_000).stores[0].groups)
    assert done.stdout.startswith(f"60 patches of {store.path} split by {blocks} blocks of 10 km in ")
    counts = [len(made.indices(split)) for split in ("train", "val", "test")]
    row = next(line.split() for line in done.stdout.splitlines() if line.startswith(str(made.path)))
    assert [int(cell) for cell in row[1:4]] == counts
    assert int(row[9]) == COUNT - sum(counts)
    assert re.fullmatch(r"[\d.]+ km", " ".join(row[10:]))
    assert f"wrote {made.path}: {sum(counts)} of 2 bands" in done.output


def test_groups(store, tmp_path):
    done = run(store.path, "--split", "group", "--out", tmp_path / "t", "--val", "0.2", "--test", "0.3", "--seed", "4")
    assert "split by 8 groups in" in done.output
    assert "dropped" not in done.output
    made = PatchStore.open(tmp_path / "t")
    assert len(made) == COUNT
    assert abs(np.mean(made.splits == 2) - 0.3) < 0.05


def test_folds_are_stores_of_a_study(store, tmp_path):
    done = run(store.path, "--split", "spatial", "--block", "10km", "--folds", "3", "--out", tmp_path / "t")
    names = [str(tmp_path / f"t-{number}") for number in (1, 2, 3)]
    assert f"wrote 3 stores; in a study: stores: [{', '.join(names)}]" in done.output
    tested = sum((PatchStore.open(name).splits == 2).astype(int) for name in names)
    assert tested.tolist() == [1] * COUNT
    study = api.load_study({"study": "s", "stores": names, "arms": {"plain": {}, "LDAM": {"loss": {"kind": "ldam"}}}})
    assert list(map(str, study.stores)) == names


def test_the_same_from_python(store, tmp_path):
    done = api.split_store(store.path, tmp_path / "t", split="spatial", block="10km", buffer=500, folds=2)
    frame = done.to_frame()
    assert frame.shape == (6, 3)
    assert [len(each) for each in done.stores] == frame.groupby("store")["patches"].sum().tolist()
    assert frame["dropped"].sum() == 2 * COUNT - frame["patches"].sum()
    assert str(done).startswith(f"60 patches of {store.path} split by ")
    assert repr(done).startswith("<SplitStores by ")
    assert done.stores[0].to_frame()["group"].nunique() == len(done.stores[0].groups)


def test_info_names_the_groups(store, tmp_path):
    def groups(path):
        lines = CliRunner().invoke(data, ["info", str(path)]).output.splitlines()
        return next((line for line in lines if line.startswith("groups")), None)

    assert groups(store.path) == "groups       8 groups, by a column of the manifest"
    run(store.path, "--split", "spatial", "--block", "50km", "--out", tmp_path / "t")
    assert re.fullmatch(r"groups +\d+ blocks of 50 km, as it was split", groups(tmp_path / "t"))
    plain = write_store(tmp_path / "p", patches(12), [0, 1] * 6, ["train"] * 12)
    assert groups(plain.path) is None
    named = write_store(
        tmp_path / "n", patches(12), [0, 1] * 6, ["train"] * 12, places=lying(AT[:12], names=["x", "y"])
    )
    assert groups(named.path) == "groups       2 scenes, the scenes' names"
    unnamed = write_store(tmp_path / "u", patches(12), [0, 1] * 6, ["train"] * 12, places=lying(AT[:12]))
    assert re.fullmatch(r"groups +1?\d blocks of 10 km, as nothing else is said", groups(unnamed.path))
    lost = write_store(tmp_path / "l", patches(12), [0, 1] * 6, ["train"] * 12, places=lying(AT[:12], crs="nonsense"))
    assert groups(lost.path) == "groups       not known: patch 0 has a CRS that is not known, 'nonsense'"


def test_geotiffs_are_split_by_where_they_lie(tmp_path):
    """From files: two towns, 50 km apart, of which each patch knows where it is."""
    rng = np.random.default_rng(0)
    rows = []
    for number in range(12):
        file = write_tiff(tmp_path / f"{number}.tif", rng.integers(1, 99, (2, 4, 4)).astype(np.uint16))
        with rasterio.open(file, "r+") as opened:
            opened.transform = rasterio.Affine(10, 0, 400_000 + 50_000 * (number % 4), 0, -10, 4_800_000 + 40 * number)
        rows.append(f"{file.name},{'ab'[number // 4 % 2]}")
    manifest = write_manifest(tmp_path / "m.csv", rows, "path,label")
    store = api.import_geotiff(manifest, tmp_path / "s", bands=["x", "y"]).store
    made = api.split_store(store, tmp_path / "t", split="spatial", block="20km", buffer="5km").stores[0]
    towns = np.arange(12) % 4
    assert len(made) == 12
    assert all(len(set(made.splits[towns == town])) == 1 for town in range(4))


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--split", "spatial"], "--split spatial needs the side of a block"),
        (["--split", "spatial", "--block", "10"], "--block must be a length from 1 m to 5,000 km, got '10'"),
        (["--split", "spatial", "--block", "10mi"], "--block must be a length"),
        (["--split", "spatial", "--block", "0km"], "--block must be a length"),
        (["--split", "spatial", "--block", "10km", "--buffer", "-1km"], "--buffer must be a length from 0 m"),
        (["--split", "spatial", "--block", "10km", "--buffer", "400km"], "a buffer of 400 km leaves no patch in train"),
        (["--split", "spatial", "--block", "4000km"], "of patches cannot be split into train, val and test"),
        (["--split", "spatial", "--block", "10km", "--folds", "100"], "cannot be in 100 folds"),
        (["--split", "group", "--block", "10km"], "--block is of --split spatial alone"),
        (["--split", "group", "--folds", "9"], "8 groups of patches cannot be in 9 folds"),
        (["--split", "group", "--folds", "1"], "--folds must be a whole number from 2 to 100"),
        (["--split", "group", "--val", "0"], "--val must be a number from 0.01 to 0.9"),
        (["--split", "group", "--val", "0.5", "--test", "0.5"], "leave nothing to train on"),
    ],
)
def test_refusals(store, tmp_path, raysat, words, message):
    done = raysat("data", "split", store.path, *words, "--out", tmp_path / "t")
    lines = done.err.splitlines()
    assert done.code == 2
    assert lines[0].startswith("error: ")
    assert message in lines[0]
    assert lines[1].startswith("hint: ")
    assert len(lines) == 2
    assert left_behind(tmp_path) == ["s"]


def test_a_store_without_places_or_groups(tmp_path, raysat):
    plain = write_store(tmp_path / "p", patches(12), [0, 1] * 6, ["train"] * 12)
    for words, message in (
        (["spatial", "--block", "1km"], "does not know where its patches lie"),
        (["group"], "knows no groups"),
    ):
        done = raysat("data", "split", plain.path, "--split", *words, "--out", tmp_path / "t")
        assert (done.code, len(done.err.splitlines())) == (2, 2)
        assert message in done.err


def test_what_is_there_is_replaced_when_asked(store, tmp_path, raysat):
    words = ["data", "split", store.path, "--split", "group", "--folds", "2", "--out", tmp_path / "t"]
    assert raysat(*words).code == 0
    again = raysat(*words)
    assert (again.code, "exists already" in again.err) == (2, True)
    assert raysat(*words, "--overwrite").code == 0
