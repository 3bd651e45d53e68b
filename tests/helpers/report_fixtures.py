"""Made-up runs: real ledgers whose predictions are drawn, not trained."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest

from raysat.config.naming import compact_names, own_settings
from raysat.config.schema import Config
from raysat.storage.ledger import Ledger
from raysat.storage.plan_file import PlanFile
from raysat.storage.records import Failure
from tests.helpers.report import CLASSES, SIZES, TABLE2, config_of, write_trial

MakeRun = Callable[..., Ledger]


@pytest.fixture
def make_run(tmp_path: Path) -> MakeRun:
    """Write runs for one test: as ``run_maker`` says."""
    return run_maker(tmp_path)


@pytest.fixture(scope="module")
def make_shared_run(tmp_path_factory: pytest.TempPathFactory) -> MakeRun:
    """Write runs that all tests of a file read and none changes: each once, in a folder of its own name."""
    return run_maker(tmp_path_factory.mktemp("shared"))


def run_maker(base: Path) -> MakeRun:
    """Return a function that writes a run: ``arms`` maps a name to its recall per class, drawn anew for each seed."""

    def make(
        arms: Mapping[str, Sequence[float]],
        *,
        seeds: Sequence[int] = (0, 1, 2),
        failed: Mapping[tuple[str, int], str] = {},
        missing: Sequence[tuple[str, int]] = (),
        classes: Sequence[str] = CLASSES,
        study: str = "table2",
        reference: str | None = None,
        sizes: Sequence[int] = SIZES,
        configs: Mapping[str, Mapping[str, Any]] = {},
        grid: bool = False,
        ordinal: bool = False,
        synthetic: bool = False,
        fingerprint: str = "f" * 32,
        folder: str | None = None,
        first_id: int = 0,
    ) -> Ledger:
        ledger = Ledger(base / "runs" / (folder or study))
        ids = {
            (arm, seed): f"{position:08x}{seed:08x}"
            for position, arm in enumerate(arms, start=first_id)
            for seed in seeds
        }
        typed = {arm: Config.model_validate(config_of(**configs.get(arm, {}))) for arm in arms}
        own, shared = own_settings(typed) if configs else ({}, ())
        compact = compact_names(typed, kept=() if grid else typed)
        plan = {
            "study": study,
            "reference": reference,
            "data": {
                "name": "demo",
                "path": "store",
                "fingerprint": fingerprint,
                "ordinal": ordinal,
                "synthetic": synthetic,
            },
            "classes": list(classes),
            "reported": "test",
            "command": f"raysat ablate --space {study}.yaml --data demo",
            "images": {"alone": 3000, "shared": 2000},
            "settings": shared,
            "arms": [
                {
                    "name": arm,
                    "compact": compact[arm] if compact[arm] != arm else "",
                    "settings": own.get(arm, ()),
                    "grid": grid,
                    "trials": [{"seed": seed, "id": ids[arm, seed]} for seed in seeds],
                }
                for arm in arms
            ],
        }
        ledger.write_plan(f"study: {json.dumps(study)}\n", PlanFile.model_validate(plan))
        for (arm, seed), trial_id in ids.items():
            if (arm, seed) in failed:
                ledger.write_failure(Failure(id=trial_id, error=failed[arm, seed], time=1.75e9))
            elif (arm, seed) not in missing:
                write_trial(
                    ledger,
                    trial_id,
                    arms[arm],
                    seed=seed,
                    classes=classes,
                    sizes=sizes,
                    config=configs.get(arm, {}),
                    data={"fingerprint": fingerprint, "path": "store"},
                )
        return ledger

    return make


@pytest.fixture
def table2() -> dict[str, tuple[float, ...]]:
    """Seven arms, with the recall per class that their trials are drawn from: made up."""
    return dict(TABLE2)
