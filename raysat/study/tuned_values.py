"""Refuses a ``tune`` whose values an arm cannot have, before any is drawn: each end of a range, and each choice."""

from __future__ import annotations

import json
from collections.abc import Mapping

from raysat.config.merge import override
from raysat.config.schema import Config
from raysat.config.validate import validate_config
from raysat.config.yaml_source import YamlValue
from raysat.study.tuning import Tuning


def check_tuned_values(tuning: Tuning, configs: Mapping[str, Config], trees: Mapping[str, YamlValue]) -> None:
    """Validate each arm with the first values of all that it is tuned over, then with the second ones, and so on.

    Every value has its turn, and none is beside one that could not be drawn with it.

    Args:
        tuning: what is tuned.
        configs: the arms.
        trees: the same as they are written.

    Raises:
        StudyError: names the place of a setting in ``tune``, the value, what it may be, and the arm.
    """
    seen: set[str] = set()
    for name, config in configs.items():
        parameters, tree = tuning.of(config), trees[name]
        sections = {parameter.section: tree.value.get(parameter.section) for parameter in parameters}
        written = json.dumps([[parameter.name for parameter in parameters], sections], default=str)
        if written in seen:  # sections are validated apart: another arm had the same
            continue
        seen.add(written)
        values = [parameter.distribution.boundary() for parameter in parameters]
        for turn in range(max(map(len, values))):
            tuned = tree
            for parameter, ends in zip(parameters, values, strict=True):
                tuned = override(tuned, parameter.setting(ends[turn % len(ends)]))
            validate_config(tuned, arm=name)
