"""An arm in full: its values, what sets each, and what of it does nothing."""

from pathlib import Path

import pytest

from raysat.config.diff import flatten
from raysat.config.yaml_source import parse_yaml
from raysat.errors import UsageError
from raysat.planning.explain import ExplainedArm, explain
from raysat.study.load import load_study
from tests.helpers.paths import SPACES
from tests.helpers.study import load, shipped_studies

STUDY = """\
base:
  loss: {kind: ldam, scale: 10}
  optim.lr: 0.002
arms:
  plain: {}
  other: {loss: {kind: focal}}
  own:
    loss:
      max_margin: 0.3
    schedule: {kind: triangular}
"""


def sources(arm: ExplainedArm) -> dict[str, tuple[str, str, str]]:
    """Value, source and line (or option) of what is no default."""
    return {
        setting.key: (setting.value, setting.source, setting.place.rpartition(":")[2])
        for setting in arm.settings
        if setting.source != "default"
    }


def test_each_value_has_its_source(tmp_path: Path) -> None:
    study = load(tmp_path, STUDY, overrides={"optim.batch_size": 8}, epochs=3)
    base = {"loss.kind": ("ldam", "base", "2"), "loss.scale": ("10", "base", "2"), "optim.lr": ("0.002", "base", "3")}
    options = {
        "optim.batch_size": ("8", "option", "{--set} optim.batch_size"),
        "optim.epochs": ("3", "option", "{--epochs}"),
    }
    assert sources(explain(study, "plain")) == base | options
    own = {"loss.max_margin": ("0.3", "arm", "9"), "schedule.kind": ("triangular", "arm", "10")}
    assert sources(explain(study, "own")) == base | own | options


def test_another_kind_leaves_nothing_of_the_one_before(tmp_path: Path) -> None:
    study = load(tmp_path, STUDY)
    assert sources(explain(study, "other")) == {"loss.kind": ("focal", "arm", "6"), "optim.lr": ("0.002", "base", "3")}
    back = explain(load(tmp_path, STUDY, overrides={"loss.kind": "ldam"}), "other")
    assert sources(back) == {"loss.kind": ("ldam", "option", "{--set} loss.kind"), "optim.lr": ("0.002", "base", "3")}
    assert [setting.value for setting in back.settings if setting.key == "loss.scale"] == ["30"]  # the default again


@pytest.mark.slow
@pytest.mark.parametrize("file", shipped_studies(), ids=lambda file: file.stem)
def test_an_arm_of_a_shipped_study_is_whole_and_its_places_are_right(file: Path) -> None:
    study = load_study(file)
    lines = file.read_text(encoding="utf-8").splitlines()
    for arm in study.arms:
        explained = explain(study, arm.name)
        values = {setting.key: parse_yaml(setting.value, "value").value for setting in explained.settings}
        assert values == flatten(arm.config)
        for setting in explained.settings:
            assert (setting.source == "default") == (setting.place == "")
            if setting.place:
                name, _, line = setting.place.rpartition(":")
                assert name == str(file)
                assert setting.value in lines[int(line) - 1].replace("1.0e-3", "0.001").replace("1.0", "1")


def test_an_arm_is_found_by_its_number() -> None:
    study = load_study(SPACES / "full_factorial.yaml")
    assert explain(study, "#128").name == study.arms[-1].name
    with pytest.raises(UsageError, match="has no arm '#129'") as caught:
        explain(study, "#129")
    assert caught.value.hint == "its 128 arms are #1 to #128: raysat.plan lists them"


def test_an_unknown_arm_is_one_error() -> None:
    with pytest.raises(UsageError, match=r"study 'table2' has no arm '\(8\)'") as caught:
        explain(load_study(SPACES / "table2.yaml"), "(8)")
    assert "did you mean '(" in (caught.value.hint or "")


@pytest.mark.parametrize(
    ("arm", "idle"), [("plain", {}), ("own", {"optim.lr": "the triangular schedule brings its own"})]
)
def test_what_does_nothing_is_marked(tmp_path: Path, arm: str, idle: dict[str, str]) -> None:
    marked = {s.key: s.no_effect for s in explain(load(tmp_path, STUDY), arm).settings if s.no_effect}
    assert marked.keys() == idle.keys()
    assert all(text in marked[key] for key, text in idle.items())
