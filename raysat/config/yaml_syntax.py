"""What is wrong with a file that is no YAML, in words that need no YAML: line, message and hint."""

from __future__ import annotations

import re
from typing import Final

from ruamel.yaml.error import MarkedYAMLError

QUOTE: Final = "quote a text that has special characters"
_QUOTE: Final = "quote a name or a text that begins with it"
# A word that begins with a star, and names no part of the file: what it is, and what to do.
UNDEFINED: Final = ("not valid YAML: a word that begins with '*' or '&' stands for another part of the file", _QUOTE)


class YamlSyntaxError(Exception):
    """A mistake in the form of a text."""

    def __init__(self, line: int, message: str, hint: str) -> None:
        """Say what is wrong.

        Args:
            line: where it is, 1-based.
            message: what it is.
            hint: what to do.
        """
        super().__init__(message)
        self.line, self.message, self.hint = line, message, hint


def explain(error: MarkedYAMLError, text: str) -> YamlSyntaxError:
    """Say what a parser's error means in the text that it is of."""
    mark, opened = error.problem_mark or error.context_mark, error.context_mark
    line = mark.line + 1 if mark else 1
    start = opened.line + 1 if opened else line
    problem = str(error.problem or error.context)
    if "'\\t'" in problem:
        return _mistake(line, "a tab stands where only spaces may", "indent with spaces")
    if begins := re.match(r"found character '(.)' that cannot start any token", problem):
        return _mistake(line, f"nothing can begin with {begins[1]!r}", _QUOTE)
    if "expected alphabetic or numeric" in problem:
        return YamlSyntaxError(line, *UNDEFINED)
    if problem.startswith("mapping values are not allowed"):
        return _mistake(line, "a colon stands where no key can be", _stray_colon(line, text.splitlines()))
    if closing := re.match(r"expected ',' or '([\]}])'", problem):
        opening = {"}": "{", "]": "["}[closing[1]]
        where = "" if start == line else f" before line {line}"
        hint = f"close it with {closing[1]!r}, or put a comma between its parts"
        return _mistake(start, f"the {opening!r} here is not closed{where}", hint)
    if "unexpected end of stream" in problem:
        return _mistake(start, "a quote is opened here and not closed", "end the text with the same quote")
    if "could not find expected ':'" in problem:
        return _mistake(start, "a key without a colon", "write a colon and a space between a key and its value")
    if "<block end>" in problem or "block" in str(error.context):
        hint = "indent the keys of one mapping by the same number of spaces"
        return _mistake(line, "the indentation fits none of the lines above", hint)
    return _mistake(line, problem, QUOTE)


def _mistake(line: int, message: str, hint: str) -> YamlSyntaxError:
    return YamlSyntaxError(line, f"not valid YAML: {message}", hint)


def _stray_colon(number: int, lines: list[str]) -> str:
    """Say what the line of a colon that cannot be there, or the one above, lacks."""
    line = lines[number - 1] if number <= len(lines) else ""
    if len(re.findall(r":(?:\s|$)", line.split("{")[0])) > 1:
        return "quote a name that holds a colon, or begin a new line after it"
    above = next((n for n in range(number - 1, 0, -1) if lines[n - 1].strip()), 0)
    if above and ":" not in lines[above - 1]:
        return f"is a colon missing at the end of line {above}?"
    return f"indent it as line {above}" if above else "check the indentation"
