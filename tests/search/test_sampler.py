"""Suggesting: from the distributions that were asked for, the same again after an interruption, and learning."""

import warnings
from pathlib import Path

import numpy as np
import optuna
import pytest
from scipy import stats

from raysat.search.load import Search
from raysat.search.log import Candidate
from raysat.search.sampler import Sampler, study_of
from raysat.study.distribution import ParamValue
from tests.helpers.search import candidate, finished, load

pytestmark = pytest.mark.slow

SPACE = """
base: {optim: {lr: 0.001, batch_size: 32}, loss: {kind: ldam}}
search:
  optim.lr: {log_uniform: [1.0e-5, 1.0e-1]}
  optim.weight_decay: {uniform: [0, 2]}
  optim.batch_size: {int: [2, 33]}
  loss: {choice: [{kind: ldam}, {kind: cross_entropy}, {kind: focal}]}
  loss.max_margin: {uniform: [0.1, 1]}
sampler: {kind: KIND, seed: SEED}
"""


def search_with(folder: Path, kind: str, seed: int = 0) -> Search:
    return load(folder, SPACE.replace("KIND", kind).replace("SEED", str(seed)))


def suggest(search: Search, candidates: list[Candidate], number: int) -> dict[str, ParamValue]:
    """The first params that are suggested for a candidate."""
    return next(Sampler(search).suggest(candidates, number))


def test_random_candidates_follow_their_distributions(tmp_path: Path) -> None:
    sampler = Sampler(search_with(tmp_path, "random"))
    params = [next(sampler.suggest([], number)) for number in range(1, 401)]
    rates = np.log([point["optim.lr"] for point in params])
    low, high = np.log([1e-5, 1e-1])
    assert stats.kstest(rates, stats.uniform(low, high - low).cdf).pvalue > 0.01
    assert stats.kstest([point["optim.weight_decay"] for point in params], stats.uniform(0, 2).cdf).pvalue > 0.01
    sizes = [point["optim.batch_size"] for point in params]
    assert all(isinstance(size, int) for size in sizes)
    assert (min(sizes), max(sizes)) == (2, 33)
    assert stats.chisquare(np.bincount([int(point["loss"]) for point in params])).pvalue > 0.01
    assert all(("loss.max_margin" in point) == (point["loss"] == 0) for point in params)


def test_a_random_candidate_depends_on_seed_and_number_alone(tmp_path: Path) -> None:
    search = search_with(tmp_path, "random")
    candidates: list[Candidate] = []
    for number in range(1, 6):
        params = suggest(search, candidates, number)
        candidates.append(finished(search, number, params, number / 10, 0.0))
    assert suggest(search, [], 5) == params
    assert suggest(search_with(tmp_path, "random", seed=1), [], 5) != params
    assert suggest(search, [], 6) != params


def test_another_attempt_suggests_another_candidate(tmp_path: Path) -> None:
    attempts = Sampler(search_with(tmp_path, "tpe")).suggest([], 1)
    assert len({tuple(next(attempts).items()) for _ in range(5)}) == 5


def result(search: Search, number: int, params: dict[str, ParamValue] | None) -> Candidate:
    """A made-up end of a candidate: every fifth fails, every third is stopped early."""
    score = 0.9 - abs(np.log10((params or {"optim.lr": 1e-3})["optim.lr"]) + 3) / 10
    if number % 5 == 4:
        return candidate(search, number, params, state="failed")
    if number % 3 == 2:
        return candidate(search, number, params, state="stopped", curve=(score / 3, score / 2))
    return finished(search, number, params, score, 0.0)


# What raysat suggested through Ray Tune's OptunaSearch, before it asked Optuna itself: learning rates of candidates 15
# to 20 of a search that begins with its base, the score of each known to all after it, or of all but the last two.
BEFORE = {
    1: [7.6656546e-05, 1.4289038e-03, 1.7940874e-02, 4.8435473e-04, 1.0656369e-04, 1.0228235e-03],
    3: [3.4490312e-04, 1.0595846e-04, 9.0948374e-04, 8.9151084e-05, 4.8929295e-04, 1.0911051e-04],
}


@pytest.mark.parametrize("running", BEFORE)
def test_the_same_is_suggested_as_ever(tmp_path: Path, running: int) -> None:
    search = search_with(tmp_path, "tpe")
    candidates = [candidate(search, 0, search.base_params())]
    for number in range(1, 21):
        ended = number - running
        if ended >= 0:
            candidates[ended] = result(search, ended, candidates[ended].params)
        candidates.append(candidate(search, number, suggest(search, candidates, number)))
    rates = [point.params["optim.lr"] for point in candidates[15:] if point.params]
    assert rates == pytest.approx(BEFORE[running], rel=1e-7)


def test_a_base_outside_the_space_teaches_nothing(tmp_path: Path) -> None:
    search = load(tmp_path, "base: {optim.lr: 0.5}\nsearch: {optim.lr: {log_uniform: [1.0e-5, 1.0e-1]}}\n")
    assert search.base_params() is None
    assert suggest(search, [finished(search, 0, None, 0.9, 0.0)], 1) == suggest(search, [], 1)


def test_tpe_comes_nearer_to_the_best_than_random_candidates(tmp_path: Path) -> None:
    """Mean distance of candidates 21 to 40 from the best learning rate, in decades, over three seeds."""
    distance = {"tpe": 0.0, "random": 0.0}
    for kind in distance:
        for seed in range(3):
            search = search_with(tmp_path, kind, seed)
            candidates, off = [], []
            for number in range(1, 41):
                params = suggest(search, candidates, number)
                off.append(abs(np.log10(params["optim.lr"]) + 3))
                candidates.append(finished(search, number, params, 0.9 - off[-1] / 5, 0.0))
            distance[kind] += float(np.mean(off[20:])) / 3
    assert distance["tpe"] < 0.6 * distance["random"]


def test_stopped_and_failed_candidates_count_as_bad(tmp_path: Path) -> None:
    """Rates above 0.01 never finish: TPE learns to keep out, though it never sees a score there."""
    for bad in ("failed", "stopped"):
        search = search_with(tmp_path, "tpe")
        candidates, above = [], []
        for number in range(1, 61):
            params = suggest(search, candidates, number)
            above.append(params["optim.lr"] > 1e-2)
            lost = candidate(search, number, params, state=bad, curve=(0.1,) if bad == "stopped" else ())
            candidates.append(lost if above[-1] else finished(search, number, params, 0.5, 0.0))
        assert np.mean(above[30:]) < 0.6 * 0.25  # a random candidate is above in a quarter of all cases


CHOICES = """
search:
  loss: {choice: [{kind: ldam}, {kind: cross_entropy}, {kind: focal}]}
  sampler: {choice: [{kind: uniform}, {kind: square_root}, {kind: inverse_frequency}]}
  optim.batch_size: {int: [2, 5]}
sampler: {kind: KIND, startup: 4}
"""


def suggest_all(search: Search, most: int) -> list[dict[str, ParamValue]]:
    """Take new candidates until there is none; the first of each choice is best."""
    sampler, candidates = Sampler(search), []
    while len(candidates) <= most:
        number, tried = len(candidates) + 1, [candidate.params for candidate in candidates]
        params = next((point for point in sampler.suggest(candidates, number) if point not in tried), None)
        if params is None:
            break
        candidates.append(finished(search, number, params, 0.9 - 0.01 * sum(map(float, params.values())), 0.0))
    return [candidate.params for candidate in candidates]


def test_a_finite_space_is_exhausted_where_all_of_it_was_tried(tmp_path: Path) -> None:
    """TPE proposes the best it knows again and again; yet all 3 x 3 x 4 are tried, each once, and then no more."""
    search = load(tmp_path, CHOICES.replace("KIND", "tpe"))
    tried = suggest_all(search, 99)
    expected = {(loss, sampler, size) for loss in range(3) for sampler in range(3) for size in range(2, 6)}
    assert len(tried) == 36
    assert {(point["loss"], point["sampler"], point["optim.batch_size"]) for point in tried} == expected
    assert all(isinstance(value, int) for point in tried for value in point.values())
    assert suggest_all(search, 99) == tried


def test_conditional_parameters_of_a_finite_space_are_tried_where_they_apply(tmp_path: Path) -> None:
    text = """
    search:
      loss: {choice: [{kind: ldam}, {kind: cross_entropy}]}
      loss.max_margin: {choice: [0.1, 0.2, 0.3]}
    sampler: {kind: random}
    """
    tried = suggest_all(load(tmp_path, text), 99)
    assert sorted(map(str, tried)) == sorted(
        map(str, [*({"loss": 0, "loss.max_margin": n} for n in range(3)), {"loss": 1}])
    )


def test_a_continuous_space_is_never_exhausted(tmp_path: Path) -> None:
    """Almost everything counts as tried: it continues at random until it finds what does not."""
    attempts = Sampler(search_with(tmp_path, "tpe")).suggest([], 1)
    assert any(params["optim.lr"] > 0.095 for params in attempts)  # 1 of 180


def test_the_study_holds_the_candidates_alone(tmp_path: Path) -> None:
    """Other attempts count for nothing; those that run count, as Optuna's constant liar has it."""
    search = load(tmp_path, CHOICES.replace("KIND", "tpe"))
    last: dict[str, ParamValue] = {"loss": 2, "sampler": 2, "optim.batch_size": 5}
    assert last in list(Sampler(search).suggest([], 1))[30:]  # not by the sampler: by enumerating the space
    candidates = [
        finished(search, 1, last, 0.75, 0.0),
        candidate(search, 2, last, state="stopped", curve=(0.5, 0.25)),
        candidate(search, 3, last, state="failed", curve=(0.5,)),
        candidate(search, 4, last),
    ]
    trials = [
        (trial.state.name, trial.params, trial.intermediate_values) for trial in study_of(search, candidates).trials
    ]
    assert trials == [
        ("COMPLETE", last, {}), ("PRUNED", last, {1: 0.5, 2: 0.25}), ("PRUNED", last, {}), ("RUNNING", last, {})
    ]  # fmt: skip


def test_optuna_is_left_as_it_was_and_says_nothing(
    tmp_path: Path, capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    optuna.logging.set_verbosity(optuna.logging.INFO)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        suggest(search_with(tmp_path, "tpe"), [], 1)
    assert optuna.logging.get_verbosity() == optuna.logging.INFO
    assert capfd.readouterr().err == ""
