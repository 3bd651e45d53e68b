"""Places: every key and item of a file has one, anchors and merge keys or not."""

from pathlib import Path

import pytest

from raysat.config.yaml_source import parse_yaml
from raysat.errors import StudyError
from raysat.study.load import load_study

ANCHORS = """\
arms:
  a:
    optim: &o {lr: 0.5}
  b:
    optim: &p {weight_decay: 0.25,
      batch_size: 8}
  c:
    optim: {<<: *o,
      epochs: 3}
  d:
    optim:
      <<: [*o, *p]
"""


def test_merge_keys_are_read_and_what_they_bring_stands_where_they_are() -> None:
    tree = parse_yaml(ANCHORS, "f")
    arms = tree.child("arms")
    assert arms.value["c"] == {"optim": {"lr": 0.5, "epochs": 3}}
    assert arms.value["d"] == {"optim": {"lr": 0.5, "weight_decay": 0.25, "batch_size": 8}}
    assert arms.location(("b", "optim", "batch_size")) == "f:6"
    assert arms.location(("c", "optim", "epochs")) == "f:9"
    assert arms.location(("c", "optim", "lr")) == "f:8"  # the mapping that the merge key stands in
    assert {arms.location(("d", "optim", key)) for key in ("lr", "weight_decay", "batch_size")} == {"f:11"}


def test_a_study_may_use_merge_keys(tmp_path: Path) -> None:
    file = tmp_path / "study.yaml"
    file.write_text(ANCHORS)
    arms = {arm.name: arm.config.optim for arm in load_study(file).arms}
    assert (arms["c"].lr, arms["c"].epochs) == (0.5, 3)
    assert (arms["d"].lr, arms["d"].weight_decay, arms["d"].batch_size) == (0.5, 0.25, 8)
    file.write_text(ANCHORS.replace("lr: 0.5", "lr: -1"))
    with pytest.raises(StudyError, match=r"study\.yaml:3: optim\.lr must be >= 1e-12, got -1"):
        load_study(file)


def test_a_merge_key_at_the_top_and_a_list_over_two_lines_have_places() -> None:
    tree = parse_yaml("<<: {a: 1}\nb: [1,\n  2]\n", "f")
    assert tree.value == {"a": 1, "b": [1, 2]}
    assert tree.location(("a",)) == "f:1"
    assert tree.location(("b", 1)) == "f:3"


def test_aliases_of_aliases_end_as_one_error() -> None:
    """Ten values, ten lists of them, ten lists of these ...: 10^9 in all."""
    lines = ["a0: &a0 [1, 1, 1, 1, 1, 1, 1, 1, 1, 1]"]
    lines += [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 10)}]" for n in range(1, 9)]
    with pytest.raises(StudyError, match="f:6: aliases make more than 150,000 values of this file"):
        parse_yaml("\n".join(lines), "f")


def test_items_of_a_list_have_their_own_lines() -> None:
    tree = parse_yaml("a:\n- 1\n- {b: 2,\n   c: 3}\n", "f")
    assert [tree.location(("a", 0)), tree.location(("a", 1)), tree.location(("a", 1, "c"))] == ["f:2", "f:3", "f:4"]
    assert tree.child("a", 1).error("wrong", "c").message == "f:4: wrong"
    assert tree.child("a", 1).error("wrong", "absent").message == "f:3: wrong"
