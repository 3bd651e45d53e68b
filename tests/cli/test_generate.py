"""``raysat generate``: makes patches once, shows their quality, and says what is wrong before anything trains."""

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from raysat.data.store import PatchStore, StoreWriter

FAST = ("--steps", "4", "--patches", "6", "--cpus-per-trial", "1")


@pytest.fixture(scope="module", name="store")
def _store(tmp_path_factory: pytest.TempPathFactory) -> PatchStore:
    rng = np.random.default_rng(1)
    path = tmp_path_factory.mktemp("stores") / "store"
    with StoreWriter(
        path, bands=("B2", "B5", "B6"), classes=("crop", "built", "tiny"), sensor="landsat8", source={}
    ) as writer:
        for label, count in enumerate((20, 10, 2)):
            for index in range(count + 6):
                split = "train" if index < count else ("val" if index % 2 else "test")
                writer.add(rng.integers(0, 90 + 60 * label, (3, 16, 16)).astype(np.uint8), label, split)
        return writer.close()


@pytest.mark.parametrize(("kind", "by"), [("dcgan", "DC-GAN"), ("flow", "flow")])
def test_patches_are_made_once_and_judged(
    raysat: Callable[..., Any], store: PatchStore, tmp_path: Path, ray_session: None, kind: str, by: str
) -> None:
    asked = ("--kind", kind, "--classes", "built", "--bands", "agriculture", "--out", tmp_path, *FAST)
    words = ("generate", "--data", store.path, *asked)
    first = raysat(*words)
    assert first.code == 0, first.out + first.err
    (folder,) = [path for path in tmp_path.iterdir() if path.is_dir() and path.name != "events"]
    made = PatchStore.open(folder)
    assert (len(made), made.bands, made.generated) == (6, ("B6", "B5", "B2"), True)
    assert re.search(rf"^built +{by} +10 +6 +", first.out, re.MULTILINE)
    assert "train on synthetic, test on real: balanced accuracy" in first.out
    assert "generate built  done" in raysat("logs", tmp_path).out
    changed = {path: path.stat().st_mtime_ns for path in tmp_path.rglob("*") if path.name != ".lock"}
    again = raysat(*words)
    assert again.code == 0
    assert "nothing to do" in again.out
    shown = [
        [line for line in each.out.split("KID", 1)[1].splitlines() if "..." not in line] for each in (first, again)
    ]
    assert shown[0] == shown[1], "the same figures again"
    assert {path: path.stat().st_mtime_ns for path in tmp_path.rglob("*") if path.name != ".lock"} == changed


@pytest.mark.parametrize(
    ("words", "message", "hint"),
    [
        (("--classes", "biult"), "no class 'biult'", "did you mean 'built'"),
        (("--classes", "tiny"), "class 'tiny' of", ""),
        (("--classes", "7"), "no class '7'", "0 crop"),
        (("--classes", "crop"), "'crop' is the largest", "equalise"),
        (("--classes", "built,,tiny"), "empty name", "commas"),
        (("--bands", "agricultre"), "unknown band composite", "agriculture"),
        (("--kind", "gan"), "'gan' is not one of 'dcgan', 'flow'", "--help"),
        (("--bands", "9"), "'B9' is not in the store", ""),
        (("--steps", "1000000000000"), "must be a whole number from 1 to 10,000,000", ""),
        (("--patches", "1000000000000"), "must be a whole number from 1 to 10,000,000", ""),
    ],
)
def test_a_mistake_is_one_error_and_makes_nothing(
    raysat: Callable[..., Any], store: PatchStore, tmp_path: Path, words: tuple[str, ...], message: str, hint: str
) -> None:
    out = tmp_path / "out"
    extra = () if "crop" in words else FAST
    result = raysat("generate", "--data", store.path, "--out", out, *extra, *words)
    assert result.code == 2
    assert message in result.err
    assert hint in result.err
    assert "Traceback" not in result.err
    assert not out.exists()
