"""Study files and --set values that are no YAML, too deep, too large or full of tricks: one error, with its place."""

from __future__ import annotations

import io
import os
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from ruamel.yaml import YAML

from raysat.config.yaml_source import parse_yaml
from raysat.search.load import load_search
from raysat.study.load import load_study, parse_settings
from tests.helpers.hostile import assert_refused, error_of
from tests.helpers.paths import SPACES

Raysat = Callable[..., Any]
pytestmark = [pytest.mark.slow, pytest.mark.timeout(20)]
BOMB = "a0: &a0 [1, 1, 1, 1, 1, 1, 1, 1, 1]\n" + "".join(
    f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 9)}]\n" for n in range(1, 9)
)
# The text, the line of the mistake, what the error says, what the hint says.
TEXTS = {
    "brackets": ("base: " + "[" * 500 + "]" * 500, 1, "nested more than 20 deep", "five levels"),
    "open brackets": ("base: " + "[" * 100_000, 1, "nested more than 20 deep", "five levels"),
    "braces": ("base: " + "{a: " * 500, 1, "nested more than 20 deep", "five levels"),
    "indents": ("\n".join(" " * n + "a:" for n in range(300)), 21, "nested more than 20 deep", "five levels"),
    "dashes": ("base:\n" + "- " * 10_000, 2, "nested more than 20 deep", "five levels"),
    "aliases as a chain": (
        "a0: &a0 [1]\n" + "".join(f"a{n}: &a{n} [*a{n - 1}]\n" for n in range(1, 5000)),
        20, "nested more than 20 deep", "five levels",
    ),
    "aliases of aliases": (BOMB, 6, "aliases make more than 150,000 values", "use a grid"),
    "merges of merges": (
        "a: &a {" + ", ".join(f"k{n}: 1" for n in range(5000)) + "}\n"
        + "".join(f"b{n}: {{<<: *a}}\n" for n in range(100)),
        29, "aliases make more than 150,000 values", "use a grid",
    ),
    "an alias within itself": ("base: &b {model: *b}", 1, "'*b' stands within what it stands for", "write it out"),
    "a merge of itself": ("base: &b {<<: *b}", 1, "'*b' stands within what it stands for", "write it out"),
    "a merge of a number": ("base: {<<: 1}", 1, "'<<' takes a mapping", "<<: *name"),
    "two merges": ("a: &a {x: 1}\nbase: {<<: *a, <<: *a}", 2, "a second '<<'", "[*a, *b]"),
    "an alias of nothing": ("base: *b", 1, "stands for another part", "quote"),
    "a tag of its own": ("base: {model: !foo {name: resnet18}}", 1, "a tag, '!foo'", "the value alone"),
    "a Python tag": ("base: !!python/object/apply:os.system [id]", 1, "'!!python/object/apply:os.system'", "alone"),
    "a tag of an empty number": ("study: !!int ''", 1, "a tag, '!!int'", "the value alone"),
    "a tag of a wrong truth": ("study: !!bool xx", 1, "a tag, '!!bool'", "the value alone"),
    "a tag of null": ("study: !!null x", 1, "a tag, '!!null'", "the value alone"),
    "a tag of binary": ("study: !!binary gICB", 1, "a tag, '!!binary'", "the value alone"),
    "a set": ("base: !!set {a, b}", 1, "a tag, '!!set'", "the value alone"),
    "an ordered map": ("base: !!omap [a: 1]", 1, "a tag, '!!omap'", "the value alone"),
    "a date": ("base: {optim: {lr: 2024-01-01}}", 1, "optim.lr must be a number, got '2024-01-01'", "a number"),
    "infinity": ("base: {optim: {lr: .inf}}", 1, "optim.lr must be a finite number", "finite"),
    "no number": ("base: {optim: {lr: .nan}}", 1, "optim.lr must be a finite number", "finite"),
    "a number of 5,000 digits": ("seeds: 1" + "0" * 5000, 1, "a number of 5,001 characters", "smaller"),
    "a number of 400 digits": ("seeds: 1" + "0" * 400, 1, "1000000…0000 (401 digits)", "5 to 20"),
    "a sign without a number": ("seeds: -_", 1, "'-_' is no number", "quote"),
    "a decimal comma": ("base:\n  optim: {lr: 0,1}", 2, "0,1 is no number: after the comma", "with a point: 0.1"),
    "another decimal comma": ("base: {optim: {lr: 0,01, epochs: 3}}", 1, "0,01 is no number", "with a point: 0.01"),
    "a list as a key": ("? [a]\n: b", 1, "a key must be text, got ['a']", "quote"),
    "a key twice": ("1: a\ntrue: b", 2, "duplicate key True", "once"),
    "two documents": ("base: {}\n---\nbase: {}", 2, "a second document begins here", "---"),
    "an old version": ("%YAML 1.1\n---\nbase: {}", 2, "only YAML 1.2 is read", "%YAML"),
    "a control character": ("base: {}\n\x07", 2, "a character that no text has (U+0007)", "UTF-8"),
    "an escape sequence": ("study: \"\\e]0;x\\a\"", 1, r"\x1b]0;x\x07", "letters"),
    "a zero byte": ("study: \0", 1, "a character that no text has (U+0000)", "UTF-8"),
    "an open quote": ("study: '" + "x" * 10_000, 1, "a quote is opened here", "same quote"),
    "an unknown escape": ('study: "\\q"', 1, "unknown escape character", "quote"),
}  # fmt: skip


@pytest.mark.parametrize("text", TEXTS)
def test_a_text_is_refused_with_its_line(raysat: Raysat, tmp_path: Path, text: str) -> None:
    written, line, said, hint = TEXTS[text]
    (tmp_path / "study.yaml").write_text(written, encoding="utf-8")
    result = raysat("plan", "--space", tmp_path / "study.yaml", "--out", tmp_path / "runs")
    assert_refused(result, 2, f"study.yaml:{line}: ", said, hint)
    assert "hint: " in result.err
    assert [path.name for path in tmp_path.iterdir()] == ["study.yaml"]


SETTINGS = {
    "brackets": ("optim.lr=" + "[" * 5000, "--set optim.lr: nested more than 20 deep"),
    "a tag": ("optim.lr=!!bool xx", "--set optim.lr: a tag, '!!bool'"),
    "an alias within itself": ("optim=&b {<<: *b}", "--set optim: '*b' stands within"),
    "a bomb": ("optim={" + BOMB.replace("\n", ", ") + "}", "--set optim: aliases make more than"),
    "a decimal comma": ("optim={lr: 0,1}", "--set optim: 0,1 is no number"),
    "two documents": ("optim=a\n---\nb", "--set optim: a second document"),
    "a name of 10,000 characters": ("model.name=" + "x" * 10_000, "timm knows no model"),
    "a key of 10,000 characters": ("x" * 10_000 + "=1", "--set xxx"),
    "no value": ("x" * 10_000, "write it as key=value"),
    "a key of 500 dots": ("a" + ".a" * 500 + "=1", "unknown key 'a'"),
    "a zero byte": ("optim.lr=\0", "a character that no text has"),
}


@pytest.mark.parametrize("setting", SETTINGS)
def test_a_setting_is_refused(raysat: Raysat, tmp_path: Path, setting: str) -> None:
    text, said = SETTINGS[setting]
    (tmp_path / "study.yaml").write_text("base: {}\n", encoding="utf-8")
    result = raysat("plan", "--space", tmp_path / "study.yaml", "--set", text, "--out", tmp_path / "runs")
    assert_refused(result, 2, said)
    assert "hint: " in result.err


def pipe(folder: Path) -> Path:
    os.mkfifo(folder / "pipe")
    return folder / "pipe"


def written(name: str, content: bytes) -> Callable[[Path], Path]:
    def write(folder: Path) -> Path:
        (folder / name).write_bytes(content)
        return folder / name

    return write


FILES: dict[str, tuple[Callable[[Path], Path], str]] = {
    "a device without end": (lambda _: Path("/dev/zero"), "it is a device, not a file"),
    "a pipe": (pipe, "it is a pipe, not a file"),
    "a path of 5,000 characters": (lambda folder: folder / ("x" * 5000), "a name in it has more than 255 bytes"),
    "no file": (lambda folder: folder / "x.yaml", "no such file"),
    "10 MB of comments": (written("s.yaml", b"# comment\n" * 1_000_000), "larger than 150,000 bytes"),
    "250,000 arms": (
        written("s.yaml", b"arms:\n" + b"".join(b"  a%d: {}\n" % n for n in range(250_000))),
        "larger than 150,000 bytes",
    ),
    "no UTF-8": (written("s.yaml", b"study: \xff\n"), "byte 7 is not UTF-8 text"),
    "UTF-16": (written("s.yaml", "study: x\n".encode("utf-16")), "byte 0 is not UTF-8 text"),
}


@pytest.mark.parametrize("command", ["plan", "tune"])
@pytest.mark.parametrize("file", FILES)
def test_a_file_is_refused(raysat: Raysat, tmp_path: Path, file: str, command: str) -> None:
    make, said = FILES[file]
    assert_refused(raysat(command, "--space", make(tmp_path), "--out", tmp_path / "runs"), 2, said)


ONE_THING = ["#xxxxxxxxxx\n", "\n", " ", "- 1\n", "a: b\n---\n", "[*a,", "&a ", "!a ", ": ", "'", '"\\', "a\n", "%a\n"]
ONE_THING += ["{a: [", "<<: ", "? ", "|\n x\n", "1,", "\t", "\u2028", "a: 'b\n"]


@pytest.mark.parametrize("text", ONE_THING)
def test_the_largest_file_of_one_thing_is_read_at_once(text: str) -> None:
    """In time that grows with its length: each takes less than two seconds on an idle core."""
    error = error_of(lambda: parse_yaml((text * 150_000)[:150_000], "f"))
    assert error is None or error.message.startswith("f:")


PIECES = [*"[]{}:,-?&*!|>%@`'\"#\n \t~=<.", "a", "b", "1", "0x", "1e", ".inf", "- ", ": ", "\n  "]
PIECES += ["<<: ", "*a", "&a ", "!!int "]


@settings(max_examples=400)
@given(st.lists(st.sampled_from(PIECES), max_size=40).map("".join) | st.text(max_size=40))
def test_any_text_is_a_value_or_one_error_with_its_line(text: str) -> None:
    error = error_of(lambda: parse_yaml(text, "f"))
    assert error is None or (error.message.startswith("f:") and error.hint)


@settings(max_examples=100)
@given(st.text(max_size=60))
def test_any_setting_is_a_value_or_one_error(text: str) -> None:
    error = error_of(lambda: parse_settings([text]))
    assert error is None or error.hint


NUMBERS = st.integers(-(2**70), 2**70) | st.floats() | st.sampled_from([1e-320, 1e300, -0.0, 10**400])
SCALARS = NUMBERS | st.none() | st.booleans() | st.text(max_size=8)
ANY = (
    SCALARS | st.lists(SCALARS, max_size=3) | st.dictionaries(st.text(max_size=4) | st.integers(), SCALARS, max_size=3)
)
SHIPPED = {path: YAML(typ="safe", pure=True).load(path) for path in sorted(SPACES.glob("*.yaml"))}


def places(tree: Any, key: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    inner = tree.items() if isinstance(tree, dict) else enumerate(tree) if isinstance(tree, list) else ()
    return [*([key] if key else []), *(path for name, part in inner for path in places(part, (*key, name)))]


def replaced(tree: Any, key: tuple[Any, ...], value: Any) -> Any:
    if not key:
        return value
    copy = dict(tree) if isinstance(tree, dict) else list(tree)
    copy[key[0]] = replaced(copy[key[0]], key[1:], value)
    return copy


@settings(max_examples=60, deadline=None)
@given(data=st.data(), path=st.sampled_from(list(SHIPPED)), value=ANY)
def test_a_shipped_study_with_any_other_value_is_one_or_one_error(
    tmp_path_factory: pytest.TempPathFactory, data: st.DataObject, path: Path, value: Any
) -> None:
    tree = SHIPPED[path]
    tree = replaced(tree, data.draw(st.sampled_from(places(tree))), value)
    read = load_search if "search" in tree else load_study
    text = io.StringIO()
    YAML(typ="safe", pure=True).dump(tree, text)
    file = tmp_path_factory.getbasetemp() / "mutated.yaml"
    file.write_text(text.getvalue(), encoding="utf-8", errors="surrogatepass")
    for source in (file, tree):
        error = error_of(partial(read, source))
        assert error is None or (len(error.message) <= 501 and error.message.isprintable() and error.hint)
