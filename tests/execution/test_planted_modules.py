"""A run in a folder full of modules that somebody else put there, named like those that raysat and Ray import."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

from raysat.data.patch_store import PatchStore
from tests.helpers.command import STUDY
from tests.helpers.paths import ROOT
from tests.helpers.patience import PATIENCE_S

NAMES = (
    "aiohttp",
    "click",
    "cloudpickle",
    "encodings",
    "gzip",
    "grpc",
    "html",
    "json",
    "logging",
    "multiprocessing",
    "numpy",
    "opencensus",
    "opentelemetry",
    "pandas",
    "prometheus_client",
    "psutil",
    "pydantic",
    "random",
    "ray",
    "rich",
    "sitecustomize",
    "socket",
    "subprocess",
    "tempfile",
    "timm",
    "torch",
    "usercustomize",
    "yaml",
    "_posixshmem",
)
SCRIPT = "import sys\nfrom raysat.cli.main import main\nsys.exit(main())\n"  # as pip makes it


def test_none_of_them_is_executed(landsat_store: PatchStore, tmp_path: Path) -> None:
    mark, folder, programs = tmp_path / "executed", tmp_path / "planted", tmp_path / "bin"
    folder.mkdir()
    programs.mkdir()
    (programs / "raysat").write_text(SCRIPT, encoding="utf-8")
    (folder / "raysat").mkdir()
    for file in [*(folder / f"{name}.py" for name in NAMES), folder / "raysat" / "__init__.py"]:
        code = f"open({str(mark)!r}, 'a').write('{file.parent.name}/{file.name} ')\nraise ImportError('planted')\n"
        file.write_text(code, encoding="utf-8")
    (folder / "tiny.yaml").write_text(STUDY, encoding="utf-8")
    shutil.copytree(landsat_store.path, folder / "store")
    words = ["ablate", "--space", "tiny.yaml", "--data", "store", "--out", "runs", "--epochs", "1", "--seeds", "1"]
    done = subprocess.run(
        [sys.executable, str(programs / "raysat"), *words],
        cwd=folder,
        env=os.environ | {"PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        timeout=PATIENCE_S,
        check=False,
    )
    assert not mark.exists(), mark.read_text(encoding="utf-8")
    assert (done.returncode, done.stderr) == (0, "")
    assert len(list(folder.glob("runs/tiny/trials/*/record.json"))) == 2
