"""What a shell is told: through click's protocol, and in a bash that has taken the script."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from raysat.cli.completion import COMPLETE
from tests.helpers.command import STUDY, Raysat
from tests.helpers.paths import ROOT
from tests.helpers.report import GRID, GRID_CONFIGS
from tests.helpers.report_fixtures import MakeRun

HEAVY = {"numpy", "pandas", "pydantic", "ray", "rich", "torch"}


@pytest.fixture(name="ask")
def _ask(raysat: Raysat, monkeypatch):
    """Ask as a shell does; returns the words that may follow."""

    def ask(words: str, shell: str = "bash") -> list[str]:
        monkeypatch.setenv(COMPLETE, f"{shell}_complete")
        monkeypatch.setenv("COMP_WORDS", words)
        monkeypatch.setenv("COMP_CWORD", str(len(words.split(" ")) - 1))
        found = raysat()
        assert (found.code, found.err) == (0, "")
        return [line.removeprefix("plain,") for line in found.out.splitlines()]

    return ask


def test_commands_options_choices_and_groups(ask) -> None:
    assert {"ablate", "plan", "init", "completion"} <= set(ask("raysat "))
    assert ask("raysat abl") == ["ablate"]
    assert ask("raysat data import g") == ["geotiff"]
    assert ask("raysat plan --max") == ["--max-seeds"]
    assert ask("raysat plan --no-p") == ["--no-progress"], "those of every command, too"
    assert ask("raysat evaluate x --split t") == ["train", "test"]
    assert ask("raysat data download eu") == ["eurosat"]
    assert ask("raysat data synth --out ") == ["file,"]


def test_methods_sensors_studies_and_stores(ask, tmp_path: Path, monkeypatch) -> None:
    assert ask("raysat methods ld") == ["ldam"]
    assert {"drw", "augmix", "swa", "dcgan", "cosine"} <= set(ask("raysat methods "))
    assert ask("raysat data import folder DIR --sensor landsat8") == ["landsat8", "landsat8_l2"]
    monkeypatch.chdir(tmp_path)
    for name in ("study.yaml", "more.yml", "notes.txt", "a b.yaml"):
        Path(name).touch()
    (tmp_path / "sub").mkdir()
    (tmp_path / "sub" / "deep.yaml").touch()
    found = ask("raysat plan --space ")
    assert found[:4] == ["'a b.yaml'", "more.yml", "study.yaml", "sub/"]
    assert "quickstart" in found
    assert ask("raysat plan --space sub/") == ["sub/deep.yaml"]
    assert ask("raysat ablate --space x --data d") == ["demo", "dir,d"]


def test_arms_of_a_run_and_of_a_study(ask, make_run: MakeRun, tmp_path: Path) -> None:
    run = make_run(GRID, seeds=range(3), configs=GRID_CONFIGS, grid=True, study="quick").root
    arms = [f"'{arm}'" for arm in GRID]
    assert sorted(ask(f"raysat report {run} --baseline ")) == sorted(arms)
    assert set(ask(f"raysat logs {run} --arm loss=l")) == {arm for arm in arms if arm.startswith("'loss=l")}
    assert sorted(ask(f"raysat report {run} --baseline ", "zsh")[1::3]) == sorted(GRID), "zsh quotes by itself"
    (tmp_path / "s.yaml").write_text(STUDY, encoding="utf-8")
    assert ask(f"raysat explain --space {tmp_path / 's.yaml'} ") == ["plain", "LDAM"]


@pytest.mark.parametrize(
    "content", ["", "{", "[1]", '{"arms": 3}', '{"arms": [3, {"name": 4}, {"name": "a\\u001bb"}]}']
)
def test_a_damaged_run_offers_nothing(ask, tmp_path: Path, content: str) -> None:
    (tmp_path / "plan.json").write_text(content, encoding="utf-8")
    assert ask(f"raysat report {tmp_path} --baseline ") == []
    assert ask("raysat report s3://bucket/run --baseline ") == []
    assert ask(f"raysat explain --space {tmp_path / 'plan.json'} ") == []


def test_asking_opens_no_log_and_has_no_effect(ask, tmp_path: Path) -> None:
    ask(f"raysat --log-file {tmp_path / 'log'} plan --epochs x --sp")
    assert not (tmp_path / "log").exists()


@pytest.mark.parametrize("words", ["raysat ", "raysat methods ", "raysat report runs/x --baseline "])
def test_an_answer_loads_nothing_heavy(words: str) -> None:
    code = "import sys; from raysat.cli.main import run; run(); print('LOADED', *sorted(sys.modules), file=sys.stderr)"
    variables = {COMPLETE: "bash_complete", "COMP_WORDS": words, "COMP_CWORD": str(len(words.split(" ")) - 1)}
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=ROOT, env=os.environ | variables
    )
    assert HEAVY.isdisjoint(done.stderr.split("LOADED")[1].split())


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_the_script_asks_by_the_protocol(raysat: Raysat, shell: str) -> None:
    found = raysat("completion", shell)
    assert found.code == 0
    assert f"{COMPLETE}={shell}_complete" in found.out
    assert "raysat" in found.out
    if program := shutil.which(shell):
        subprocess.run([program, "-n"], input=found.out, text=True, check=True)


def test_a_shell_that_there_is_not_is_refused(raysat: Raysat, monkeypatch) -> None:
    assert "'tcsh' is not one of" in raysat("completion", "tcsh").err
    monkeypatch.setenv(COMPLETE, "tcsh_complete")
    assert raysat().code == 1


def test_bash_completes_an_arm_with_blanks_and_a_command(raysat: Raysat, make_run: MakeRun, tmp_path: Path) -> None:
    run = make_run(GRID, seeds=range(3), configs=GRID_CONFIGS, grid=True, study="quick").root
    command = tmp_path / "bin" / "raysat"
    command.parent.mkdir()
    command.write_text(f'#!/bin/sh\nexec "{sys.executable}" -m raysat "$@"\n', encoding="utf-8")
    command.chmod(0o755)
    script = raysat("completion", "bash").out + (
        'try() { COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1)); COMPREPLY=(); '
        '_raysat_completion raysat; printf "%s\\n" "${COMPREPLY[@]}"; }\n'
        f"try raysat stat\ntry raysat logs {run} --arm loss=l\n"
    )
    path = f"{command.parent}{os.pathsep}{os.environ['PATH']}"
    done = subprocess.run(
        ["bash", "--norc", "-c", script],
        capture_output=True,
        text=True,
        cwd=ROOT,
        env=os.environ | {"PATH": path},
        check=False,
    )
    assert done.stderr == ""
    assert done.stdout.splitlines() == ["status", *(f"'{arm}'" for arm in GRID if arm.startswith("loss=l"))]
