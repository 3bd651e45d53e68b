"""What the driver and the workers need not load: seconds at every start of a run."""

import subprocess
import sys

import pytest

pytestmark = pytest.mark.slow


@pytest.mark.parametrize(
    ("module", "heavy"),
    [
        ("raysat.execution.run", "torch timm matplotlib scipy"),
        ("raysat.execution.hpo.run", "torch timm matplotlib"),
        ("raysat.execution.workers.slot", "torch timm matplotlib scipy"),
        ("raysat.execution.storage.driver_disk", "torch timm pandas matplotlib scipy"),
        ("raysat.execution.workers.worker", "matplotlib scipy optuna"),
    ],
)
def test_it_starts_without(module: str, heavy: str) -> None:
    code = f"import sys, {module}; print(sorted(set({heavy.split()}) & set(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"
