"""``docs/extend.md``: its loss is the example's, everything that it shows loads, and it names what there is."""

import re

import pytest

import raysat.extend
from raysat.config.plugins.source import PluginSource
from raysat.training.contract.checks import CHECKS
from raysat.training.contract.run import check_method
from tests.helpers.paths import ROOT
from tests.helpers.plugins import used

PAGE = (ROOT / "docs" / "extend.md").read_text(encoding="utf-8")
BLOCKS = re.findall(r"```python\n(.*?)```", PAGE, re.DOTALL)


@pytest.mark.parametrize(("number", "name"), [(0, "poly1.py"), (1, "small_net.py")])
def test_the_first_two_are_the_examples(number: int, name: str) -> None:
    example = (ROOT / "examples" / "plugins" / name).read_text(encoding="utf-8")
    assert example == BLOCKS[number]
    code = [line for line in example.split('"""', 2)[2].splitlines() if line.strip()]
    assert len(code) <= 20, "its imports, settings and function are the 20 lines"


@pytest.mark.slow
@pytest.mark.parametrize("number", range(len(BLOCKS)))
def test_each_block_keeps_the_contract(number: int) -> None:
    with used(PluginSource(name="page.py", place="page.py", text=BLOCKS[number])) as plugin:
        for settings in plugin.settings:
            assert [found for found in check_method(settings()) if found.fault] == []


def test_it_has_every_test_and_decorator() -> None:
    for checks in CHECKS.values():
        assert all(check.name in PAGE for check in checks)
    for name in ("loss", "sampler", "augment", "schedule", "average", "model"):
        assert name in raysat.extend.__all__
        assert f"`@{name}(S" in PAGE


def test_the_hash_that_it_pins_is_the_examples() -> None:
    assert f"plugin: {PluginSource(name='', place='', text=BLOCKS[0]).digest}" in PAGE
