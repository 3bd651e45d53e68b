"""``raysat power`` and its Python: from patches to a table and a figure, and each mistake as one line."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

import raysat as api
from raysat.data.store import PatchStore, StoreWriter
from raysat.reporting.analysis.drawn_studies import drawn_power
from raysat.reporting.analysis.patch_variance import paired_recalls
from tests.helpers.command import STUDY, Raysat

pytestmark = pytest.mark.slow


def test_counts_give_a_table_and_a_figure(raysat: Raysat, tmp_path: Path) -> None:
    figure = tmp_path / "power.png"
    words = ("--classes", "600,160,150,90", "--arms", 7, "--seeds", 10, "--effect", 0.03, "--effect", 0.08)
    found = raysat("power", *words, "--figure", figure)
    assert (found.code, found.err) == (0, "")
    assert "7 arms x 10 seeds" in found.out
    assert "assumed, as no pilot is given" in found.out
    assert "0.03 in balanced accuracy" in found.out
    assert "0.08 in recall of class 4" in found.out
    assert figure.read_bytes().startswith(b"\x89PNG")
    assert api.power(classes=[600, 160, 150, 90]).save_figure(tmp_path / "power.svg").read_bytes().startswith(b"<?xml")


def test_the_table_is_that_of_the_model() -> None:
    result = api.power(classes=[600, 160, 150, 90], arms=7, seeds=10, effects=[0.03, 0.08])
    frame, found = result.to_frame(), result.found
    for each in found.visible:
        for chance in each.chances:
            name = "recall_class 4" if each.metric.class_index is not None else each.metric.name
            row = frame.loc[(name, chance.effect)]
            pair = paired_recalls(each.metric, chance.effect, found.behaviour, found.design.patches)
            assert row["power"] == pytest.approx(drawn_power(pair, 10, 6), abs=0.03)
            if chance.seeds is not None:
                assert found.power(each.metric, chance.effect, chance.seeds) >= 0.8
                assert chance.seeds <= 8 or found.power(each.metric, chance.effect, chance.seeds - 1) < 0.8
        if each.smallest is not None:
            assert found.power(each.metric, each.smallest, 10) >= 0.8
            assert found.power(each.metric, each.smallest * 0.98, 10) < 0.8
            assert each.endless is not None
            assert each.endless < each.smallest


def test_more_patches_seeds_or_fewer_arms_see_more() -> None:
    smallest = [
        api.power(classes=[n * each for each in (60, 16, 15, 9)], arms=arms, seeds=seeds).found.visible[0].smallest
        for n, arms, seeds in ((1, 2, 8), (10, 2, 8), (10, 2, 30), (10, 7, 8))
    ]
    assert smallest[0] > smallest[1] > smallest[2]
    assert smallest[3] > smallest[1]


def test_a_pilot_says_how_arms_differ_and_what_trials_cost(raysat: Raysat, make_run) -> None:
    run = make_run(
        {"plain": (0.9, 0.4, 0.4, 0.3), "LDAM": (0.85, 0.6, 0.5, 0.5)}, seeds=range(4), sizes=(90, 40, 30, 20)
    )
    found = raysat("power", "--pilot", run.root, "--arms", 3, "--seeds", 12)
    assert (found.code, found.err) == (0, "")
    assert "as in the pilot table2: 2 arms, 4 seeds, 180 test patches" in " ".join(found.out.split())
    assert "images" in found.out
    bigger = raysat("power", "--pilot", run.root, "--classes", "900,400,300,200")
    assert "1,800 test patches" in bigger.out


def test_a_plan_says_what_its_study_sees(raysat: Raysat, tmp_path: Path, landsat_store: PatchStore) -> None:
    space = tmp_path / "tiny.yaml"
    space.write_text(STUDY.replace("[0, 1]", "8"), encoding="utf-8")
    found = raysat("plan", "--space", space, "--data", landsat_store.path)
    assert found.code == 0
    assert "assumed, raysat power says how" in " ".join(found.out.split())


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ((), "on which test patches are arms to be compared?"),
        (("--data", "demo", "--classes", "5,5"), "both a store and class counts are given"),
        (("--classes", "5"), "class counts are 2 to 256"),
        (("--classes", "5,-1"), "class counts are 2 to 256"),
        (("--classes", "5,0"), "whole numbers from 1 to"),
        (("--classes", "5,5", "--space", "x.yaml"), "what a study costs depends on its data"),
        (("--classes", "5,x"), "must be whole numbers with commas between"),
        (("--classes", "9" * 30 + ",5"), "class counts are"),
        (("--classes", "50,50", "--arms", 1), "from 2 to 100,000, got 1"),
        (("--classes", "50,50", "--effect", 0), "must be a number from 0.0001 to 1, got 0"),
        (("--classes", "50,50", "--effect", "nan"), "must be a number from 0.0001 to 1, got nan"),
        (("--classes", "50,50", "--recall", "0.5,2"), "recalls are one number from 0 to 1"),
        (("--classes", "50,50", "--recall", "0.5,0.5,0.5"), "recalls are one number from 0 to 1"),
        (("--classes", "50,50", "--recall", "nan"), "recalls are one number from 0 to 1"),
        (("--classes", "50,50", "--seeds", 0), "from 1 to 1,000"),
        (("--classes", "50,50", "--figure", "power.pdf"), "power.pdf is no .png or .svg"),
        (("--pilot", "nowhere"), "nowhere"),
    ],
)
def test_a_mistake_is_one_line(raysat: Raysat, words, message) -> None:
    found = raysat("power", *words)
    assert found.code == 2
    assert message in found.err
    assert "Traceback" not in found.err
    assert "unexpected" not in found.err


def test_a_pilot_of_other_classes_is_refused(raysat: Raysat, make_run, landsat_store: PatchStore) -> None:
    run = make_run({"plain": (0.9, 0.4, 0.4, 0.3), "LDAM": (0.85, 0.6, 0.5, 0.5)}, seeds=range(4))
    found = raysat("power", "--pilot", run.root, "--data", landsat_store.path)
    assert found.code == 2
    assert "the pilot table2 has" in found.err
    found = raysat("power", "--pilot", run.root, "--classes", "50,40")
    assert "has 4 classes, not 2" in found.err


def test_a_study_says_its_arms_seeds_and_images(raysat: Raysat, tmp_path: Path, landsat_store: PatchStore) -> None:
    space = tmp_path / "tiny.yaml"
    space.write_text(STUDY.replace("[0, 1]", "8"), encoding="utf-8")
    planned = api.plan(space, landsat_store.path)
    result = api.power(landsat_store.path, study=space, effects=[0.3])
    design = result.found.design
    assert (design.arms, design.seeds) == (2, 8)
    images = 2 * int(landsat_store.counts("train").sum())  # two epochs
    assert design.images == planned.samples_seen / len(planned.trials) == images
    row = result.to_frame().loc[("balanced_accuracy", 0.3)]
    assert row["images"] == 2 * row["seeds_needed"] * images
    found = raysat("power", "--data", landsat_store.path, "--space", space, "--seeds", 12, "--arms", 5)
    assert found.code == 0
    assert "5 arms x 12 seeds" in found.out
    assert "images" in found.out
    assert "hours" not in found.out  # no pilot says how fast they pass
    space.write_text(STUDY.replace("  LDAM: {loss: {kind: ldam}}\n", ""), encoding="utf-8")
    found = raysat("power", "--data", landsat_store.path, "--space", space)
    assert found.code == 2
    assert "the study tiny has one arm" in found.err


def test_a_class_without_test_patches_is_refused(raysat: Raysat, tmp_path: Path) -> None:
    with StoreWriter(
        tmp_path / "gap", bands=("B4",), classes=("a", "b", "c"), sensor=None, source={"kind": "test"}
    ) as writer:
        for index, split in enumerate(["train", "test"] * 6):
            writer.add(np.zeros((1, 8, 8), np.uint8), index // 2 % (3 if split == "train" else 2), split)
        writer.close()
    found = raysat("power", "--data", tmp_path / "gap")
    assert found.code == 2
    assert "has no patch of c" in found.err


def test_a_pilot_on_other_data_of_the_same_classes_is_said(raysat: Raysat, make_run, landsat_store) -> None:
    arms, names = {"plain": (0.9, 0.4, 0.4), "LDAM": (0.85, 0.6, 0.5)}, landsat_store.classes
    run = make_run(arms, seeds=range(4), classes=names, sizes=(30, 20, 20), study="other")
    same = make_run(arms, seeds=range(4), classes=names, sizes=(30, 20, 20), fingerprint=landsat_store.fingerprint)
    for pilot, said in ((run, True), (same, False)):
        found = raysat("power", "--pilot", pilot.root, "--data", landsat_store.path)
        assert found.code == 0, found.err
        assert ("on other data than this store" in " ".join(found.out.split())) is said
    assert "on other data" not in raysat("power", "--pilot", run.root, "--classes", "90,40,30").out
