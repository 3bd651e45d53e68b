"""The key ``plugins``: installed packages that a study names are loaded, and never a file."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from raysat.config.plugins.settings import METHODS
from raysat.errors import PluginError, StudyError
from raysat.search.confirm import confirming_study
from raysat.search.load import load_search
from raysat.search.log import Log
from raysat.study.load import load_study
from tests.helpers.plugins import plugin_text

ARMS: dict[str, Any] = {"arms": {"plain": {}, "own": {"loss": {"kind": "own"}}}}


@pytest.fixture(name="package")
def _package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """An installed package with a plugin called ``ours``; its file says so when it runs."""
    site = tmp_path / "site"
    about = site / "ours-1.0.dist-info"
    about.mkdir(parents=True)
    (about / "METADATA").write_text("Metadata-Version: 2.1\nName: ours\nVersion: 1.0\n", encoding="utf-8")
    points = "[raysat.methods]\nours = ours_losses\ngone = no_such_module\nbinary = zlib\n"
    (about / "entry_points.txt").write_text(points, encoding="utf-8")
    ran = f"from pathlib import Path\nPath({str(tmp_path / 'ran')!r}).touch()\n"
    (site / "ours_losses.py").write_text(ran + plugin_text("loss"), encoding="utf-8")
    monkeypatch.syspath_prepend(site)
    yield site / "ours_losses.py"
    METHODS.forget()


def test_an_installed_plugin_runs_where_a_study_names_it_and_else_never(tmp_path: Path, package: Path) -> None:
    with pytest.raises(StudyError, match=r"loss.kind must be one of"):
        load_study(ARMS)
    assert not (tmp_path / "ran").exists()
    study = load_study({**ARMS, "plugins": ["ours"]})
    assert (tmp_path / "ran").exists()
    settings = study.arms[1].config.loss
    assert settings.plugin_method.source.place == str(package)
    assert settings.plugin_method.source.name == "ours.py"


@pytest.mark.parametrize(
    ("plugins", "says"),
    [
        (["own.py"], "'own.py' is a file, and a study runs none"),
        (["../ours"], "'../ours' is a file, and a study runs none"),
        (["ourz"], "no installed package has a plugin called 'ourz'"),
        (["gone"], "the plugin 'gone' of no_such_module cannot be read"),
        (["binary"], "no module of Python source"),
        ("ours", "must be a list of names, got 'ours'"),
        ([], "must be a list of names"),
        ([3], "must be a list of names"),
    ],
)
def test_what_is_no_installed_plugin_is_an_error_with_its_place(
    tmp_path: Path, package: Path, monkeypatch: pytest.MonkeyPatch, plugins: object, says: str
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "own.py").write_text("from pathlib import Path\nPath('ran').touch()\n", encoding="utf-8")
    with pytest.raises(StudyError, match=r"^study: ") as caught:
        load_study({**ARMS, "plugins": plugins})
    assert says in caught.value.message
    assert not (tmp_path / "ran").exists()


def test_one_that_fails_names_its_own_line(package: Path) -> None:
    package.write_text("1 / 0\n", encoding="utf-8")
    with pytest.raises(PluginError, match=r"ours_losses.py:1: ZeroDivisionError"):
        load_study({**ARMS, "plugins": ["ours"]})


def test_a_search_hands_them_to_the_study_that_confirms_it(package: Path) -> None:
    tree = {
        "plugins": ["ours"],
        "base": {"loss": {"kind": "own"}, "optim": {"epochs": 2}},
        "search": {"loss.amount": {"uniform": [1.0, 3.0]}},
        "budget": {"trials": 3},
    }
    search = load_search(tree)
    assert search.config({"loss.amount": 2.5}).loss.amount == 2.5
    log = Log.model_construct(candidates=[], ended=[], patches={"val": 8})
    confirming = load_study_text(confirming_study(search, log))
    assert confirming.arms[0].config.loss == search.base.loss


def load_study_text(text: str) -> Any:
    from ruamel.yaml import YAML

    return load_study(YAML(typ="safe", pure=True).load(text))
