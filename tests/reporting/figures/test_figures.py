"""The figures: whole for every number of arms, seeds and classes, and the same whenever drawn."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from xml.etree import ElementTree as ET

import matplotlib as mpl
import pytest

from raysat.formatting import elide
from raysat.reporting.analysis.analyze import Analysis, analyze
from raysat.reporting.figures import RenderedFigure, draw
from raysat.reporting.figures.classes import classes
from raysat.reporting.figures.confusion import confusion
from raysat.reporting.figures.curves import curves
from raysat.reporting.figures.forest import differences
from raysat.reporting.figures.inline import inline
from raysat.reporting.figures.names import wrap
from raysat.reporting.figures.style import style
from raysat.reporting.figures.tradeoff import tradeoff
from tests.helpers.report import GRID, GRID_CONFIGS

MakeRun = Callable[..., object]
HOSTILE = {
    "<script>alert(1)</script> & $x_1$ % \"q\" 's'": (0.9, 0.7, 0.7, 0.5),
    "_hidden " + "long " * 58: (0.8, 0.6, 0.6, 0.5),
    "plain": (0.8, 0.7, 0.6, 0.6),
}


def found(ledger: object, **options: object) -> Analysis:
    return analyze([Path(ledger.root)], **options)  # type: ignore[attr-defined,arg-type]


def by_name(drawings: tuple[RenderedFigure, ...]) -> dict[str, RenderedFigure]:
    return {each.name: each for each in drawings}


@pytest.fixture(scope="module")
def grid(make_shared_run: MakeRun) -> Analysis:
    return found(make_shared_run(GRID, configs=GRID_CONFIGS, grid=True), combinations=["loss=ldam,average=swa"])


@pytest.mark.slow
def test_a_grid_has_every_figure_in_reading_order_fit_for_one_page(grid: Analysis) -> None:
    drawings = draw(grid)
    assert [each.name for each in drawings] == [
        "differences", "tradeoff", "classes", "main-effects", "interactions", "combination", "variance", "curves",
        "confusion", "calibration",
    ]  # fmt: skip
    for each in drawings:
        assert each.png.startswith(b"\x89PNG")
        assert each.title
        assert re.search(r"\. Look for [^.]+\.( \S|$)", str(each.caption))
        assert re.search(r"\. n = \d+ (pairs of )?seeds\. ", str(each.caption))
        assert re.search(r"95 % intervals|without intervals|no intervals", each.caption.interval)
        assert str(each.caption).endswith(".")
        assert ".." not in str(each.caption)
        assert each.alt.endswith(".")
        ET.fromstring(each.svg)  # noqa: S314
    inlined_figures_share_no_id_and_take_the_colours_of_the_page(drawings)


@pytest.mark.slow
def test_the_same_findings_are_drawn_the_same_and_leave_no_style_behind(make_run: MakeRun) -> None:
    findings = found(make_run(HOSTILE, seeds=(0, 1)))
    before = dict(mpl.rcParams)
    with style():
        once, again = ([make(findings) for make in (differences, tradeoff, curves)] for _ in range(2))
    assert once == again
    assert dict(mpl.rcParams) == before
    assert not any("<dc:date>" in each.svg for each in once if each)


@pytest.mark.slow
def test_names_are_text_never_markup_or_formulas(make_run: MakeRun) -> None:
    drawings = by_name(draw(found(make_run(HOSTILE, seeds=(0, 1), classes=("<b>", "$a$", "c & d", "water")))))
    words = " ".join(ET.fromstring(drawings["tradeoff"].svg).itertext())  # noqa: S314
    assert "<script>alert(1)</script> & $x_1$ % \"q\" 's'" in words
    assert "_hidden" in words
    assert "$a$" in drawings["classes"].svg
    assert not any("<script" in each.svg or "<b>" in each.svg for each in drawings.values())


@pytest.mark.slow
def test_one_arm_with_one_seed_needs_no_comparison(make_run: MakeRun) -> None:
    drawings = by_name(draw(found(make_run({"only": (0.9, 0.7, 0.7, 0.5)}, seeds=(0,)))))
    assert list(drawings) == ["tradeoff", "classes", "curves", "confusion", "calibration"]
    assert drawings["classes"].caption.n == "n = 1 seed"
    assert drawings["curves"].caption.interval == "One seed, so no interval"


def test_without_a_second_seed_differences_have_no_interval(make_run: MakeRun) -> None:
    with style():
        drawn = differences(found(make_run(HOSTILE, seeds=(0,))))
    assert drawn
    assert drawn.caption.interval == "One seed, so no interval"
    assert drawn.caption.n == "n = 1 pair of seeds"


def test_pairs_that_differ_in_number_are_said_from_the_fewest_to_the_most(make_run: MakeRun) -> None:
    arms = {"a": (0.95,) * 4, "b": (0.5,) * 4, "c": (0.4,) * 4}
    with style():
        drawn = differences(found(make_run(arms, seeds=range(4), missing=[("b", 3)])))
    assert drawn
    assert drawn.caption.n == "n = 3 to 4 pairs of seeds"
    assert drawn.caption.interval == "Lines are 95 % intervals over seeds and test patches"


def test_a_class_without_patches_has_a_dash(make_run: MakeRun) -> None:
    arms = {"a": (0.9, 0.8, 0.7, 0.5), "b": (0.8, 0.8, 0.7, 0.5)}
    with style():
        drawn = classes(found(make_run(arms, sizes=(20, 8, 6, 0))))
    assert ">–</text>" in drawn.svg
    assert "nan" not in drawn.svg.lower()


@pytest.mark.slow
def test_of_many_arms_the_first_are_shown_and_the_baseline(make_run: MakeRun) -> None:
    arms = {f"arm {k}": (0.9, 0.5 + 0.007 * k, 0.6, 0.5) for k in range(45)}
    findings = found(make_run(arms, seeds=(0,)), baseline="arm 0")
    with style():
        drawings = by_name(tuple(each for make in (differences, tradeoff, confusion) if (each := make(findings))))
    assert "the first 40 of 45 arms" in drawings["differences"].caption.notes
    assert "Of 45 arms the first 10 and the baseline are named" in drawings["tradeoff"].caption.notes
    assert "the first 8 of 45 arms and the baseline" in drawings["confusion"].caption.notes
    svg = ET.fromstring(drawings["differences"].svg)  # noqa: S314
    assert sum(text.strip().endswith("  □ arm 0") for text in svg.itertext()) == 1


def inlined_figures_share_no_id_and_take_the_colours_of_the_page(drawings: tuple[RenderedFigure, ...]) -> None:
    roots = [ET.fromstring(inline(each)) for each in drawings]  # noqa: S314
    ids = [element.attrib["id"] for root in roots for element in root.iter() if "id" in element.attrib]
    assert len(ids) == len(set(ids))
    known = {f"#{each}" for each in ids}
    for root in roots:
        assert root.tag == "svg"
        assert root.attrib["role"] == "img"
        assert root.attrib["aria-label"]
        assert {"width", "height"}.isdisjoint(root.attrib)
        assert {element.tag for element in root.iter()}.isdisjoint({"style", "metadata", "script", "title"})
        for element in root.iter():
            assert element.attrib.get("href", next(iter(known))) in known
            clip = element.attrib.get("clip-path")
            assert clip is None or clip.removeprefix("url(").removesuffix(")") in known
            style = element.attrib.get("style", "")
            assert "fill: #" not in style
            assert "stroke: #" not in style


@pytest.mark.parametrize(
    ("shorten", "text", "width", "expected"),
    [
        (wrap, "short", 10, "short"),
        (wrap, "loss=ldam, average=swa", 12, "loss=ldam,\naverage=swa"),
        (elide, "abcdefghij klm", 6, "abc…lm"),
        (wrap, "one two three four five", 9, "one two\n…our five"),
        (elide, "中文中文中文", 7, "中…中文"),
    ],
)
def test_long_names_keep_both_ends(shorten: Callable[[str, int], str], text: str, width: int, expected: str) -> None:
    assert shorten(text, width) == expected


def test_elided_names_still_differ_at_their_ends() -> None:
    assert elide("a" * 50 + " swa", 20) != elide("a" * 50 + " ema", 20)
