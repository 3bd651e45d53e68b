"""An override laid over a configuration: key by key, and what another kind keeps."""

from typing import Any

import pytest

from raysat.config.merge import override
from raysat.config.yaml_source import YamlValue, parse_yaml

NAN = float("nan")  # equals nothing, itself included
ADAM = {"kind": "adam", "lr": 0.1, "epochs": 7, "clip_norm": 2.0}


@pytest.mark.parametrize(
    ("base", "over", "merged"),
    [
        ({"optim": ADAM}, {"optim": {"lr": 0.2}}, {"optim": {**ADAM, "lr": 0.2}}),
        ({"optim": ADAM}, {"optim": {"kind": "adam"}}, {"optim": ADAM}),
        ({"optim": ADAM}, {"optim": {"kind": "sgd"}}, {"optim": {**ADAM, "kind": "sgd"}}),
        (
            {"schedule": {"kind": "triangular", "max_lr": 1, "step_epochs": 3}},
            {"schedule": {"kind": "one_cycle"}},
            {"schedule": {"kind": "one_cycle", "max_lr": 1}},
        ),
        ({"loss": {"kind": "ldam", "scale": 9}}, {"loss": {"kind": "focal"}}, {"loss": {"kind": "focal"}}),
        ({"loss": {"kind": "ldam", "scale": 9}}, {"loss": {"kind": "unknown"}}, {"loss": {"kind": "unknown"}}),
        ({"data": {"bands": [1, 2], "drop": [1]}}, {"data": {"bands": [3]}}, {"data": {"bands": [3], "drop": [1]}}),
        ({"loss": {"kind": NAN}}, {"loss": {"scale": 9}}, {"loss": {"kind": NAN, "scale": 9}}),
        ({"loss": {"kind": "ldam"}}, {"loss": 3}, {"loss": 3}),
        ({"loss": 3}, {"loss": {"kind": "ldam"}}, {"loss": {"kind": "ldam"}}),
        ({"no_section": {"kind": "a", "b": 1}}, {"no_section": {"kind": "c"}}, {"no_section": {"kind": "c"}}),
    ],
)
def test_an_override_keeps_what_the_new_kind_has_too(base: Any, over: Any, merged: Any) -> None:
    assert override(YamlValue(base), YamlValue(over)).value == merged


def test_each_key_stays_where_it_was_written() -> None:
    base = parse_yaml("optim:\n  lr: 1\n  epochs: 2\n", "base.yaml")
    merged = override(base, parse_yaml("\n\noptim: {lr: 3}\n", "arm.yaml"))
    assert merged.location(("optim", "lr")) == "arm.yaml:3"
    assert merged.location(("optim", "epochs")) == "base.yaml:3"
