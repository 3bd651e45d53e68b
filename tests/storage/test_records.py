"""Records and specs: what older and newer files hold is read as far as it is known."""

from __future__ import annotations

import json

import pytest
from pydantic import ValidationError

from raysat.config.schema import Config, canonical_json
from raysat.storage.records import DataRef, Hardware, Record, TrialSpec
from tests.helpers.ledger import made_up_record


def test_a_configuration_is_read_as_one_and_written_as_it_was() -> None:
    spec = TrialSpec(config=Config(), seed=1, data="f")
    again = TrialSpec.model_validate_json(canonical_json(spec))
    assert again == spec
    assert again.config == Config()
    assert again.settings == Config().model_dump(mode="json")


@pytest.mark.parametrize("config", [{"loss": {"kind": "unheard_of"}}, {"optim": {"lr": -1}}, {"new": {"key": [1]}}])
def test_a_configuration_of_another_raysat_is_shown_as_it_is(config: dict[str, object]) -> None:
    spec = TrialSpec.model_validate_json(json.dumps({"config": config, "seed": 0, "data": "f"}))
    assert spec.settings == config


@pytest.mark.parametrize("config", [None, [], "text"])
def test_what_is_no_configuration_is_refused(config: object) -> None:
    with pytest.raises(ValidationError):
        TrialSpec.model_validate_json(json.dumps({"config": config}))


def test_a_record_of_before_hardware_and_data_were_known_is_read() -> None:
    old = made_up_record().model_dump(mode="json") | {"hardware": {}, "data": {}, "dropped": 1}
    del old["format"]
    record = Record.model_validate_json(json.dumps(old))
    assert (record.hardware, record.data) == (Hardware(), DataRef())
    assert record.metrics == made_up_record().metrics
