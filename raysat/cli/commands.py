"""What raysat's commands are made of: help in sections, examples, options that all take, and "did you mean".

A command is made with ``@command(...)`` in place of click's; a group's own commands are of this kind by themselves.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, Final, TypeVar

import click
from typing_extensions import override

from raysat.cli.shared import SHARED
from raysat.errors import UsageError, did_you_mean
from raysat.formatting import echo

_OWN: Final = "Options"
_EVERYWHERE: Final = "Options of every command"
_OTHER: Final = "More"  # commands that no section names
_HEADINGS: Final[dict[click.Parameter, str]] = {}  # of options that stand under one of their own
_Any = TypeVar("_Any", bound=Callable[..., Any])


def under(heading: str, *options: Callable[[Any], Any]) -> Callable[[_Any], _Any]:
    """Return a decorator that gives a command these options, in this order, under a heading of its help."""

    def give(command: Any) -> Any:
        for option in reversed(options):
            command = option(command)
            of = command.params if isinstance(command, click.Command) else command.__click_params__
            _HEADINGS[of[-1]] = heading
        return command

    return give


class Command(click.Command):
    """A command with examples, and the options that every command takes."""

    def __init__(self, *args: Any, examples: Sequence[str] = (), **options: Any) -> None:
        """Make one.

        Args:
            args: of click's command.
            examples: whole command lines, for its help.
            options: of click's command.
        """
        super().__init__(*args, **options)
        self.examples = tuple(examples)

    @override
    def get_params(self, ctx: click.Context) -> list[click.Parameter]:
        """Its own, and those of every command."""
        *own, last = super().get_params(ctx)
        return [*own, *SHARED, last]

    @override
    def format_options(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the options, those of a heading together."""
        for heading, options in option_sections(self, ctx):
            with formatter.section(heading):
                formatter.write_dl([record for each in options if (record := each.get_help_record(ctx))])

    @override
    def format_epilog(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the examples, a line each however long: to be copied."""
        if self.examples:
            with formatter.section("Examples"):
                formatter.write("".join(f"  {line}\n" for line in self.examples))
        super().format_epilog(ctx, formatter)


class Group(Command, click.Group):
    """A group of commands, in sections where it has many."""

    command_class = Command

    def __init__(self, *args: Any, sections: Mapping[str, Sequence[str]] | None = None, **options: Any) -> None:
        """Make one.

        Args:
            args: of click's group.
            sections: names of its commands by heading, in the order of its help; "More" has what none names.
            options: of click's group.
        """
        super().__init__(*args, **options)
        self.sections = dict(sections or {})

    @override
    def format_options(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write its commands, then its options."""
        self.format_commands(ctx, formatter)
        Command.format_options(self, ctx, formatter)

    @override
    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write its commands by section, all of them in one column."""
        width = max(map(len, self.commands), default=0)
        for heading, names in self.command_sections():
            rows = [(f"{name:{width}}", short_help(self.commands[name])) for name in names]
            with formatter.section(heading):
                formatter.write_dl(rows)

    def command_sections(self) -> Iterator[tuple[str, list[str]]]:
        """Yield each heading with the names of its commands that there are, none left out."""
        if not self.sections:
            yield "Commands", list(self.commands)
            return
        named = {name for names in self.sections.values() for name in names}
        whole = self.sections | {_OTHER: [name for name in self.commands if name not in named]}
        for heading, names in whole.items():
            if there := [name for name in names if name in self.commands]:
                yield heading, there

    @override
    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Find a command by its name. Raises UsageError, with the nearest one, where there is none."""
        name = args[0]
        if ctx.resilient_parsing or name in self.commands or name.startswith("-"):
            return super().resolve_command(ctx, args)
        path = ctx.command_path
        known = {name: f"{path} {name}" for name in self.commands}
        deeper = {words[-1]: " ".join(words) for words, _ in tree(self, tuple(path.split())) if words[-1] not in known}
        exact = deeper.get(name.lower())
        near = did_you_mean(name, known) or did_you_mean(name, deeper)
        hint = f"did you mean '{exact}'?" if exact else near and _whole(near, deeper)
        message = f"{path} has no command {echo(name)}"
        raise UsageError(message, hint=hint or f"{path} --help lists its commands")


Group.group_class = Group  # of groups within groups


def _whole(near: str, paths: Mapping[str, str]) -> str:
    """Name a command of a deeper group by all of its words."""
    word = near.split("'")[1]
    return near.replace(f"'{word}'", f"'{paths[word]}'") if word in paths else near


def command(
    *examples: str, name: str | None = None, short: str | None = None
) -> Callable[[Callable[..., Any]], Command]:
    """Return a decorator that makes a function a command.

    Args:
        examples: whole command lines, for its help.
        name: of the command; by default the function's.
        short: what it does, on one line of the list of commands; by default the first sentence of its help.
    """
    return click.command(name, cls=Command, examples=examples, short_help=short)


def group(*examples: str, name: str | None = None, short: str | None = None) -> Callable[[Callable[..., Any]], Group]:
    """Return a decorator that makes a function a group of commands; see ``command``."""
    return click.group(name, cls=Group, examples=examples, short_help=short)


def short_help(command: click.Command) -> str:
    """What a command does, on one line."""
    return command.get_short_help_str(200).removesuffix(".")


def option_sections(command: click.Command, ctx: click.Context) -> list[tuple[str, list[click.Option]]]:
    """The options of a command that its help shows, by heading: those with a heading, its own, those of all."""
    sections: dict[str, list[click.Option]] = {}
    for param in command.get_params(ctx):
        if isinstance(param, click.Option) and not param.hidden:
            everywhere = param in SHARED or "--help" in param.opts
            heading = _EVERYWHERE if everywhere else _HEADINGS.get(param, _OWN)
            sections.setdefault(heading, []).append(param)
    last = {heading: sections.pop(heading) for heading in (_OWN, _EVERYWHERE) if heading in sections}
    return list((sections | last).items())


def tree(group: click.Group, path: tuple[str, ...]) -> Iterator[tuple[tuple[str, ...], click.Command]]:
    """Yield each command below a group, groups among them, with the words that call it."""
    for name, command in group.commands.items():
        yield (*path, name), command
        if isinstance(command, click.Group):
            yield from tree(command, (*path, name))
