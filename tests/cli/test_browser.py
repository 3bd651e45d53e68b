"""``report --open``: the browser where there is one, else the page's place."""

import webbrowser
from pathlib import Path
from types import SimpleNamespace

import pytest

from raysat.cli import browser
from raysat.cli.browser import open_page
from tests.helpers.command import Raysat


class Terminal:
    def isatty(self) -> bool:
        return True


@pytest.fixture(name="opened")
def _opened(monkeypatch) -> list[str]:
    opened: list[str] = []
    monkeypatch.setattr(webbrowser, "open", lambda url: opened.append(url) or True)
    monkeypatch.setattr(browser, "sys", SimpleNamespace(stdout=Terminal(), platform="linux"))
    for name in ("SSH_CONNECTION", "SSH_TTY", "BROWSER", "WAYLAND_DISPLAY"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("DISPLAY", ":0")
    return opened


def test_a_page_is_opened_by_its_url(opened: list[str], tmp_path: Path) -> None:
    url = (tmp_path / "a b.html").as_uri()
    assert open_page(tmp_path / "a b.html") == f"opened {url}"
    assert opened == [url]


@pytest.mark.parametrize(
    ("name", "value", "said"),
    [("SSH_CONNECTION", "10.0.0.1 1 10.0.0.2 22", "over SSH"), ("DISPLAY", "", "no display")],
)
def test_where_there_is_no_browser_the_place_is_said(
    opened: list[str], tmp_path: Path, monkeypatch, name: str, value: str, said: str
) -> None:
    monkeypatch.setenv(name, value)
    assert said in open_page(tmp_path / "x.html")
    assert (tmp_path / "x.html").as_uri() in open_page(tmp_path / "x.html")
    assert opened == []


def test_a_pipe_opens_nothing(tmp_path: Path, opened: list[str], monkeypatch) -> None:
    monkeypatch.setattr(Terminal, "isatty", lambda self: False)
    assert open_page(tmp_path / "x.html").startswith("this is no terminal: open file://")
    assert opened == []


def test_without_the_page_there_is_nothing_to_open(raysat: Raysat, tmp_path: Path) -> None:
    found = raysat("report", tmp_path, "--open", "--format", "md")
    assert found.code == 2
    assert "hint: add html to --format" in found.err
