"""Imports a benchmark, which is a script and no part of the package."""

import importlib.util
import sys
from typing import Any

from tests.helpers.paths import ROOT


def load_benchmark(name: str) -> Any:
    spec = importlib.util.spec_from_file_location(f"{name}_benchmark", ROOT / "benchmarks" / f"{name}.py")
    assert spec is not None
    assert spec.loader is not None
    benchmark = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = benchmark
    spec.loader.exec_module(benchmark)
    return benchmark
