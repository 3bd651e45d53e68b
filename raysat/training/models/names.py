"""Names that timm knows; read from timm's source, as importing it takes seconds. Imports neither torch nor timm."""

from __future__ import annotations

import difflib
import re
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from typing import Final

from raysat.errors import PlanError

_ENTRY_POINT: Final = re.compile(r"^@register_model\n(?:@.*\n)*def (\w+)\(", re.MULTILINE)
_TAGGED: Final = re.compile(r"""['"]((\w+)\.[\w.-]+)\*?['"]""")


def check_name(name: str) -> None:
    """Raise PlanError, with near names, for a model or pretrained tag that timm does not know.

    What its source spells out is found there; for the rest (deprecated names, computed tags, errors) timm is asked.
    """
    if name in _spelled_out():
        return
    import timm  # noqa: PLC0415  (seconds)

    if not timm.is_model(name):
        raise PlanError(f"model.name: timm knows no model {name!r}", hint=_near_names(name, timm.list_models()))
    architecture, _, tag = name.partition(".")
    tagged = timm.models.get_arch_pretrained_cfgs(architecture)
    if tag and name not in tagged:
        known = ", ".join(sorted(tagged)) or architecture
        raise PlanError(f"model.name: timm has no pretrained tag {tag!r} of {architecture!r}", hint=f"it has {known}")


@cache
def _spelled_out() -> frozenset[str]:
    spec = find_spec("timm")  # finds a top-level package without importing it
    if spec is None or spec.origin is None:
        return frozenset()
    folder = Path(spec.origin).parent / "models"
    texts = [path.read_text(encoding="utf-8") for path in folder.glob("*.py")]
    models = {name for text in texts for name in _ENTRY_POINT.findall(text)}
    quoted = (found for text in texts for found in _TAGGED.findall(text))
    return frozenset(models.union(name for name, architecture in quoted if architecture in models))


def _near_names(name: str, known: list[str]) -> str:
    stem = name.partition(".")[0].lower()
    near = difflib.get_close_matches(stem, known, n=3) or [other for other in known if stem in other][:3]
    if near:
        return f"did you mean {' or '.join(map(repr, near))}?"
    return "list the names with: python -c 'import timm; print(*timm.list_models(), sep=\"\\n\")'"
