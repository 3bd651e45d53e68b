"""Every document has a valid schema in which each key is described and required, and none changes unnoticed."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from raysat.documents.base import document_schema
from raysat.documents.catalog import NAMES, document_model
from tests.helpers.document_keys import FILE, all_keys


def objects(schema: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """The document and its parts."""
    yield schema
    yield from (part for part in schema.get("$defs", {}).values() if part.get("type") == "object")


@pytest.mark.parametrize("name", NAMES)
def test_a_schema_is_valid_and_says_what_each_key_is(name: str) -> None:
    schema = document_schema(document_model(name))
    Draft202012Validator.check_schema(schema)
    for part in objects(schema):
        assert part["required"] == list(part["properties"]), "every key is there each time"
        assert part["additionalProperties"] is False
        assert part["description"].endswith(".")
        for key, value in part["properties"].items():
            assert value.get("description", "").endswith("."), key


@pytest.mark.parametrize("name", NAMES)
def test_a_document_cannot_be_changed(name: str) -> None:
    assert document_model(name).model_config["frozen"]


def test_keys_are_those_that_were_promised() -> None:
    assert all_keys() == FILE.read_text(encoding="utf-8"), "python -m tests.helpers.document_keys, and see its head"
