"""A study from a file, by its name, or from a mapping: the same study whichever way."""

from pathlib import Path
from typing import Any

import pytest
from ruamel.yaml import YAML

from raysat.errors import StudyError
from raysat.study.load import load_study
from raysat.study.source import read_source, shipped_studies
from tests.helpers.paths import SPACES


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


@pytest.mark.parametrize("name", ["quickstart", "table1", "table2", "bands"])
def test_a_mapping_makes_the_same_study_as_its_file(name: str) -> None:
    from_file = load_study(name)
    study = load_study(parse(from_file.text))
    assert (study.name, study.arms, study.seeds) == (from_file.name, from_file.arms, from_file.seeds)
    assert load_study(parse(study.text)).arms == study.arms, "its text says all of it"


def test_an_empty_mapping_is_the_base_alone() -> None:
    study = load_study({})
    assert (study.name, [arm.name for arm in study.arms], study.seeds) == ("study", ["base"], (0,))


def test_overrides_are_values_by_key_or_texts() -> None:
    texts = load_study("quickstart", overrides=["optim.lr=0.01", "data.bands=[6, 5]"])
    assert load_study("quickstart", overrides={"optim.lr": 0.01, "data.bands": [6, 5]}).arms == texts.arms


@pytest.mark.parametrize(
    ("source", "message", "hint"),
    [
        ("quickstrt", "quickstrt: no such file", "did you mean 'quickstart'?"),
        ("elsewhere/x", "elsewhere/x: no such file", "the name of a study that ships with raysat: bands, "),
        ({"arms": {"a": object()}}, "the mapping cannot be written as YAML", "dicts, lists, texts and numbers"),
        ({"arms": {"a": {"optim.lr": -1}}}, "study: optim.lr must be > 0, got -1 (arm 'a')", "set it above 0"),
        ({"arm": {}}, "study: unknown key 'arm'", "did you mean 'arms'?"),
    ],
)
def test_a_mistake_is_one_error(source: str | dict[str, object], message: str, hint: str) -> None:
    with pytest.raises(StudyError) as caught:
        load_study(source)
    assert message in caught.value.message
    assert hint in (caught.value.hint or "")
