"""What click says of a wrong command line, said as raysat says everything else: one error, and what to do next."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Final

import click

from raysat.cli.commands import tree
from raysat.errors import RaysatError, UsageError, nearest
from raysat.formatting import echo

_SHORT: Final = 2  # characters of an option such as -h


def as_error(error: click.ClickException, words: Sequence[str]) -> RaysatError:
    """Return the error and hint in place of click's usage.

    Args:
        error: of click.
        words: of the command line.
    """
    ctx = error.ctx if isinstance(error, click.UsageError) else None
    if isinstance(error, click.NoSuchOption) and ctx is not None:
        return _no_such_option(ctx, _as_typed(error.option_name, words))
    text = error.format_message().rstrip(".")
    hint = f"{ctx.command_path} --help says what it takes" if ctx is not None else None
    return UsageError(text[:1].lower() + text[1:], hint=hint)


def _as_typed(option: str, words: Sequence[str]) -> str:
    """The word that click took for a row of short options: ``-space``."""
    if len(option) != _SHORT or option.startswith("--"):
        return option
    return next((word for word in words if word.startswith(option) and not word.startswith("--")), option)


def _no_such_option(ctx: click.Context, given: str) -> RaysatError:
    path, word = ctx.command_path, given.partition("=")[0]
    message = f"{path} has no option {echo(word)}"
    own = [name for name in _options(ctx.command, ctx) if name.startswith("--")]
    if (near := nearest(f"--{word.lstrip('-').replace('_', '-')}", own)) is not None:
        return UsageError(message, hint=f"did you mean '{near}'?")
    if isinstance(ctx.command, click.Group):
        below = [" ".join(words) for words, each in tree(ctx.command, (path,)) if word in _options(each, ctx)]
        if below:
            return UsageError(message, hint=f"it is one of a command, and follows its name: {below[0]} {word} ...")
    return UsageError(message, hint=f"{path} --help lists its options")


def _options(command: click.Command, ctx: click.Context) -> Iterator[str]:
    for param in command.get_params(ctx):
        if isinstance(param, click.Option):
            yield from (*param.opts, *param.secondary_opts)
