"""Writes ``cli.md``, and man pages, from what the commands say of themselves.

python docs/write_cli.py                # says whether docs/cli.md is current; exit code 1 where it is not
python docs/write_cli.py --write        # writes it anew
python docs/write_cli.py --man DIR      # writes a man page of each command: raysat.1, raysat-plan.1, ...
"""

from __future__ import annotations

import argparse
import inspect
import re
import sys
from collections.abc import Iterator
from pathlib import Path

import click

from raysat import __version__
from raysat.cli.commands import Command, Group, option_sections, short_help, tree
from raysat.cli.main import cli
from raysat.cli.shared import SHARED
from raysat.errors import EXIT_CODES
from raysat.reporting.render.markdown import escape

PAGE = Path(__file__).parent / "cli.md"
INTRODUCTION = """\
# The command line

What each command does and takes; `raysat plan --help` says the same in a terminal. Written by `docs/write_cli.py`,
which writes man pages, too (`python docs/write_cli.py --man DIR`); a test keeps this page current.

- **What was asked for goes to stdout**, errors and progress to stderr: in a pipe, a step that takes long has a line on
  stderr after ten seconds, and then one in thirty.
- **`--quiet`** leaves out what a command says beside that: what it reads, what it wrote, what to do next. It may stand
  before the command's name or after it, as every option below may.
- **`--log-file FILE`** appends all that is printed, `--quiet` or not, and every event of a run, a line each with its
  time, as plain text. A file that it makes is its owner's alone (0600); one that is there keeps its mode. A log that
  cannot be written any more is said once, and stops nothing.
- **`--no-progress`** draws no bar and no live table: a run then says a line for each trial that ended, as in a pipe.
- **Colours** are used on a terminal; `NO_COLOR` and `FORCE_COLOR` are honoured, and `--color` wins over both.
- **A near miss** of a command, an option, an arm or a name is told: `hint: did you mean '--space'?`.
- **Completion**: `eval "$(raysat completion bash)"`, or `zsh`; for fish see `raysat completion --help`."""


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--write", action="store_true")
    parser.add_argument("--man", type=Path, metavar="DIR")
    given = parser.parse_args()
    if given.man is not None:
        given.man.mkdir(parents=True, exist_ok=True)
        for name, text in man_pages().items():
            (given.man / name).write_text(text, encoding="utf-8")
        return 0
    is_current = PAGE.is_file() and PAGE.read_text(encoding="utf-8") == page()
    if given.write:
        PAGE.write_text(page(), encoding="utf-8")
    elif not is_current:
        print("docs/cli.md is not current: python docs/write_cli.py --write")
    return 0 if given.write or is_current else 1


def commands() -> Iterator[tuple[str, Command]]:
    """Every command by the words that call it, the first one included, in the order of the help."""
    yield "raysat", cli
    found = {" ".join(words): command for words, command in tree(cli, ("raysat",))}
    for _, names in cli.command_sections():
        for name in names:
            for path, command in found.items():
                if isinstance(command, Command) and path.split()[1] == name:
                    yield path, command


def context(path: str, command: click.Command) -> click.Context:
    return click.Context(command, info_name=path, **cli.context_settings)


def page() -> str:
    """The text of ``cli.md``."""
    parts = [INTRODUCTION, "## Options of every command", _table(list(SHARED), context("raysat", cli))]
    codes = [f"| {code} | {meaning} |" for code, meaning in EXIT_CODES.items()]
    parts += ["## Exit codes", "\n".join(["| code | meaning |", "| --- | --- |", *codes])]
    for heading, names in cli.command_sections():
        rows = [f"| [`raysat {name}`](#raysat-{name}) | {escape(short_help(cli.commands[name]))} |" for name in names]
        parts += [f"## {heading}", "\n".join(["| command | what it does |", "| --- | --- |", *rows])]
        for path, command in commands():
            if path.split()[1:2] and path.split()[1] in names:
                parts += _command(path, command)
    return "\n\n".join(parts) + "\n"


def _command(path: str, command: Command) -> Iterator[str]:
    ctx = context(path, command)
    yield f"{'#' * min(5, 2 + len(path.split()) - 1)} `{path}`"
    yield f"```\n{' '.join([path, *command.collect_usage_pieces(ctx)])}\n```"
    yield from (escape(text) for text in _paragraphs(command))
    for heading, options in option_sections(command, ctx)[:-1]:
        yield f"**{heading}**"
        yield _table(options, ctx)
    if command.examples:
        yield "\n".join(["```bash", *command.examples, "```"])


def _paragraphs(command: click.Command) -> list[str]:
    text = inspect.cleandoc(command.help or "").partition("\f")[0]
    return [" ".join(part.split()) for part in re.split(r"\n\s*\n", text) if part.strip()]


def _table(options: list[click.Option], ctx: click.Context) -> str:
    rows = ["| option | what it says |", "| --- | --- |"]
    for names, text in filter(None, (option.get_help_record(ctx) for option in options)):
        by = [each.envvar for each in options if each.envvar and names.find(each.opts[0]) >= 0]
        also = f" `{by[0]}` of the environment, too." if by else ""
        rows.append(f"| `{names.replace('|', chr(92) + '|')}` | {escape(text)}{also} |")
    return "\n".join(rows)


def man_pages() -> dict[str, str]:
    """The text of each man page, by the name of its file."""
    return {f"{path.replace(' ', '-')}.1": "\n".join(_man(path, command)) + "\n" for path, command in commands()}


def _man(path: str, command: Command) -> Iterator[str]:
    ctx, name = context(path, command), path.replace(" ", "-")
    yield f'.TH "{name.upper()}" "1" "" "raysat {__version__}" "raysat"'
    yield ".SH NAME"
    yield f"{_roff(name)} \\- {_roff(short_help(command))}"
    yield ".SH SYNOPSIS"
    yield f".B {_roff(path)}"
    yield _roff(" ".join(command.collect_usage_pieces(ctx)))
    yield ".SH DESCRIPTION"
    for place, text in enumerate(_paragraphs(command)):
        yield from ([".PP"] if place else []) + [_roff(text)]
    if isinstance(command, Group):
        for heading, names in command.command_sections():
            yield f'.SH "{_roff(heading.upper())}"'
            for each in names:
                yield f".TP\n.B {_roff(each)}\n{_roff(short_help(command.commands[each]))}"
    for heading, options in option_sections(command, ctx):
        yield f'.SH "{_roff(heading.upper())}"'
        for names, text in filter(None, (option.get_help_record(ctx) for option in options)):
            yield f".TP\n.B {_roff(names)}\n{_roff(text)}"
    if command.examples:
        yield ".SH EXAMPLES\n.nf"
        yield from map(_roff, command.examples)
        yield ".fi"
    yield '.SH "EXIT STATUS"'
    for code, meaning in EXIT_CODES.items():
        yield f".TP\n.B {code}\n{_roff(meaning)}"


def _roff(text: str) -> str:
    """Text as troff prints it: no line of it is a request, and hyphens can be copied."""
    safe = text.replace("\\", "\\e").replace("-", "\\-")
    return f"\\&{safe}" if safe.startswith((".", "'")) else safe


if __name__ == "__main__":
    sys.exit(main())
