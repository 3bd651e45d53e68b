"""How documents are written: plain ASCII, no NaN, times in UTC whatever the zone, one line where they are many."""

from __future__ import annotations

import json
import math
import time

import pytest
from pydantic import Field, ValidationError

from raysat.documents.base import Document, Real, When, document_json


class Odd(Document):
    """Of a test."""

    name: str = Field(description="Any.")
    value: Real = Field(description="Any.")
    at: When | None = Field(None, description="Any.")


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf, None])
def test_what_is_no_number_is_null(value: float | None) -> None:
    assert json.loads(document_json(Odd(name="", value=value)))["value"] is None


@pytest.mark.parametrize("name", ["\x1b[31mred\x1b[0m", "a\x7fb\x9bc", "\u202eabc", "漢字 é", '"\\\n\t', "\U0001f680"])
def test_no_name_commands_a_terminal_and_none_is_lost(name: str) -> None:
    text = document_json(Odd(name=name, value=1.0))
    assert text.isascii()
    assert text.replace("\n", "").isprintable()
    assert json.loads(text)["name"] == name


def test_a_line_and_a_page_say_the_same() -> None:
    document = Odd(name="x", value=0.1)
    line, page = document_json(document, line=True), document_json(document)
    assert line.count("\n") == 1
    assert page.count("\n") > 3
    assert page.endswith("}\n")
    assert json.loads(line) == json.loads(page) == {"schema_version": 1, "name": "x", "value": 0.1, "at": None}


def test_times_are_utc_whatever_the_zone(monkeypatch: pytest.MonkeyPatch) -> None:
    try:
        for zone in ("UTC", "Asia/Kathmandu", "America/St_Johns"):
            monkeypatch.setenv("TZ", zone)
            time.tzset()
            document = Odd.model_validate({"name": "", "value": None, "at": 1_750_000_000.12345})
            assert json.loads(document_json(document))["at"] == "2025-06-15T15:06:40.123000Z"
    finally:
        monkeypatch.undo()
        time.tzset()


def test_a_key_that_is_not_of_the_document_is_refused() -> None:
    with pytest.raises(ValidationError):
        Odd.model_validate({"name": "", "value": 1.0, "other": 1})
