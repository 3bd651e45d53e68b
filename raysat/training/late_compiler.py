"""Leaves torch's compiler out until somebody compiles: importing it takes seconds, and no step here is compiled.

Torchvision, timm and each optimiser of torch import ``torch._dynamo`` to say what it must not compile. Where it lies in
wait instead, that costs nothing; whatever else is asked of it imports it.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from importlib import import_module
from types import ModuleType
from typing import Any, Final

_COMPILER: Final = "torch._dynamo"
_UTILS: Final = "torch._dynamo.utils"


def put_off_compiler() -> None:
    """Have ``torch._dynamo`` imported at its first use, unless torch was imported before."""
    if "torch" not in sys.modules:
        sys.modules[_COMPILER], sys.modules[_UTILS] = _Compiler(_COMPILER), _Utils(_UTILS)


class _Late(ModuleType):
    """Stands for a module until something is asked of it that it cannot answer."""

    def __getattr__(self, name: str) -> Any:
        """Ask the module itself; a look at all modules, as ``inspect`` takes, asks it for nothing."""
        is_asked_for_submodule = name == "__path__" and self.__name__ == _COMPILER
        if name.startswith("__") and not is_asked_for_submodule:
            raise AttributeError(name)
        for late in (_COMPILER, _UTILS):
            if isinstance(sys.modules.get(late), _Late):
                del sys.modules[late]

        import_module(_COMPILER)
        return getattr(import_module(self.__name__), name)


class _Compiler(_Late):
    def disable(self, function: Callable[..., Any] | None = None, *_: object, **__: object) -> Callable[..., Any]:
        """Nothing is compiled: the function as it is, or a decorator that leaves it so."""
        return function or (lambda given: given)

    def graph_break(self, *_: object, **__: object) -> None:
        """Do as in a function that is not compiled."""


class _Utils(_Late):
    def is_compile_supported(self, device: str) -> bool:
        """Of torchvision's import alone: whoever calls it is about to compile."""
        return bool(super().__getattr__("is_compile_supported")(device))
