"""The raysat command. Heavy modules are imported inside the commands, so that ``--help`` answers at once."""

from __future__ import annotations

import os
import sys
import traceback
from typing import Final

import click

from raysat import __version__
from raysat.cli.ablate import ablate
from raysat.cli.across import across
from raysat.cli.board import board
from raysat.cli.cluster import cluster
from raysat.cli.commands import Group
from raysat.cli.completion import COMPLETE, complete, completion
from raysat.cli.data import data
from raysat.cli.doctor import doctor
from raysat.cli.evaluate import evaluate
from raysat.cli.explain import explain
from raysat.cli.export import export
from raysat.cli.generate import generate
from raysat.cli.init import init
from raysat.cli.ledger import ledger, logs, status
from raysat.cli.methods import methods
from raysat.cli.mistakes import as_error
from raysat.cli.plan import plan
from raysat.cli.plugins import check_plugin
from raysat.cli.power import power
from raysat.cli.predict import predict
from raysat.cli.report import compare, report
from raysat.cli.schema import schema
from raysat.cli.settings import current, one_command
from raysat.cli.signals import INTERRUPTED
from raysat.cli.streams import as_far_as_stderr_goes, show, stdout_fault
from raysat.cli.track import track
from raysat.cli.tune import tune
from raysat.errors import EXIT_CODES, RaysatError
from raysat.interrupts import is_stopping

_BUG: Final = "this is a bug in raysat; run again with --debug for the traceback, and report it"


_SECTIONS: Final = {
    "Plan a study": ("init", "plan", "power", "explain", "methods"),
    "Train": ("ablate", "tune", "generate"),
    "See what came out": ("status", "logs", "board", "report", "compare", "across", "track"),
    "Use what won": ("predict", "export", "evaluate"),
    "Data and runs": ("data", "ledger"),
    "Machines": ("doctor", "cluster"),
    "Extend and set up": ("check-plugin", "schema", "completion"),
}


@click.group(
    cls=Group,
    sections=_SECTIONS,
    examples=(
        "raysat init --out study.yaml             # a study of the demo patches",
        "raysat plan --space study.yaml           # what it can show, and what it costs",
        "raysat ablate --space study.yaml",
        "raysat report runs/study",
    ),
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
    epilog="\b\nExit codes:\n" + "\n".join(f"{code:>5} {meaning}" for code, meaning in EXIT_CODES.items()),
)
@click.version_option(__version__, prog_name="raysat")
@click.pass_context
def cli(ctx: click.Context) -> None:
    """Which method really helps the rare classes of multispectral imagery, and by how much?

    raysat trains every configuration of a study with the same seeds on Ray, and ranks them by balanced accuracy and
    intra-class variance (ICV), never by raw accuracy.
    """
    current.command = ctx.invoked_subcommand


_COMMANDS: Final = (
    ablate,
    across,
    board,
    check_plugin,
    cluster,
    compare,
    completion,
    data,
    doctor,
    evaluate,
    explain,
    export,
    generate,
    init,
    ledger,
    logs,
    methods,
    plan,
    power,
    predict,
    report,
    schema,
    status,
    track,
    tune,
)
for _command in _COMMANDS:
    cli.add_command(_command)


def main() -> None:
    """Run the command in this process, and exit with its code; ``start.py`` is for processes of their own."""
    sys.exit(run())


def run() -> int:
    """Run the command and return its exit code: errors made on purpose end as one clear message, never a traceback."""
    if COMPLETE in os.environ:  # a shell asks what may follow
        return complete(cli)
    with one_command():
        code = _run(sys.argv[1:])
        if current.log is not None:
            current.log.write("stopped" if code == INTERRUPTED else f"ended with exit code {code}")
        return code


def _run(words: list[str]) -> int:
    left_by: BaseException | None = None
    try:
        code = cli.main(args=words, prog_name="raysat", standalone_mode=False) or 0
    except click.Abort:
        return INTERRUPTED
    except SystemExit as error:  # click and rich, where the reader of a pipe has left
        left_by, code = error, 1
    except Exception as error:  # noqa: BLE001  (the last line of defence: a traceback is for --debug)
        left_by, code = error, 1
        if "--debug" in words:
            traceback.print_exc()
    if is_stopping():  # what was raised may be what became of an interrupt
        return INTERRUPTED
    if (fault := stdout_fault(left_by)) is not None:
        return fault
    return code if left_by is None else _show(left_by, words)


def _show(error: BaseException, words: list[str]) -> int:
    """Say what a command failed by; return its exit code."""
    if isinstance(error, click.exceptions.NoArgsIsHelpError):
        with as_far_as_stderr_goes():
            error.show()
        return error.exit_code
    if isinstance(error, click.ClickException):
        return show(as_error(error, words))
    if not isinstance(error, RaysatError):
        from raysat.installation import installation_error

        error = installation_error(error) or RaysatError(f"unexpected {type(error).__name__}: {error}", hint=_BUG)
    return show(error)
