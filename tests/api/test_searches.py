"""A search and its confirmation through the Python API."""

from pathlib import Path

import optuna
import pandas as pd
import pytest

import raysat
from raysat.data.store import PatchStore
from raysat.errors import StorageError
from raysat.execution.events import Event, Resumed

SEARCH = {
    "study": "hunt",
    "base": {"model": {"name": "test_resnet"}, "optim": {"epochs": 2, "batch_size": 16}},
    "search": {"optim.lr": {"log_uniform": [1e-3, 1e-1]}},
    "budget": {"trials": 3},
    "confirm": {"best": 1, "seeds": 2},
}


@pytest.mark.timeout(200)
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
