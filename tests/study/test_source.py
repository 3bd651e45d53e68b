"""A study from a file, by its name, or from a mapping: the same study whichever way."""

from pathlib import Path
from types import MappingProxyType
from typing import Any

import numpy as np
import pytest
from ruamel.yaml import YAML

from raysat.errors import StudyError, UsageError
from raysat.study.load import load_study
from raysat.study.source import read_source, shipped_studies
from tests.helpers.paths import SPACES


def holds_itself() -> dict[str, object]:
    mapping: dict[str, object] = {}
    mapping["again"] = mapping
    return mapping


def parse(text: str) -> Any:
    return YAML(typ="safe", pure=True).load(text)


def test_what_ships_is_found_by_name_and_is_what_lies_in_search_spaces() -> None:
    assert set(shipped_studies()) == {file.stem for file in SPACES.glob("*.yaml")}
    for name, file in shipped_studies().items():
        assert read_source(name).text == file.read_text(encoding="utf-8")
        assert read_source(name).stem == name


def test_a_file_comes_before_what_ships(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("quickstart").write_text("study: mine\n", encoding="utf-8")
    assert load_study("quickstart").name == "mine"


def test_a_folder_called_like_what_ships_is_no_study(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("table2").mkdir()
    assert load_study("table2").name == "table2"
    with pytest.raises(StudyError, match="cannot be read"):
        load_study(tmp_path / "table2")


@pytest.mark.parametrize("name", ["quickstart", "table1", "table2", "bands"])
def test_a_mapping_makes_the_same_study_as_its_file(name: str) -> None:
    from_file = load_study(name)
    study = load_study(parse(from_file.text))
    assert (study.name, study.arms, study.seeds) == (from_file.name, from_file.arms, from_file.seeds)
    assert load_study(parse(study.text)).arms == study.arms, "its text says all of it"


def test_numbers_and_arrays_of_numpy_are_as_good_as_pythons() -> None:
    base = {"optim": {"lr": np.float32(0.5), "epochs": np.int64(3)}, "data": {"bands": np.array([6, 5, 2])}}
    base["model"] = {"name": np.str_("resnet34"), "pretrained": np.bool_(False)}
    study = load_study({"base": base, "seeds": range(3), "arms": MappingProxyType({"a": {}, "b": {"optim.lr": 0.1}})})
    assert parse(study.text)["base"]["data"]["bands"] == [6, 5, 2]
    again = load_study(parse(study.text))
    assert (again.arms, again.seeds) == (study.arms, study.seeds) == (study.arms, (0, 1, 2))


def test_an_empty_mapping_is_the_base_alone() -> None:
    study = load_study({})
    assert (study.name, [arm.name for arm in study.arms], study.seeds) == ("study", ["base"], (0,))


def test_a_name_that_no_file_can_have() -> None:
    with pytest.raises(UsageError, match="a name in it has more than 255 bytes"):
        load_study("x" * 300)


@pytest.mark.parametrize(
    ("source", "message", "hint"),
    [
        ("quickstrt", "quickstrt: no such file", "did you mean 'quickstart'?"),
        ("elsewhere/table2.yml", "elsewhere/table2.yml: no such file", "did you mean 'table2'?"),
        (
            "mine",
            "mine: no such file",
            "the name of a study that ships with raysat:\n  bands           Which bands serve the task?\n",
        ),
        ("elsewhere/x", "elsewhere/x: no such file", "check the path, or name a study that ships with raysat: bands, "),
        ({"arms": {"a": object()}}, "study: arms.a: <object object at", "use dicts, lists, texts and numbers"),
        ({"base": {"optim": {("a", "b"): 1}}}, "study: base.optim: ('a', 'b') cannot stand", "use dicts, lists, "),
        ({"base": {"data": {"bands": {6, 5}}}}, "study: base.data.bands: {5, 6} cannot stand", "use dicts, lists, "),
        ({"base": holds_itself()}, "study: base.again: it is nested more than 20 deep", "it may not hold itself"),
        ({"seeds": 10**5000}, "study: seeds: a number of 16,610 bits is too large", "give a smaller number"),
        (
            {"arms": {str(number): {} for number in range(50_000)}},
            "study: it is larger than 150,000 characters",
            "grid",
        ),
        (
            {"arms": {"a": {"optim.lr": -1}}},
            "study: optim.lr must be >= 1e-12, got -1 (arm 'a')",
            "set it to 1e-12 or more",
        ),
        ({"arm": {}}, "study: unknown key 'arm'", "did you mean 'arms'?"),
    ],
)
def test_a_mistake_is_one_error(source: Any, message: str, hint: str) -> None:
    with pytest.raises(StudyError) as caught:
        load_study(source)
    assert message in caught.value.message
    assert hint in (caught.value.hint or "")
