"""The log of a search: its order, going on from it, and refusing another search."""

import json
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from raysat.data.store import PatchStore, StoreWriter
from raysat.errors import PlanError, StorageError
from raysat.files import backup_path
from raysat.search.load import Search
from raysat.search.log import Log, open_log, read_curve, save_log, settings_of
from raysat.search.options import Asha, Budget
from raysat.storage.ledger import Ledger
from raysat.storage.records import Failure
from tests.helpers.ledger import files_of, made_up_record
from tests.helpers.search import candidate, finished, load, log_of

TEXT = "search:\n  optim.lr: {uniform: [0.1, 0.2]}\n  loss: {choice: [{kind: ldam}, {kind: cross_entropy}]}\n"
DRAWN = {"loss": 1, "optim.lr": 0.15}


@pytest.fixture(name="search")
def _search(tmp_path: Path) -> Search:
    return load(tmp_path, TEXT)


def begin(root: Path, search: Search, store: PatchStore, *, workers: int = 1) -> Log:
    return open_log(root, search, store, data="name", workers=workers)


@settings(max_examples=30)
@given(scores=st.lists(st.tuples(st.sampled_from([0.2, 0.5, 0.7]), st.sampled_from([0.0, 0.1])), max_size=8))
def test_order_is_balanced_accuracy_on_val_then_lower_icv_then_the_earlier(
    tmp_path_factory: pytest.TempPathFactory, scores: list[tuple[float, float]]
) -> None:
    search = load(tmp_path_factory.mktemp("order"), TEXT)
    ended = [finished(search, number, DRAWN, *score) for number, score in enumerate(scores)]
    stopped = candidate(search, 98, DRAWN, state="stopped", curve=(0.99,))
    failed = candidate(search, 99, DRAWN, state="failed")
    ranked = log_of(search, [failed, stopped, *reversed(ended)]).ranked()
    expected = sorted(range(len(scores)), key=lambda number: (-scores[number][0], scores[number][1], number))
    assert [each.number for each in ranked] == [*expected, 98, 99]


def test_a_log_is_read_as_it_was_written(tmp_path: Path, search: Search, landsat_store: PatchStore) -> None:
    log = begin(tmp_path, search, landsat_store)
    assert (log.candidates, log.reported, log.patches) == ((), "test", {"train": 56, "val": 20, "test": 20})
    log = log.put(finished(search, 1, {"loss": 0, "optim.lr": 0.1234}, 0.5, 0.1)).put(
        finished(search, 0, None, 0.4, 0.1)
    )
    log = log.put(finished(search, 1, {"loss": 0, "optim.lr": 0.1234}, 0.6, 0.1))
    save_log(tmp_path, log)
    assert begin(tmp_path, search, landsat_store) == log
    assert [(each.number, each.val and each.val.balanced_accuracy) for each in log.candidates] == [(0, 0.4), (1, 0.6)]
    assert isinstance(begin(tmp_path, search, landsat_store).candidates[1].params["loss"], int)  # type: ignore[index]


def test_a_log_from_before_the_words_changed_still_opens(tmp_path: Path, landsat_store: PatchStore) -> None:
    text = Path(__file__).with_name("written_before.json").read_text(encoding="utf-8")
    (tmp_path / "search.json").write_text(text.replace("fingerprint", landsat_store.fingerprint), encoding="utf-8")
    search = load(tmp_path, TEXT + "sampler: {kind: tpe, startup: 4}\nstop: {kind: asha, grace: 0.5}\n")
    log = begin(tmp_path, search, landsat_store)
    assert [candidate.params for candidate in log.candidates] == [None, {"loss": 0, "optim.lr": 0.15}]
    assert log.identity.pruner == Asha(grace_period=0.5)
    save_log(tmp_path, log)
    assert begin(tmp_path, search, landsat_store) == log
    assert json.loads((tmp_path / "search.json").read_bytes()).keys() == json.loads(text).keys()


def test_a_log_of_another_format_is_refused(tmp_path: Path, search: Search, landsat_store: PatchStore) -> None:
    save_log(tmp_path, begin(tmp_path, search, landsat_store))
    file = tmp_path / "search.json"
    file.write_text(file.read_text(encoding="utf-8").replace('"format": 1', '"format": 9'), encoding="utf-8")
    with pytest.raises(StorageError, match=r"search\.json has format 9, this raysat reads 1"):
        begin(tmp_path, search, landsat_store)


@pytest.mark.parametrize(
    ("change", "what"),
    [
        ({"overrides": {"model.name": "test_resnet"}}, "differing: base"),
        ({"seed": 1}, "differing: seed"),
        ({"text": TEXT.replace("0.2", "0.3")}, "differing: search"),
        ({"text": TEXT + "sampler: {kind: random}\n"}, "differing: sampler"),
        ({"text": TEXT + "stop: {kind: asha}\nseeds: [2]\n"}, "differing: seed, stop"),
        ({"workers": 2}, "differing: workers"),
    ],
)
def test_another_search_does_not_go_on_from_it(
    tmp_path: Path, search: Search, landsat_store: PatchStore, change: dict[str, object], what: str
) -> None:
    save_log(tmp_path, begin(tmp_path, search, landsat_store))
    workers = int(str(change.pop("workers", 1)))
    other = load(tmp_path, str(change.pop("text", TEXT)), **change)
    with pytest.raises(PlanError, match=rf"holds another search \({what}\)") as caught:
        begin(tmp_path, other, landsat_store, workers=workers)
    assert "search.json" in (caught.value.hint or "")


def test_budget_and_confirmation_may_change(tmp_path: Path, search: Search, landsat_store: PatchStore) -> None:
    log = begin(tmp_path, search, landsat_store)
    save_log(tmp_path, log)
    other = load(tmp_path, TEXT + "budget: {trials: 99}\nconfirm: {best: 1, seeds: 9}\n# a remark\n")
    assert begin(tmp_path, other, landsat_store) == log


def test_what_is_left_of_a_budget(search: Search) -> None:
    ended = [finished(search, 0, None, 0.4, 0.1), candidate(search, 1, DRAWN, state="stopped", curve=(0.1,))]
    log = log_of(search, [*ended, candidate(search, 2, DRAWN)])
    assert log.left(Budget(trials=5)) == 3  # the one that was interrupted is still to do
    assert log.left(Budget(trials=2)) == 0
    assert log.left(Budget(hours=1)) > 1000
    spent = log.model_copy(update={"seconds": 3600.0})
    assert spent.left(Budget(hours=1)) == 0
    assert spent.left(Budget(hours=1.1, trials=4)) == 2


def test_only_what_failed_by_its_own_fault_stays_failed(
    tmp_path: Path, search: Search, landsat_store: PatchStore
) -> None:
    ledger = Ledger(tmp_path)
    log = begin(tmp_path, search, landsat_store)
    for number, traceback in ((0, None), (1, "Traceback ..."), (2, "none was written")):
        failed = candidate(search, number, DRAWN, state="failed", curve=(0.1,))
        log = log.put(failed)
        if number < 2:
            ledger.write_failure(Failure(id=failed.job, error="it diverged", traceback=traceback, time=0.0))
    save_log(tmp_path, log)
    assert [each.state for each in begin(tmp_path, search, landsat_store).candidates] == [
        "failed",
        "running",
        "running",
    ]


def test_a_damaged_log_is_one_error(tmp_path: Path, search: Search, landsat_store: PatchStore) -> None:
    (tmp_path / "search.json").write_text('{"format": 1', encoding="utf-8")
    with pytest.raises(StorageError, match=r"search\.json cannot be read"):
        begin(tmp_path, search, landsat_store)


def test_a_store_without_val_is_refused(tmp_path: Path, search: Search) -> None:
    with StoreWriter(tmp_path / "s", bands=("B2",), classes=("a", "b"), sensor=None, source={"kind": "test"}) as writer:
        for index in range(8):
            writer.add(np.full((1, 8, 8), index, np.uint8), index % 2, "train" if index < 4 else "test")
        store = writer.close()
    with pytest.raises(PlanError, match="has no val split, and a search must not choose by the test split"):
        begin(tmp_path, search, store)


def test_a_finished_candidate_takes_both_splits_from_its_record(tmp_path: Path, search: Search) -> None:
    record = made_up_record()
    ended = candidate(search, 1, DRAWN, curve=(0.1, 0.2)).finished(record)
    assert ended.val is not None
    assert ended.val.balanced_accuracy == record.metrics["val"].balanced_accuracy
    assert ended.test is not None
    without = made_up_record(reported="val", metrics={"val": record.metrics["val"]})
    assert candidate(search, 1, DRAWN).finished(without).test is None
    files = files_of(record) | {"history.csv": b"epoch,balanced_accuracy\n1,0.25\n2,0.5\n"}
    ledger = Ledger(tmp_path)
    ledger.write(record.id, files)
    assert read_curve(ledger, record.id) == (0.25, 0.5)
    folder = ledger.root / "trials" / record.id
    folder.rename(backup_path(folder))  # as a replacement leaves it that is killed midway
    assert ledger.is_finished(record.id)
    assert read_curve(ledger, record.id) == (0.25, 0.5)


def test_a_curve_without_balanced_accuracy_is_an_error_that_says_what_to_do(tmp_path: Path) -> None:
    record = made_up_record()
    ledger = Ledger(tmp_path)
    ledger.write(record.id, files_of(record) | {"history.csv": b"epoch,loss\n1,0.25\n"})
    with pytest.raises(StorageError, match="has no balanced accuracy") as caught:
        read_curve(ledger, record.id)
    assert "run again" in caught.value.hint


def test_settings_name_what_differs_from_the_base(search: Search) -> None:
    assert settings_of(search, candidate(search, 1, {"loss": 0, "optim.lr": 0.15})) == {
        "loss": "ldam",
        "optim.lr": "0.15",
    }
    assert settings_of(search, candidate(search, 1, {"loss": 1, "optim.lr": 0.15})) == {"optim.lr": "0.15"}
    assert settings_of(search, candidate(search, 0, None)) == {}


def test_settings_of_a_section_name_no_more_than_what_differs(tmp_path: Path) -> None:
    search = load(
        tmp_path,
        "base: {loss: {kind: ldam}}\n"
        "search:\n"
        "  loss: {choice: [{kind: ldam}, {kind: ldam, scale: 5}, {kind: focal, gamma: 1}]}\n"
        "  loss.max_margin: {uniform: [0.1, 1]}\n"
        "  optim: {choice: [{kind: adam, lr: 0.001}, {kind: sgd, lr: 0.001, momentum: 0.5}]}\n",
    )

    def differing(loss: int, optim: int, margin: float | None = None) -> dict[str, str]:
        params = {"loss": loss, "optim": optim} | ({} if margin is None else {"loss.max_margin": margin})
        return settings_of(search, candidate(search, 1, params))

    assert search.base.loss.kind == "ldam"
    assert differing(0, 0, 0.3) == {"loss.max_margin": "0.3"}
    assert differing(1, 0, 0.3) == {"loss": "ldam(scale=5)", "loss.max_margin": "0.3"}
    assert differing(2, 1) == {"loss": "focal(gamma=1)", "optim": "sgd(momentum=0.5)"}
