"""The ``raysat completion`` command: the script by which a shell completes raysat's words, and the answers to it."""

from __future__ import annotations

import os
import re
import shlex
from typing import Final

import click
from click.shell_completion import (
    BashComplete,
    CompletionItem,
    FishComplete,
    ShellComplete,
    ZshComplete,
)
from typing_extensions import override

from raysat.cli.commands import command

COMPLETE: Final = "_RAYSAT_COMPLETE"  # by which a shell asks: click's protocol
_PLAIN: Final = re.compile(r"[\w@%+=:,./~-]+")  # words that bash takes as they are


class _Bash(BashComplete):
    """Bash, which puts a word on the line as it gets it: ``(4) LDAM + DRW`` must come quoted."""

    @override
    def format_completion(self, item: CompletionItem[str]) -> str:
        if item.type == "plain" and not _PLAIN.fullmatch(item.value):
            item = CompletionItem(shlex.quote(item.value), item.type, item.help)
        return super().format_completion(item)


_SHELLS: Final[dict[str, type[ShellComplete]]] = {"bash": _Bash, "zsh": ZshComplete, "fish": FishComplete}


@command(
    'eval "$(raysat completion bash)"         # in ~/.bashrc',
    'eval "$(raysat completion zsh)"          # in ~/.zshrc',
    "raysat completion fish > ~/.config/fish/completions/raysat.fish",
    short="Print the script by which a shell completes raysat's words",
)
@click.argument("shell", type=click.Choice(list(_SHELLS)))
@click.pass_context
def completion(ctx: click.Context, shell: str) -> None:
    """Print the script by which a shell completes commands, options, studies, arms of a run, methods and more.

    It needs bash from 4.4 on, zsh, or fish from 3 on.
    """
    # Not the class's own source(), which starts a bash to ask for its version.
    click.echo(ShellComplete.source(_SHELLS[shell](ctx.find_root().command, {}, "raysat", COMPLETE)))


def complete(cli: click.Command) -> int:
    """Answer a shell; return the exit code, 1 for an instruction that is none."""
    shell, _, instruction = os.environ[COMPLETE].partition("_")
    if instruction != "complete" or shell not in _SHELLS:
        return 1
    if answer := _SHELLS[shell](cli, {}, "raysat", COMPLETE).complete():
        click.echo(answer)
    return 0
