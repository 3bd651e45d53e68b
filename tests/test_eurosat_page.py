"""``docs/eurosat.md`` as a reader follows it, on the real patches: two seeds of two epochs, else as the page has it."""

import json
import re
from pathlib import Path

import pytest

from tests.helpers.following import EUROSAT, Step, follow, lay_commands, steps
from tests.helpers.paths import ROOT

PAGE = ROOT / "docs" / "eurosat.md"


def manifest() -> Step:
    """What the page says to take from the first hour."""
    (step,) = [step for step in steps(ROOT / "docs" / "tutorial.md", "2. ") if "make_manifest" in step.commands]
    return step


def test_a_question_to_real_patches(tmp_path: Path) -> None:
    if not EUROSAT.is_dir():
        pytest.skip(f"{EUROSAT} is not there; name the test data's folder with RAYSAT_TEST_DATA")
    folder = lay_commands(tmp_path, seeds=2)
    (folder / "EuroSAT_MS").symlink_to(EUROSAT)
    follow([manifest(), *steps(PAGE)], folder)
    assert (folder / "look.png").is_file()
    report = json.loads((folder / "reports" / "bands" / "report.json").read_text(encoding="utf-8"))
    assert len(report["planned"]["contrasts"]) == 2


def test_what_is_read_is_what_was_printed() -> None:
    """The page's own words have the figures of its report."""
    page = PAGE.read_text(encoding="utf-8")
    value, low, high, p = re.search(
        r"NIR minus RGB: balanced accuracy (\S+) \[(\S+), (\S+)\].*Holm (\S+)\)", page
    ).groups()
    points = [f"{100 * float(number):.0f}" for number in (value, low, high)]
    assert f"adds {points[0]} points of balanced accuracy, between {points[1]} and {points[2]}" in page
    assert f"p = {p.removeprefix('0')} after Holm" in page
    low, high = re.search(r"RGB \+ NIR: balanced accuracy \S+ \[−(\S+), \+(\S+)\]", page).groups()
    assert f"may cost {100 * float(low):.0f} points or bring {100 * float(high):.0f}" in page


def test_every_block_is_a_step_or_the_download() -> None:
    languages = re.findall(r"^ *```(\w+)$", PAGE.read_text(encoding="utf-8"), flags=re.MULTILINE)
    assert set(languages) == {"bash", "sh", "text"}
    assert languages.count("sh") == 1
    assert len(steps(PAGE)) == languages.count("bash")
