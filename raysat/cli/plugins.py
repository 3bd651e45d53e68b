"""The ``raysat check-plugin`` command: whether methods of one's own keep what raysat's own do."""

from __future__ import annotations

import click

from raysat.cli.commands import command
from raysat.cli.completers import files
from raysat.cli.console import console, waiting


@command("raysat check-plugin my_loss.py", name="check-plugin", short="Test methods of one's own as raysat's are")
@click.argument("file", metavar="FILE.py", shell_complete=files)
def check_plugin(file: str) -> int:
    """Run the tests that raysat's own methods pass on those of FILE.py: tiny data, some seconds, on the CPU.

    They try gradients, types, devices, determinism, checkpoints, batches without a class or of one alone, several
    workers, and whether a CUDA graph can hold a step. Exit code 1 says that one does not hold. FILE.py runs.
    """
    from raysat.api.plugins import check_plugin as check

    screen = console()
    with waiting("training on tiny patches"):
        found = check(file)
    found.show(screen)
    for fault in found.faults:
        click.echo(f"error: {fault}", err=True)
    return 1 if found.faults else 0
