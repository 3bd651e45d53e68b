"""Names that timm knows; kept in the cache folder, as importing timm takes seconds. Imports neither torch nor timm."""

from __future__ import annotations

import difflib
from contextlib import suppress
from functools import cache
from importlib.metadata import version

from raysat.config.plugins.settings import ModelSettings
from raysat.config.plugins.use import wrong_result
from raysat.config.schema import Network
from raysat.errors import PlanError
from raysat.files import cache_folder, write_unsynced


def check_model(model: Network) -> None:
    """Raise PlanError for a model that timm does not know, PluginError for a plugin's by a name of timm's."""
    if not isinstance(model, ModelSettings):
        check_name(model.name)
    elif model.kind in _listed():
        raise wrong_result(
            model, "is a model of timm, too: call it by another kind", hint="change the kind in the plugin"
        )


def check_name(name: str) -> None:
    """Raise PlanError, with near names, for a model or pretrained tag that timm does not know.

    Listed names are found in the cache; for the rest (deprecated names, untrained tags, errors) timm is asked.
    """
    if name in _listed():
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
def _listed() -> frozenset[str]:
    """Models and pretrained tags of the installed timm; a file that was cut short lacks some, and timm is asked."""
    path = cache_folder() / f"models-of-timm-{version('timm')}.txt"
    with suppress(OSError, UnicodeDecodeError):
        return frozenset(path.read_text(encoding="utf-8").split())
    import timm  # noqa: PLC0415  (seconds, once for each version)

    names = {*timm.list_models(), *timm.list_pretrained()}
    with suppress(OSError):  # without a cache timm is asked each time
        path.parent.mkdir(parents=True, exist_ok=True)
        write_unsynced(path, "\n".join(sorted(names)))
    return frozenset(names)


def _near_names(name: str, known: list[str]) -> str:
    stem = name.partition(".")[0].lower()
    near = difflib.get_close_matches(stem, known, n=3) or [other for other in known if stem in other][:3]
    if near:
        return f"did you mean {' or '.join(map(repr, near))}?"
    return "list the names with: python -c 'import timm; print(*timm.list_models(), sep=\"\\n\")'"
