"""A run that raysat 0.1.0 wrote opens and shows the same numbers; a file of a later format is refused in one line."""

from __future__ import annotations

import csv
import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from raysat.config.schema import Config
from raysat.errors import FormatError
from raysat.reporting.analysis.collect import collect
from raysat.storage.ledger import Ledger
from raysat.storage.records import DataRef
from raysat.storage.verify import verify
from tests.helpers.paths import ROOT

Raysat = Callable[..., Any]
OLD = ROOT / "tests" / "data_files" / "run_0_1"


@pytest.fixture(name="run")
def _run(tmp_path: Path) -> Path:
    for name in ("plan.json", "study.yaml", "progress.json", "trials"):
        (shutil.copytree if name == "trials" else shutil.copy)(OLD / name, tmp_path / name)
    return tmp_path


def rows_of(file: Path) -> list[dict[str, str]]:
    with file.open(encoding="utf-8", newline="") as text:
        return list(csv.DictReader(text))


def test_every_file_opens(run: Path) -> None:
    ledger = Ledger.open(run)
    plan = ledger.read_plan()
    assert (plan.study, [arm.name for arm in plan.arms], plan.images.alone) == ("tiny", ["plain", "ldam"], 448)
    for trial in plan.trial_ids:
        record, spec = ledger.read(trial), ledger.read_spec(trial)
        assert ledger.is_finished(trial)
        assert record.hardware.threads == 2
        assert record.data == DataRef(fingerprint=plan.data.fingerprint, path="store")
        assert isinstance(spec.config, Config)
        assert spec.config.identity() == json.loads((run / "trials" / trial / "spec.json").read_text())["config"]
        assert [row["epoch"] for row in ledger.read_history(trial)] == [1, 2]
    found = verify(ledger)
    assert (found.whole, found.findings) == (4, ())


def test_its_report_gives_the_numbers_that_it_gave_then(raysat: Raysat, run: Path) -> None:
    result = raysat("report", run, "--format", "csv")
    assert result.code == 0
    written = rows_of(run / "report" / "report.csv")
    for name in ("leaderboard.csv", "report.csv"):
        for then, now in zip(rows_of(OLD / name), written, strict=True):
            assert {key: now[key] for key in then} == then


def test_its_status_is_that_of_a_finished_run(raysat: Raysat, run: Path) -> None:
    result = raysat("status", run)
    assert "trials     4 done, 0 running, 0 failed, 0 missing" in result.out
    assert "run        none yet" in result.out  # how an older raysat says where it is, is not read
    assert "whole      4 records" in raysat("ledger", "verify", run).out


@pytest.mark.parametrize("file", ["plan.json", "trials/94840256a3b0a0cc/record.json"])
def test_a_file_of_a_later_format_is_refused_in_one_line(raysat: Raysat, run: Path, file: str) -> None:
    content = json.loads((run / file).read_text())
    (run / file).write_text(json.dumps(dict.fromkeys(content) | {"format": 2, "unheard": "of"}))
    said = f"{run / file} has format 2, this raysat reads 1"
    if file == "plan.json":
        result = raysat("report", run)
        assert result.code == 2
        assert result.err.splitlines()[0] == f"error: {said}"
    else:
        ledger = Ledger(run)
        for act in (
            lambda: ledger.is_finished("94840256a3b0a0cc"),
            lambda: verify(ledger),
        ):  # else it would be replaced
            with pytest.raises(FormatError) as caught:
                act()
            assert caught.value.message == said
        assert [failed.error for arm in collect(ledger).arms for failed in arm.failed] == [said]
