"""The text of a first study: for stores of every kind, hostile names among them, it is YAML that plans."""

from dataclasses import replace
from pathlib import Path, PurePath

import numpy as np
import pytest

from raysat.config.yaml_tree import build
from raysat.data.store import PatchStore, StoreWriter
from raysat.errors import UsageError
from raysat.metrics.power import seeds_needed
from raysat.study.first_study import first_study, study_name
from raysat.study.load import load_study

HOSTILE = (
    "a\nseeds: 9999",
    "b: {c: [}\t#",
    "\x1b[31m\ufeff\u202e",
    "x" * 5000,
    "'\"`!!python/object",
    "---",
    "\u2028seeds: 1",
)


def store_of(path: Path, counts: list[int]) -> PatchStore:
    """A store with so many training patches of each class, and a test patch of each."""
    names = tuple(f"c{number}" for number in range(len(counts)))
    labels = [label for label, count in enumerate(counts) for _ in range(count + 1)]
    pixels = np.random.default_rng(0).integers(0, 255, (len(labels), 2, 4, 4), dtype=np.uint8)
    first: set[int] = set()
    with StoreWriter(path, bands=("B2", "B5"), classes=names, sensor=None, source={}) as writer:
        for patch, label in zip(pixels, labels, strict=True):
            writer.add(patch, label, "train" if label in first else "test")
            first.add(label)
        return writer.close()


def text_of(store: PatchStore, file: str = "study.yaml", data: str = "STORE") -> str:
    return first_study(store, data=data, file=PurePath(file), command="--space study.yaml", sees="differences")


def test_an_imbalanced_store_asks_for_the_rare_classes(tmp_path: Path) -> None:
    text = text_of(store_of(tmp_path / "s", [60, 20, 5]))
    value = build(text)[0]
    assert set(value["grid"]) == {"loss", "reweight"}
    assert value["seeds"] == seeds_needed(3)
    assert value["base"]["model"]["name"] == "test_resnet"
    assert value["base"]["optim"]["batch_size"] == 16
    assert "60  70.6 %  c0" in text
    assert all(len(line) <= 120 for line in text.splitlines())


def test_a_balanced_store_has_another_question(tmp_path: Path) -> None:
    assert set(build(text_of(store_of(tmp_path / "s", [20, 20])))[0]["grid"]) == {"augment", "average"}


def test_a_larger_store_has_a_larger_network_and_steps_enough(tmp_path: Path) -> None:
    value = build(text_of(store_of(tmp_path / "s", [1500, 300])))[0]["base"]
    assert value["model"]["name"] == "resnet18"
    assert 10 <= value["optim"]["epochs"] <= 60
    assert value["optim"]["batch_size"] == 32


@pytest.mark.parametrize("count", [2, 12, 13, 40])
def test_many_classes_are_elided(tmp_path: Path, count: int) -> None:
    text = text_of(store_of(tmp_path / "s", list(range(count + 2, 2, -1))))
    assert text.count(" %  c") == min(count, 12)
    assert f"c{count - 1}\n" in text, "the rarest is named"


def test_hostile_names_stay_comments(tmp_path: Path) -> None:
    store = store_of(tmp_path / "s", [30, *[5] * (len(HOSTILE) - 1)])
    store = replace(store, classes=HOSTILE, bands=HOSTILE[:2])  # what no importer writes
    text = text_of(store, data="x\nseeds: [1, 2]\n")
    value = build(text)[0]
    assert value["seeds"] == seeds_needed(3)
    assert set(value) == {"study", "base", "seeds", "grid"}
    assert text.replace("\n", "").isprintable()
    (tmp_path / "study.yaml").write_text(text, encoding="utf-8")
    assert len(load_study(tmp_path / "study.yaml").arms) == 4


@pytest.mark.parametrize(
    "file", ["no.yaml", "1e4.yaml", "null.yaml", "12.yaml", "a b: c.yaml", "§§.yaml", ".yaml", "x" * 300]
)
def test_any_file_name_makes_a_study_of_a_safe_name(tmp_path: Path, file: str) -> None:
    value = build(text_of(store_of(tmp_path / "s", [20, 5]), file))[0]
    assert value["study"] == study_name(PurePath(file))
    assert load_study(value).name == value["study"]


def test_a_single_class_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="single class"):
        text_of(store_of(tmp_path / "s", [20]))
