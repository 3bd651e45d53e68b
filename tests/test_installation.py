"""A package that cannot be imported is one line with its remedy, whatever it raises; a mistake of raysat's is not."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from raysat.installation import installation_error
from tests.helpers.command import STUDY
from tests.helpers.paths import ROOT
from tests.helpers.patience import PATIENCE_S

MISSING = "raise ModuleNotFoundError(\"No module named 'msgpack'\", name='msgpack')\n"
OLD = "raise ImportError(\"/lib/libc.so.6: version `GLIBC_2.99' not found (required by _raylet.so)\", name='_raylet')\n"
NO_LIBRARY = "raise OSError('libcudart.so.13: cannot open shared object file: No such file or directory')\n"


@pytest.mark.slow
@pytest.mark.parametrize(
    ("module", "text", "message", "hint"),
    [
        ("msgpack", MISSING, "ray cannot be imported: No module named 'msgpack'", "pip install -c constraints.txt"),
        ("ray", OLD, "ray cannot be imported: this system has no GLIBC_2.99, it is too old", "use a newer system"),
        ("ray", NO_LIBRARY, "ray cannot be imported: libcudart.so.13: cannot open shared object", "pip install"),
    ],
)
def test_the_command_says_which_package_and_what_to_do(
    tmp_path: Path, module: str, text: str, message: str, hint: str
) -> None:
    (tmp_path / f"{module}.py").write_text(text, encoding="utf-8")
    (tmp_path / "study.yaml").write_text(STUDY, encoding="utf-8")
    words = ["ablate", "--space", tmp_path / "study.yaml", "--out", tmp_path / "runs"]
    done = subprocess.run(
        [sys.executable, "-P", "-m", "raysat", *map(str, words)],
        env=os.environ | {"PYTHONPATH": os.pathsep.join([str(tmp_path), str(ROOT)])},
        capture_output=True,
        text=True,
        timeout=PATIENCE_S,
        check=False,
    )
    error, advice = done.stderr.splitlines()
    assert done.returncode == 3
    assert error.startswith(f"error: {message}")
    assert hint in advice
    assert not (tmp_path / "runs").exists()


def test_the_package_is_the_one_that_was_imported_first(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "planted_outer.py").write_text("import planted_inner.deep\n", encoding="utf-8")
    (tmp_path / "planted_inner").mkdir()
    (tmp_path / "planted_inner" / "__init__.py").touch()
    (tmp_path / "planted_inner" / "deep.py").write_text("1 / 0\n", encoding="utf-8")
    monkeypatch.syspath_prepend(tmp_path)
    with pytest.raises(ZeroDivisionError) as caught:
        __import__("planted_outer")
    # The frame of this test's module is none that an import runs.
    found = installation_error(caught.value)
    assert found is not None
    assert found.message == "planted_outer cannot be imported: division by zero"


def test_an_error_that_no_import_raised_is_none_of_the_installation() -> None:
    with pytest.raises(ZeroDivisionError) as caught:
        _ = 1 / 0
    assert installation_error(caught.value) is None
    assert installation_error(OSError("no space")) is None


@pytest.mark.parametrize(
    ("error", "message", "hint"),
    [
        (
            ModuleNotFoundError("No module named 'fcntl'", name="fcntl"),
            "raysat does not run on Windows itself",
            "WSL 2",
        ),
        (
            ImportError("operator torchvision::nms does not exist", name="torchvision"),
            "torchvision cannot be imported: torchvision was built for another PyTorch",
            "install both from the same index",
        ),
    ],
)
def test_what_other_systems_and_builds_lack_is_said(error: ImportError, message: str, hint: str) -> None:
    found = installation_error(error)
    assert found is not None
    assert message in found.message
    assert hint in (found.hint or "")
