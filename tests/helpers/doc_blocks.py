"""The fenced blocks of the pages, and the shell commands in them."""

import re
import shlex
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import PurePosixPath

import click
from markdown_it import MarkdownIt

from raysat.cli.main import cli
from tests.helpers.paths import ROOT

SHELL = ("bash", "sh")
_HEREDOC = re.compile(r"<<-?\s*'?(\w+)'?([^\n]*)\n.*?^\1$", flags=re.MULTILINE | re.DOTALL)
_COMMENT = re.compile(r"(?:^|(?<=\s))#.*$", flags=re.MULTILINE)
_WRITTEN = re.compile(r"\|\S+|\.\.\.|[\[\]]")  # alternatives, what is left out, what may be left out
TASK = "raysat table2"  # what a task is called in Ray's lists
_ASSIGNED = re.compile(r"\w+=.*", flags=re.DOTALL)


@dataclass(frozen=True)
class Block:
    """A fenced block: its page, which of the page's blocks it is, its language and its text."""

    page: str
    number: int
    language: str
    text: str

    @property
    def name(self) -> str:
        return f"{self.page} block {self.number}"


def page_names() -> list[str]:
    """Every page that shows commands or code to a user: those of the repository's root and of ``docs/``."""
    found = [path for pattern in ("*.md", "docs/*.md", "docs/methods/*.md") for path in ROOT.glob(pattern)]
    return sorted(path.relative_to(ROOT).as_posix() for path in found)


def blocks(page: str) -> list[Block]:
    """The fenced blocks of a page, in lists and quotes too."""
    tokens = MarkdownIt().parse((ROOT / page).read_text(encoding="utf-8"))
    fences = [token for token in tokens if token.type == "fence"]
    return [Block(page, number, token.info.strip(), token.content) for number, token in enumerate(fences)]


def named_commands(page: str) -> list[str]:
    """What a page says of raysat's commands in its prose: ``raysat plan --all`` between backticks."""
    tokens = MarkdownIt().parse((ROOT / page).read_text(encoding="utf-8"))
    spans = [child.content for token in tokens for child in token.children or [] if child.type == "code_inline"]
    named = [_WRITTEN.sub("", " ".join(span.split())) for span in spans if span.startswith("raysat ")]
    return [name for name in named if not name.startswith(TASK)]


def commands(text: str) -> list[list[str]]:
    """The simple commands of a script, each as words, without assignments and files; heredocs are data."""
    text = _HEREDOC.sub(r"\2", text).replace("\\\n", " ")
    found: list[list[str]] = []
    for line in _whole_lines(_COMMENT.sub("", text)):
        words: list[str] = []
        skip = False
        lexer = shlex.shlex(line, posix=True, punctuation_chars=";&|<>")
        lexer.whitespace_split, lexer.commenters = True, ""
        for word in lexer:
            if set(word) <= set(";&|"):
                found.append(words)
                words = []
            elif set(word) <= set("<>"):
                skip = True
            elif skip:
                skip = False
            elif words or not _ASSIGNED.fullmatch(word):
                words.append(word)
        found.append(words)
    return [words for words in found if words]


def _whole_lines(text: str) -> Iterator[str]:
    """Lines, or several where a quote goes over them or ``&&`` ends one."""
    held = ""
    for line in text.splitlines():
        held = f"{held}\n{line}" if held else line
        if held.rstrip().endswith(("&&", "|")):
            held = held.rstrip()
            continue
        try:
            shlex.split(held)
        except ValueError:
            continue
        yield held
        held = ""
    assert not held.strip(), f"a quote does not end: {held!r}"


def typed(block: Block) -> list[list[str]]:
    """Commands that a block of output shows after a prompt: ``$ raysat plan``."""
    return [words for line in re.findall(r"^\$ (.*)$", block.text, flags=re.MULTILINE) for words in commands(line)]


def raysat_words(words: list[str]) -> list[str] | None:
    """What a command gives to raysat: itself, as a job of Ray's, or by Slurm's script; else None."""
    for index, word in enumerate(words):
        name = PurePosixPath(word).name
        if name == "raysat.sbatch" or (name == "raysat" and (index == 0 or words[index - 1] in ("--", "-m"))):
            return words[index + 1 :]
    return None


def parse(words: list[str], *, whole: bool = True) -> None:
    """Parse words as the real command line would, but for files, which need not be there. Raises click.UsageError.

    Not ``whole``: a command as prose names it, which may leave out what it needs.
    """
    command: click.Command = cli
    context = click.Context(cli, info_name="raysat")
    words = list(words)
    while isinstance(command, click.Group):
        _, words, _ = command.make_parser(context).parse_args(words)
        if not words and not whole:
            return
        if not words:
            raise click.UsageError(f"{context.command_path}: no command")
        name, *words = words
        found = command.get_command(context, name)
        if found is None:
            raise click.UsageError(f"{context.command_path} has no command {name!r}")
        command, context = found, click.Context(found, info_name=name, parent=context)
    try:
        given, rest, _ = command.make_parser(context).parse_args(words)
    except click.BadOptionUsage:
        if whole:
            raise
        return  # an option named without its value
    if rest:
        raise click.UsageError(f"{context.command_path} takes no {rest}")
    for parameter in command.params:
        value = given.get(parameter.name)
        if value is None or value == () or type(value).__name__ == "Sentinel":  # not given
            if parameter.required and whole:
                raise click.MissingParameter(ctx=context, param=parameter)
        elif whole and not isinstance(parameter.type, click.Path | click.File):
            parameter.type_cast_value(context, value)
