"""A search and its confirmation through the Python API."""

from pathlib import Path

import optuna
import pandas as pd
import pytest

import raysat
from raysat.data.store import PatchStore
from raysat.errors import StorageError
from raysat.execution.events import Event, Resumed
from raysat.search.log import open_log, save_log

SEARCH = {
    "study": "hunt",
    "base": {"model": {"name": "test_resnet"}, "optim": {"epochs": 2, "batch_size": 16}},
    "search": {"optim.lr": {"log_uniform": [1e-3, 1e-1]}},
    "budget": {"trials": 3},
    "confirm": {"best": 1, "seeds": 2},
}


def test_a_search_is_spent_read_and_confirmed(landsat_store: PatchStore, tmp_path: Path, ray_session: None) -> None:
    found = raysat.tune(SEARCH, landsat_store.path, out=tmp_path)
    frame = found.to_frame()
    assert frame["state"].tolist() == ["finished"] * 3
    assert found.best is not None
    assert frame.loc[1, "candidate"] == found.best.number
    assert isinstance(found.to_optuna(), optuna.Study)
    assert len(found.to_optuna().trials) == 3
    assert pd.read_csv(tmp_path / "hunt" / "search.csv")["candidate"].tolist() == frame["candidate"].tolist()
    study = found.confirming_study()
    assert [arm.name for arm in study.arms] == ["base", "best-1"]
    assert study.seeds == (1, 2)
    events: list[Event] = []
    again = raysat.tune(SEARCH, landsat_store.path, out=tmp_path, on_event=events.append)
    assert events == [Resumed(finished=3, total=3, noun="candidate")]
    assert again.log == found.log
    opened = raysat.open_search(tmp_path / "hunt")
    assert opened.log == found.log
    pd.testing.assert_frame_equal(opened.to_frame(), frame)
    assert "optim.lr" in str(opened)
    with pytest.raises(StorageError, match="holds no search"):
        raysat.open_search(tmp_path)


def test_an_opened_search_is_what_was_searched_overrides_and_seed_included(
    landsat_store: PatchStore, tmp_path: Path
) -> None:
    parameters = {
        "optim.lr": {"log_uniform": [1e-3, 1e-1]},
        "loss": {"choice": [{"kind": "ldam"}, {"kind": "cross_entropy"}]},
        "optim.weight_decay": {"uniform": [0.0, 0.1]},
    }
    overrides = {"loss.kind": "ldam", "optim.lr": 0.01, "data.bands": [6, 5], "optim.epochs": 3}
    search = raysat.load_search({**SEARCH, "search": parameters}, overrides=overrides, seed=4)
    (tmp_path / "study.yaml").write_text(search.text, encoding="utf-8")
    save_log(tmp_path, open_log(tmp_path, search, landsat_store, data="name", workers=1))
    opened = raysat.open_search(tmp_path).search
    assert (opened.base, opened.seed) == (search.base, 4)
    assert [parameter.name for parameter in opened.parameters] == ["optim.weight_decay"]
