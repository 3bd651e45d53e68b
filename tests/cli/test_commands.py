"""Every command: in a section of the help, readable at 80 columns, with examples that parse; near misses are told."""

import re
import shlex
from collections.abc import Iterator
from pathlib import Path

import click
import pytest

from raysat.cli.commands import Command, Group, option_sections, short_help, tree
from raysat.cli.main import cli
from tests.helpers.command import Raysat
from tests.helpers.report import GRID, GRID_CONFIGS
from tests.helpers.report_fixtures import MakeRun

EVERY = {" ".join(words): command for words, command in tree(cli, ("raysat",))}
NAMED = {"raysat": cli, **EVERY}


def context(command: click.Command, path: str) -> click.Context:
    return click.Context(command, info_name=path, **cli.context_settings)


def examples() -> Iterator[str]:
    for command in NAMED.values():
        yield from command.examples


def test_every_command_is_one_of_ours_and_in_a_section() -> None:
    assert {path for path, command in EVERY.items() if not isinstance(command, Command)} == set()
    sections = dict(cli.command_sections())
    assert "More" not in sections
    assert sorted(name for names in sections.values() for name in names) == sorted(cli.commands)


@pytest.mark.parametrize("path", NAMED)
def test_help_fits_80_columns_and_ends_with_what_every_command_takes(path: str, raysat: Raysat) -> None:
    shown = raysat(*shlex.split(path)[1:], "--help").out
    head, _, copied = shown.partition("\nExamples:\n")
    assert [line for line in head.splitlines() if len(line) > 80] == []
    assert "Options of every command:" in head
    assert "--log-file FILE" in head
    command = NAMED[path]
    if not isinstance(command, Group):
        assert copied.strip(), "no example"
        return
    for name, each in command.commands.items():
        assert re.search(rf"^  {name} +{re.escape(short_help(each))}$", head, re.M), "on one line, and whole"


@pytest.mark.parametrize("line", [line for line in examples() if line.startswith("raysat ")])
def test_an_example_parses(line: str) -> None:
    words = shlex.split(re.split(r"\s>\s", line)[0], comments=True)[1:]
    command: click.Command = cli
    while isinstance(command, Group):
        command, words = command.commands[words[0]], words[1:]
    with command.make_context("raysat", words):
        pass


def test_examples_are_not_few() -> None:
    assert len(list(examples())) > 45


@pytest.mark.parametrize("name", ["ablate", "plan", "tune"])
def test_many_options_stand_under_headings(name: str) -> None:
    sections = option_sections(cli.commands[name], context(cli.commands[name], name))
    headings = [heading for heading, _ in sections]
    assert headings[-1] == "Options of every command"
    assert len(headings) >= 3
    names = [option.opts[0] for _, options in sections for option in options]
    assert len(names) == len(set(names)), "one is said twice"


@pytest.mark.parametrize(
    ("words", "message", "hint"),
    [
        (("abalte",), "raysat has no command 'abalte'", "did you mean 'ablate'?"),
        (("Plan",), "raysat has no command 'Plan'", "did you mean 'plan'?"),
        (("data", "imprt"), "raysat data has no command 'imprt'", "did you mean 'import'?"),
        (("data", "import", "geotif"), "raysat data import has no command 'geotif'", "did you mean 'geotiff'?"),
        (("synth",), "raysat has no command 'synth'", "did you mean 'raysat data synth'?"),
        (("geotif",), "raysat has no command 'geotif'", "did you mean 'raysat data import geotiff'?"),
        (("zzzzzz",), "raysat has no command 'zzzzzz'", "raysat --help lists its commands"),
        (("plan", "--spce", "x"), "raysat plan has no option '--spce'", "did you mean '--space'?"),
        (("plan", "-space", "x"), "raysat plan has no option '-space'", "did you mean '--space'?"),
        (("ablate", "--max_seeds=3"), "raysat ablate has no option '--max_seeds'", "did you mean '--max-seeds'?"),
        (("plan", "--no-progres"), "raysat plan has no option '--no-progres'", "did you mean '--no-progress'?"),
        (("plan", "-z"), "raysat plan has no option '-z'", "raysat plan --help lists its options"),
        (
            ("--watch", "status"),
            "raysat has no option '--watch'",
            "it is one of a command, and follows its name: raysat status --watch ...",
        ),
        (("plan",), "missing option '--space'", "raysat plan --help says what it takes"),
        (("status",), "missing argument 'RUN'", "raysat status --help says what it takes"),
    ],
)
def test_a_near_miss_is_told_in_one_style(raysat: Raysat, words: tuple[str, ...], message: str, hint: str) -> None:
    found = raysat(*words)
    assert (found.code, found.out) == (2, "")
    assert found.err == f"error: {message}\nhint: {hint}\n"


def test_no_command_at_all_is_the_help(raysat: Raysat) -> None:
    found = raysat()
    assert found.code == 2
    assert "Plan a study:" in found.err


def test_a_command_that_is_a_name_of_control_characters_is_shown_harmless(raysat: Raysat) -> None:
    found = raysat("\x1b[31mx\n")
    assert "\x1b" not in found.err
    assert len(found.err.splitlines()) == 2


def test_a_near_miss_of_an_arm_is_told(raysat: Raysat, space: Path, make_run: MakeRun) -> None:
    run = make_run(GRID, seeds=range(3), configs=GRID_CONFIGS, grid=True, study="quick").root
    arm = "loss=ldam, average=swa"
    for words, name in (
        (("explain", "LDAN", "--space", space), "LDAM"),
        (("report", run, "--baseline", f"{arm}p"), arm),
        (("report", run, "--explain", f"{arm}p", "--data", "demo"), arm),
        (("logs", run, "--arm", f"{arm}p"), arm),
        (("export", run, "--arm", f"{arm}p", "--out", run / "model"), arm),
        (("predict", run, "demo", "--arm", f"{arm}p", "--out", run / "x.csv"), arm),
    ):
        found = raysat(*words)
        assert (found.code, found.err.splitlines()[-1]) == (2, f"hint: did you mean {name!r}?"), words
