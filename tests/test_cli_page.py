"""``docs/cli.md`` and the man pages are what the commands say of themselves."""

import re
import runpy
import shutil
import subprocess

import pytest

from raysat.cli.commands import tree
from raysat.cli.main import cli
from tests.helpers.paths import ROOT

WRITER = runpy.run_path(str(ROOT / "docs" / "write_cli.py"))
PAGES: dict[str, str] = WRITER["man_pages"]()
WORDS = [" ".join(words) for words, _ in tree(cli, ("raysat",))]


def test_the_page_is_current_and_has_every_command() -> None:
    page = (ROOT / "docs" / "cli.md").read_text(encoding="utf-8")
    assert page == WRITER["page"](), "python docs/write_cli.py --write"
    assert [word for word in WORDS if f"# `{word}`\n" not in page] == []


def test_there_is_a_man_page_of_every_command() -> None:
    assert sorted(PAGES) == sorted(["raysat.1", *(f"{word.replace(' ', '-')}.1" for word in WORDS)])
    for text in PAGES.values():
        lines = text.splitlines()
        assert lines[0].startswith(".TH ")
        assert [line for line in lines if line.startswith(".S")][:3] == [".SH NAME", ".SH SYNOPSIS", ".SH DESCRIPTION"]
        known = (".TH", ".SH", ".TP", ".B ", ".PP", ".nf", ".fi")
        assert [line for line in lines if line[:1] in (".", "'") and not line.startswith(known)] == []


@pytest.mark.skipif(shutil.which("groff") is None, reason="groff is not installed")
def test_groff_has_nothing_to_say_against_them() -> None:
    text = "\n".join(PAGES.values())
    done = subprocess.run(
        ["groff", "-ww", "-man", "-Tascii", "-P-c"], input=text, capture_output=True, text=True, check=True
    )
    assert done.stderr == ""
    shown = re.sub(".\b", "", done.stdout)  # what is struck twice is bold
    assert "--log-file FILE" in shown
    assert "raysat ablate --space study.yaml" in shown
