"""The searcher of a search without Ray: what it hands out, what that costs, and what is written down at the end."""

import io
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from ray.tune.search import Searcher
from rich.console import Console

from raysat.data.store import PatchStore
from raysat.execution.cluster_options import ClusterOptions
from raysat.execution.hpo import run as hpo
from raysat.execution.hpo import searcher
from raysat.execution.hpo.prepare import prepare_search
from raysat.execution.hpo.run import SearchResult, tune
from raysat.execution.hpo.searcher import CandidateSearcher
from raysat.execution.messages import JobDone, JobFailed, to_result
from raysat.execution.scheduling.deaths import Death
from raysat.execution.scheduling.retries import Retries
from raysat.execution.workload import Workload
from raysat.search.load import Search
from raysat.search.log import Log
from raysat.search.state import SearchState
from raysat.storage.ledger import Ledger
from raysat.storage.records import Failure
from raysat.views.run import RunView
from tests.helpers.ledger import files_of, made_up_record
from tests.helpers.search import load

pytestmark = pytest.mark.slow

BASE = "study: hunt\nbase: {model: {name: test_resnet}, optim: {epochs: 2, batch_size: 16}}\n"
RANDOM = BASE + "search: {optim.lr: {log_uniform: [1.0e-4, 1.0e-2]}}\nsampler: {kind: random}\n"
CELLS = (
    BASE
    + """
search:
  loss: {choice: [{kind: cross_entropy}, {kind: ldam}, {kind: focal}]}
  sampler: {choice: [{kind: uniform}, {kind: square_root}, {kind: inverse_frequency}]}
  schedule: {choice: [{kind: constant}, {kind: cosine}, {kind: multistep}, {kind: triangular, step_epochs: 1}]}
sampler: {kind: tpe, startup: 4}
budget: {trials: 99}
"""
)
HISTORY = b"epoch,balanced_accuracy\n1,0.25\n2,0.5\n"


class Clock:
    """Time that stands still until it is moved."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.now = 100.0
        monkeypatch.setattr(searcher, "SearchState", partial(SearchState, clock=lambda: self.now))


def keep(ledger: Ledger, job: str) -> None:
    """Write the record of a finished job."""
    ledger.write(job, files_of(made_up_record(job)) | {"history.csv": HISTORY})


def searcher_of(search: Search, store: PatchStore, ledger: Ledger) -> CandidateSearcher:
    prepared = prepare_search(search, store, data=str(store.path), out=ledger.root.parent, cluster=ClusterOptions())
    return CandidateSearcher(prepared, None, lambda job: None)


def begin(searcher: CandidateSearcher, name: str) -> bool:
    """Ask for a candidate, as Tune does; whether there is one."""
    return isinstance(searcher.suggest(name), dict)


def finish(searcher: CandidateSearcher, ledger: Ledger, name: str) -> None:
    keep(ledger, searcher._handed_out[name].id)
    searcher.on_trial_complete(name, to_result(JobDone(job="job")))


def active(act: Callable[[CandidateSearcher], None]) -> Any:
    """A session in which ``act`` stands in for Tune."""
    return SimpleNamespace(
        tune=lambda searcher, state, **options: act(searcher),
        retries=Retries(),
        slots=SimpleNamespace(allowed=lambda: 99, avoided=()),
    )


def run(
    monkeypatch: pytest.MonkeyPatch,
    search: Search,
    store: PatchStore,
    folder: Path,
    act: Callable[[CandidateSearcher, Ledger], None],
) -> SearchResult:
    """A whole run in which ``act`` stands in for Tune."""
    ledger = Ledger(folder / "hunt")

    @contextmanager
    def session(*args: Any, workload: Workload) -> Iterator[Any]:
        yield active(lambda searcher: act(searcher, ledger))

    monkeypatch.setattr(hpo, "session", session)
    console = Console(file=io.StringIO(), width=200)
    prepared = prepare_search(search, store, data=str(store.path), out=folder, cluster=ClusterOptions())
    return tune(prepared, RunView(console))


def test_a_space_of_choices_is_tried_to_its_end(tmp_path: Path, landsat_store: PatchStore) -> None:
    """36 candidates, the base among them; each is another job."""
    search, ledger = load(tmp_path, CELLS), Ledger(tmp_path / "hunt")
    searcher, begun = searcher_of(search, landsat_store, ledger), 0
    while begun < 50 and begin(searcher, "one"):
        finish(searcher, ledger, "one")
        begun += 1
    assert len({each.job for each in searcher.log.candidates}) == begun == 36
    assert (searcher.state.exhausted, searcher.state.interrupted) == (True, False)


@pytest.mark.parametrize("known", [0, 3, 6])
def test_candidates_that_run_count_against_the_budget(tmp_path: Path, landsat_store: PatchStore, known: int) -> None:
    """The first of them are answered from the ledger, two slots train the others."""
    search, ledger = load(tmp_path, RANDOM + "budget: {trials: 6}\n"), Ledger(tmp_path / "hunt")
    first = searcher_of(search, landsat_store, ledger)
    for number in range(known):
        assert begin(first, str(number))
        finish(first, ledger, str(number))
    if known:
        (ledger.root / "search.json").unlink()
    searcher, running, named = searcher_of(search, landsat_store, ledger), [], 0
    for _ in range(20):
        if len(running) == 2 or not begin(searcher, str(named)):
            if not running:
                break
            finish(searcher, ledger, running.pop(0))
            continue
        running.append(str(named))
        named += 1
    assert (named, len(searcher.log.candidates)) == (6 - known, 6)
    assert all(each.state == "finished" for each in searcher.log.candidates)


def test_what_was_interrupted_is_begun_again_within_the_budget(tmp_path: Path, landsat_store: PatchStore) -> None:
    search, ledger = load(tmp_path, RANDOM + "budget: {trials: 3}\n"), Ledger(tmp_path / "hunt")
    first = searcher_of(search, landsat_store, ledger)
    assert [begin(first, name) for name in "abcd"] == [True, True, True, False]
    finish(first, ledger, "b")
    assert first.state.interrupted
    again = searcher_of(search, landsat_store, ledger)
    assert [begin(again, name) for name in "abc"] == [True, True, False]
    assert [each.number for each in again.log.candidates] == [0, 1, 2]


def test_interruptions_spend_a_budget_of_hours(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, landsat_store: PatchStore
) -> None:
    """Three runs of half an hour, each interrupted before its candidate ends, of a budget of 1.25 hours."""
    search, clock = load(tmp_path, RANDOM + "budget: {hours: 1.25}\n"), Clock(monkeypatch)

    def interrupted(searcher: CandidateSearcher, ledger: Ledger) -> None:
        assert begin(searcher, "one")
        clock.now += 1800

    for runs, goes_on in ((1, True), (2, True), (3, False)):
        found = run(monkeypatch, search, landsat_store, tmp_path, interrupted)
        saved = Log.model_validate_json((tmp_path / "hunt" / "search.json").read_bytes())
        assert saved == found.log
        assert (saved.seconds, saved.candidates[0].state) == (1800.0 * runs, "running")
        assert found.interrupted == goes_on
    assert found.log.left(search.options.budget) == 0


def test_time_is_written_down_however_a_run_ends(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, landsat_store: PatchStore
) -> None:
    search, clock = load(tmp_path, RANDOM + "budget: {hours: 2}\n"), Clock(monkeypatch)

    def cut(searcher: CandidateSearcher, ledger: Ledger) -> None:
        assert begin(searcher, "one")
        clock.now += 60
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        run(monkeypatch, search, landsat_store, tmp_path, cut)
    assert Log.model_validate_json((tmp_path / "hunt" / "search.json").read_bytes()).seconds == 60.0


def test_a_run_that_is_cut_between_two_candidates_is_interrupted(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, landsat_store: PatchStore
) -> None:
    search = load(tmp_path, RANDOM + "budget: {trials: 3}\n")

    def some(searcher: CandidateSearcher, ledger: Ledger) -> None:
        for name in ("one", "two"):
            if begin(searcher, name):
                finish(searcher, ledger, name)

    assert run(monkeypatch, search, landsat_store, tmp_path, some).interrupted
    assert not run(monkeypatch, search, landsat_store, tmp_path, some).interrupted


def test_a_search_of_which_all_failed_writes_no_study(
    monkeypatch: pytest.MonkeyPatch, raysat: Callable[..., Any], tmp_path: Path, landsat_store: PatchStore
) -> None:
    load(tmp_path, RANDOM + "budget: {trials: 2}\n")

    def fail(searcher: CandidateSearcher, ledger: Ledger) -> None:
        for name in ("one", "two"):
            assert begin(searcher, name)
            job = searcher.log.candidates[-1].job
            ledger.write_failure(Failure(id=job, error="it diverged", traceback=None, time=0.0))
            searcher.on_trial_complete(name, to_result(JobFailed(job="job")))

    @contextmanager
    def session(name: str, store: PatchStore, ledger: Ledger, *args: Any, workload: Workload) -> Iterator[Any]:
        yield active(lambda searcher: fail(searcher, ledger))

    monkeypatch.setattr(hpo, "session", session)
    result = raysat("tune", "--space", tmp_path / "hpo.yaml", "--data", landsat_store.path, "--out", tmp_path / "runs")
    assert result.code == 1
    assert "every candidate failed: there is nothing to confirm" in result.out
    written = sorted(path.name for path in (tmp_path / "runs" / "hunt").iterdir() if path.is_file())
    assert "search.csv" in written
    assert "best.yaml" not in written


def test_a_slot_that_failed_after_its_record_was_written_has_finished_its_candidate(
    tmp_path: Path, landsat_store: PatchStore
) -> None:
    search, ledger = load(tmp_path, RANDOM + "budget: {trials: 2}\n"), Ledger(tmp_path / "hunt")
    searcher = searcher_of(search, landsat_store, ledger)
    assert [begin(searcher, name) for name in ("one", "two")] == [True, True]
    keep(ledger, searcher.log.candidates[0].job)
    for name in ("one", "two"):
        searcher.on_trial_complete(name, None, error=True)
    assert [each.state for each in searcher.log.candidates] == ["finished", "failed"]
    assert searcher.log.candidates[0].curve == (0.25, 0.5)


def test_a_candidate_whose_node_was_lost_is_the_same_one_again(tmp_path: Path, landsat_store: PatchStore) -> None:
    search, ledger = load(tmp_path, RANDOM + "budget: {trials: 2}\n"), Ledger(tmp_path / "hunt")
    searcher = searcher_of(search, landsat_store, ledger)
    assert [begin(searcher, name) for name in ("one", "two", "three")] == [True, True, False]
    job = searcher._handed_out["one"]
    searcher.note_death("one", Death(account="", lost_node="10.0.0.1"))
    searcher.on_trial_complete("one", None, error=True)
    assert [each.state for each in searcher.log.candidates] == ["running", "running"]
    assert begin(searcher, "again")
    assert searcher._handed_out["again"] == job
    finish(searcher, ledger, "again")
    searcher.on_trial_complete("two", None, error=True)
    assert [each.state for each in searcher.log.candidates] == ["finished", "failed"]
    assert searcher.suggest("end") == Searcher.FINISHED
