"""What shows itself never raises: a run that is empty, gone or damaged says so."""

import shutil
from pathlib import Path

import raysat
from raysat.storage.ledger import Ledger
from tests.helpers.ledger import ID, made_up_plan


def test_a_run_without_records_then_damaged_then_gone(tmp_path: Path) -> None:
    folder = tmp_path / "[red]<b>"
    Ledger(folder).write_plan("study: s\n", made_up_plan(arms=({"name": "plain", "trials": ({"id": ID, "seed": 0},)},)))
    run = raysat.open_run(folder)
    assert "0 of" in str(run)
    frame = run.to_frame()
    assert (len(frame), frame.index.names) == (0, ["arm", "seed"])
    assert {"balanced_accuracy", "icv", "accuracy"} <= set(frame.columns)
    (folder / "plan.json").write_text("{", encoding="utf-8")
    assert "plan.json cannot be read" in " ".join(str(run).split())
    assert "[red]<b>" in str(run)
    assert "<b>" not in run._repr_html_()
    shutil.rmtree(folder)
    assert "is not a run" in " ".join(str(run).split())
    assert "is not a run" in " ".join(run._repr_html_().split())
    assert "Run" in repr(run)
