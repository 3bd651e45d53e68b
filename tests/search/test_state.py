"""The state of a search, without data and without Ray: what is next, what it costs, and what is left."""

from pathlib import Path

import pytest

from raysat.config.schema import Config, digest
from raysat.search.load import Search
from raysat.search.log import Log
from raysat.search.state import SearchState
from tests.helpers.ledger import made_up_record
from tests.helpers.search import load, log_of

RANDOM = "search: {optim.lr: {log_uniform: [1.0e-4, 1.0e-2]}}\nsampler: {kind: random}\nbudget: BUDGET\n"
CHOICES = """
search:
  loss: {choice: [{kind: cross_entropy}, {kind: ldam}, {kind: focal}]}
  schedule: {choice: [{kind: constant}, {kind: cosine}]}
sampler: {kind: tpe, startup: 2}
budget: {trials: 99}
"""


class Clock:
    """Time that stands still until it is moved."""

    now = 100.0

    def __call__(self) -> float:
        return self.now


def job_id(config: Config) -> str:
    return digest(config)


def state_of(search: Search, log: Log | None = None, clock: Clock | None = None) -> SearchState:
    return SearchState(search, log or log_of(search, []), job_id, clock or Clock())


def search_of(folder: Path, budget: str) -> Search:
    return load(folder, RANDOM.replace("BUDGET", budget))


def begin(state: SearchState) -> int:
    """Begin the next candidate; return its number."""
    candidate = state.next()
    assert candidate is not None
    return candidate.number


def test_the_base_is_first_and_the_budget_counts_what_runs(tmp_path: Path) -> None:
    search = search_of(tmp_path, "{trials: 3}")
    state = state_of(search)
    assert [begin(state) for _ in range(3)] == [0, 1, 2]
    assert state.next() is None
    assert state.log.candidates[0].config == search.base
    assert len({candidate.job for candidate in state.log.candidates}) == 3
    assert (state.exhausted, state.interrupted) == (False, True)
    for number in range(3):
        state.finish(number, made_up_record())
    assert state.next() is None
    assert (state.exhausted, state.interrupted) == (False, False)


def test_each_end_is_in_the_log_with_its_curve(tmp_path: Path) -> None:
    state = state_of(search_of(tmp_path, "{trials: 9}"))
    for number in range(3):
        assert begin(state) == number
        state.observe(number, 2, 0.5)
        state.observe(number, 1, 0.25)
    record = made_up_record()
    state.finish(0, record)
    state.end(1, "stopped")
    state.end(2, "failed")
    ends = [(candidate.state, candidate.curve) for candidate in state.log.candidates]
    assert ends == [("finished", (0.25, 0.5)), ("stopped", (0.25, 0.5)), ("failed", (0.25, 0.5))]
    assert [candidate.val is None for candidate in state.log.candidates] == [False, True, True]
    assert state.running == []


def test_what_was_interrupted_is_first_to_run_again(tmp_path: Path) -> None:
    search = search_of(tmp_path, "{trials: 4}")
    first = state_of(search)
    for _ in range(3):
        begin(first)
    first.finish(1, made_up_record())
    again = state_of(search, first.log)
    assert [candidate.number for candidate in again.running] == [0, 2]
    assert [begin(again) for _ in range(3)] == [0, 2, 3]
    assert again.next() is None
    assert again.log.candidates[:3] == first.log.candidates


def test_an_interruption_changes_no_candidate(tmp_path: Path) -> None:
    search = load(tmp_path, RANDOM.replace("random", "tpe, startup: 3").replace("BUDGET", "{trials: 12}"))

    def run(state: SearchState, until: int) -> Log:
        while len(state.log.candidates) < until:
            state.finish(begin(state), made_up_record())
        return state.log

    whole = run(state_of(search), 12)
    for cut in (1, 4, 9):
        part = run(state_of(search), cut)
        assert run(state_of(search, part), 12).candidates == whole.candidates


def test_a_finite_space_is_exhausted_and_equal_work_is_one_candidate(tmp_path: Path) -> None:
    state = state_of(load(tmp_path, CHOICES))
    numbers = []
    while candidate := state.next():
        numbers.append(candidate.number)
        state.finish(candidate.number, made_up_record())
    assert numbers == list(range(6))  # the base is one of the 3 x 2
    assert len({candidate.config for candidate in state.log.candidates}) == 6
    assert (state.exhausted, state.interrupted) == (True, False)


@pytest.mark.parametrize(("moved", "left"), [(3599.0, True), (3600.0, False)])
def test_hours_are_counted_over_all_runs(tmp_path: Path, moved: float, left: bool) -> None:
    search, clock = search_of(tmp_path, "{hours: 1.5}"), Clock()
    before = log_of(search, []).model_copy(update={"seconds": 1800.0})
    state = state_of(search, before, clock)
    state.finish(begin(state), made_up_record())
    clock.now += moved
    assert state.log.seconds == 1800.0 + moved
    assert (state.next() is not None) == left
    assert state.interrupted == left
