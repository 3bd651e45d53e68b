"""What is recorded of a job that is given up."""

from pathlib import Path

import pytest

from raysat.execution.deaths import Death
from raysat.execution.retries import MOST_LOSSES, Retries
from raysat.execution.tune_events import record_deaths
from raysat.planning.stages import train_jobs
from raysat.storage.artifacts import Artifacts
from raysat.storage.ledger import Ledger
from tests.helpers.ledger import files_of, made_up_record
from tests.helpers.stages import way

OLD, DIED = Death(account="Traceback\nold"), Death(account="context\nThe actor died unexpectedly")


@pytest.mark.parametrize(
    ("deaths", "error", "hint"),
    [
        ([OLD, DIED], "The actor died unexpectedly", "out of memory?"),
        ([Death(account="gone", lost_node="10.0.0.7")] * MOST_LOSSES, "lost 5 times in a row", "nodes that last"),
    ],
)
def test_a_death_is_recorded_for_what_is_not_finished(
    tmp_path: Path, deaths: list[Death], error: str, hint: str
) -> None:
    ledger, retries, long = Ledger(tmp_path / "run"), Retries(1), way("long", 6)
    (job,) = train_jobs([way("short", 3, long.states[:4]), long])
    ledger.write("short", files_of(made_up_record("short")))
    for death in deaths:
        retries.again(job.id, death)
    finished = record_deaths(job, retries, ledger, Artifacts(tmp_path / "generated"))
    assert [item.id for item in finished] == ["short"]
    assert ledger.read_failure("short") is None
    failure = ledger.read_failure("long")
    assert failure is not None
    assert error in failure.error
    assert failure.hint is not None
    assert hint in failure.hint
    for death in deaths:
        assert death.account in (failure.traceback or "")
