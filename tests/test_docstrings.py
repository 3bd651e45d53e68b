"""Public functions of three or more parameters say what each parameter is, and what comes back."""

import ast
from collections.abc import Iterator

import pytest

from tests.helpers.paths import ROOT

PACKAGE = ROOT / "raysat"
MANY = 3  # parameters from which on an Args section is due


def _functions(tree: ast.AST, prefix: str = "") -> Iterator[tuple[str, ast.FunctionDef]]:
    """Public functions and methods of a module, constructors included; nested ones are private."""
    for node in ast.iter_child_nodes(tree):
        if isinstance(node, ast.ClassDef) and not node.name.startswith("_"):
            yield from _functions(node, f"{node.name}.")
        elif isinstance(node, ast.FunctionDef) and (node.name == "__init__" or not node.name.startswith("_")):
            yield f"{prefix}{node.name}", node


def _exempt(node: ast.FunctionDef) -> bool:
    """Overloads, overrides of a library's method, and commands (their options carry the help)."""
    return any(
        any(word in ast.unparse(decorator) for word in ("overload", "override", "command", "group"))
        for decorator in node.decorator_list
    )


def _faults(name: str, node: ast.FunctionDef) -> Iterator[str]:
    spec = node.args
    parameters = [
        each.arg for each in (*spec.posonlyargs, *spec.args, *spec.kwonlyargs) if each.arg not in ("self", "cls")
    ]
    if len(parameters) < MANY or _exempt(node):
        return
    text = ast.get_docstring(node) or ""
    _, _, described = text.partition("Args:\n")
    if not described:
        yield f"{name}: no Args section"
        return
    yield from (f"{name}: {each} is not in Args" for each in parameters if f"    {each}: " not in described)
    returns = ast.unparse(node.returns) if node.returns else ""
    if (
        name.rpartition(".")[2] != "__init__"
        and returns != "None"
        and not any(word in text for word in ("Returns:\n", "Yields:\n", "Return ", "Yield ", "return"))
    ):
        yield f"{name}: no Returns section"


@pytest.mark.parametrize("path", sorted(PACKAGE.rglob("*.py")), ids=lambda path: str(path.relative_to(PACKAGE)))
def test_parameters_are_described(path) -> None:
    tree = ast.parse(path.read_text())
    assert not [f"line {node.lineno}: {fault}" for name, node in _functions(tree) for fault in _faults(name, node)]
