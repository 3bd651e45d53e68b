"""``raysat schema`` prints the schema of a study, or of a search."""

import json

import pytest

from raysat.search.schema import search_schema
from raysat.study.schema import study_schema


@pytest.mark.parametrize(("words", "schema"), [([], study_schema), (["--search"], search_schema)])
def test_it_prints_json(raysat, words, schema) -> None:
    result = raysat("schema", *words)
    assert (result.code, result.err) == (0, "")
    assert json.loads(result.out) == schema()
