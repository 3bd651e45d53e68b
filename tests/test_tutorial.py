"""The tutorial as a reader follows it: its commands in order, in a folder of their own, and what they print."""

import re
from pathlib import Path

import pytest

from tests.helpers.following import EUROSAT, follow, lay_commands, run, steps
from tests.helpers.paths import ROOT

PAGE = ROOT / "docs" / "tutorial.md"


def test_a_finding_on_the_demo_patches(tmp_path: Path) -> None:
    folder = lay_commands(tmp_path)
    follow(steps(PAGE, "1. "), folder)
    assert (folder / "demo.png").is_file()
    assert (folder / "runs" / "quickstart" / "leaderboard.json").is_file()
    assert "n = 1 seed" in (folder / "reports" / "quickstart" / "report.md").read_text(encoding="utf-8")


def test_the_same_with_geotiffs(tmp_path: Path) -> None:
    if not EUROSAT.is_dir():
        pytest.skip(f"{EUROSAT} is not there; name the test data's folder with RAYSAT_TEST_DATA")
    folder = lay_commands(tmp_path)
    (folder / "EuroSAT_MS").symlink_to(EUROSAT)
    follow(steps(PAGE, "2. "), folder)
    assert (folder / "eurosat.png").is_file()
    report = (folder / "reports" / "sentinel" / "report.md").read_text(encoding="utf-8")
    assert "all bands + DRW" in report.replace("\\", "")
    (folder / "sentinel.yaml").write_text(
        (folder / "sentinel.yaml").read_text(encoding="utf-8").replace("natural", "agricultre"), encoding="utf-8"
    )
    slip = run("raysat plan --space sentinel.yaml --data stores/eurosat", folder)
    (told,) = [text for step in steps(PAGE, "2. ") for text in step.printed if text.startswith("error:")]
    assert (slip.returncode, slip.stderr) == (2, told)


def test_every_block_of_the_page_is_run_or_is_installation() -> None:
    """A block in another language, or with spaces before its fence, would be shown and never be tried."""
    languages = re.findall(r"^ *```(\w+)$", PAGE.read_text(encoding="utf-8"), flags=re.MULTILINE)
    assert set(languages) == {"bash", "sh", "text"}
    assert languages.count("sh") == 2
    assert len(steps(PAGE, "1. ")) + len(steps(PAGE, "2. ")) == languages.count("bash")
