"""Studies of folds through the Python API: their stores, their plans, and what is no fold."""

import io
from pathlib import Path

import numpy as np
import pytest
from rich.console import Console

import raysat
from raysat.data.groups import Grouping, Groups
from raysat.errors import StudyError, UsageError
from raysat.files import ObjectPath
from tests.helpers.data import patches, splits_of, write_store
from tests.helpers.places import lying
from tests.helpers.remote import upload

COUNT = 60
AT = np.random.default_rng(3).uniform((10, 45), (10.5, 45.4), (COUNT, 2))  # 40 x 44 km
STUDY = {
    "study": "s",
    "base": {"model": {"name": "test_resnet"}, "optim": {"epochs": 1, "batch_size": 8}},
    "arms": {"plain": {}, "LDAM": {"loss": {"kind": "ldam"}}},
}
FOLDS = STUDY | {"folds": {"number": 3, "block": "10km", "buffer": 500}}


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("RAYSAT_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache" / "stores"


@pytest.fixture
def store(tmp_path: Path) -> raysat.Store:
    images, labels = patches(COUNT, side=16), np.arange(COUNT) % 2
    write_store(tmp_path / "fields", images, labels, splits_of(COUNT), places=lying(AT.tolist()))
    return raysat.open_store(tmp_path / "fields")


def test_a_plan_for_each_fold_is_named_after_it(store: raysat.Store) -> None:
    study = raysat.load_study(FOLDS)
    folds = raysat.fold_stores(study, store.path)
    assert all(isinstance(fold, raysat.Store) for fold in folds)
    plans = [raysat.plan(study, fold) for fold in folds]
    assert [plan.study.name for plan in plans] == ["s-fold-1", "s-fold-2", "s-fold-3"]
    assert [plan.data for plan in plans] == [f"{store.path} (fold {number} of 3)" for number in (1, 2, 3)]
    assert {plan.to_file().data.folds_of for plan in plans} == {store.fingerprint}
    assert len({trial.id for plan in plans for trial in plan.trials}) == 3 * 2
    file = io.StringIO()
    plans[1].show(Console(file=file, width=80, _environ={}))
    assert max(map(len, file.getvalue().splitlines())) <= 80
    assert "fields (fold 2 of 3): " in " ".join(file.getvalue().split())


def test_folds_split_by_hand_are_the_same_to_a_study(store: raysat.Store, tmp_path: Path) -> None:
    study = raysat.load_study(FOLDS)
    made = raysat.fold_stores(study, store)
    split = raysat.split_store(store, tmp_path / "t", split="spatial", block="10km", buffer="500m", folds=3).stores
    for one, other in zip(made, split, strict=True):
        ours, theirs = raysat.plan(study, one), raysat.plan(study, other.path)
        assert ours.study.name == theirs.study.name
        assert [trial.id for trial in ours.trials] == [trial.id for trial in theirs.trials]
        assert theirs.data == str(other.path)
    assert raysat.fold_stores(study, split[1].path) == (split[1],)


def test_a_fold_is_picked_by_name(store: raysat.Store, cache: Path) -> None:
    name = f"{store.path} (fold 2 of 3)"
    (one,) = raysat.fold_stores(FOLDS, name)
    assert one.source["fold"] == 2
    assert len([each for each in cache.iterdir() if each.is_dir()]) == 3
    assert raysat.fold_stores(FOLDS, one) == (one,)
    assert raysat.plan(FOLDS, name).study.name == "s-fold-2"
    for wrong in (f"{store.path} (fold 4 of 3)", f"{store.path} (fold 2 of 5)"):
        with pytest.raises(UsageError, match="is a fold, and none of the study's 3"):
            raysat.fold_stores(FOLDS, wrong)


def test_plain_numbers_take_the_groups_that_there_are(store: raysat.Store, tmp_path: Path) -> None:
    study = STUDY | {"folds": 4}
    by_block = raysat.fold_stores(study, store)
    assert all(fold.source["block_metres"] == 10_000 for fold in by_block)
    assert raysat.plan(study, by_block[3]).study.name == "s-fold-4"
    codes = np.arange(COUNT) // 2 % 8
    groups = Groups(codes=codes, grouping=Grouping(by="column"))
    told = write_store(tmp_path / "g", store.images, store.labels, splits_of(COUNT), groups=groups)
    by_group = raysat.fold_stores(study, told.path)
    assert raysat.plan(study, by_group[0]).study.name == "s-fold-1"
    tested = np.array([[code in fold.groups.codes[fold.indices("test")] for code in range(8)] for fold in by_group])
    assert tested.sum(axis=0).tolist() == [1] * 8


def test_a_store_behind_a_url_has_folds_too(store: raysat.Store, bucket: ObjectPath) -> None:
    url = upload(store.path, bucket / "fields")
    far = raysat.fold_stores(FOLDS, str(url))
    assert [fold.fingerprint for fold in far] == [fold.fingerprint for fold in raysat.fold_stores(FOLDS, store)]
    plan = raysat.plan(FOLDS, far[1])
    assert (plan.study.name, plan.data) == ("s-fold-2", f"{url} (fold 2 of 3)")
    assert raysat.fold_stores(FOLDS, f"{url} (fold 2 of 3)") == (far[1],)


def test_a_study_without_folds_is_planned_as_ever(store: raysat.Store) -> None:
    plan = raysat.plan(STUDY, store)
    assert (plan.study.name, plan.data) == ("s", str(store.path))
    with pytest.raises(UsageError, match="the study s has no folds"):
        raysat.fold_stores(STUDY, store)
    fold = raysat.fold_stores(FOLDS, store)[0]
    assert raysat.plan(STUDY, fold).study.name == "s"


def test_what_is_no_fold_of_a_study(store: raysat.Store, tmp_path: Path) -> None:
    for data, message in ((None, "the study is of 3 folds of its data"), (store, "is none of them")):
        with pytest.raises(UsageError, match=message) as caught:
            raysat.plan(FOLDS, data)
        assert "raysat.fold_stores(study, data)" in (caught.value.hint or "")
    others = STUDY | {"folds": {"number": 3, "block": "10km"}}
    fold = raysat.fold_stores(others, store)[0]
    with pytest.raises(UsageError, match="is a fold, and none of the study's 3, split as it says"):
        raysat.fold_stores(FOLDS, fold)
    with pytest.raises(StudyError, match=r"folds\.block must be a length"):
        raysat.fold_stores(STUDY | {"folds": {"number": 3, "block": "far"}}, store)


def test_power_looks_at_the_first_fold(store: raysat.Store) -> None:
    found = raysat.power(store, study=FOLDS)
    first = raysat.fold_stores(FOLDS, store)[0]
    assert sum(found.found.design.patches.sizes) == len(first.indices("test"))
