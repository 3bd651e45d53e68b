"""The picture of the architecture is that of the imports, small enough to read, and without a circle."""

import runpy
from graphlib import CycleError

import pytest

from tests.helpers.paths import ROOT

DRAW = runpy.run_path(str(ROOT / "docs" / "draw_architecture.py"))


@pytest.mark.slow
def test_the_picture_is_current():
    page = (ROOT / "docs" / "architecture.md").read_text(encoding="utf-8")
    assert DRAW["with_picture"](page, DRAW["picture"](DRAW["reduced"](DRAW["imports"]()))) == page


@pytest.mark.slow
def test_it_has_few_boxes():
    boxes = DRAW["imports"]()
    assert {"cli", "training", "reporting", "errors"} <= set(boxes)
    assert len(boxes) <= 24


def test_implied_arrows_are_left_out_and_a_circle_is_an_error():
    assert DRAW["reduced"]({"a": {"b", "c"}, "b": {"c"}, "c": set()}) == {"a": {"b"}, "b": {"c"}, "c": set()}
    with pytest.raises(CycleError):
        DRAW["reduced"]({"a": {"b"}, "b": {"a"}})


def test_every_file_that_it_names_is_there():
    text = (ROOT / "docs" / "architecture.md").read_text(encoding="utf-8")
    names = {word.strip("`(),;.") for word in text.split() if word.strip("`(),;.").endswith(".py")}
    assert len(names) > 15
    files = [path.relative_to(ROOT).as_posix() for path in [*ROOT.glob("raysat/**/*.py"), *ROOT.glob("docs/*.py")]]
    assert not [name for name in names if not any(f"/{file}".endswith(f"/{name}") for file in files)]
