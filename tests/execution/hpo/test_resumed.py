"""A candidate of a search that was stopped midway goes on at its checkpoint, and its curve is whole."""

from pathlib import Path

import numpy as np
import pandas as pd

from raysat.config.schema import Trial
from raysat.data.store import PatchStore
from raysat.execution.cluster_options import ClusterOptions
from raysat.execution.hpo.prepare import prepare_search
from raysat.execution.hpo.run import tune
from raysat.planning.jobs import plan_trial
from raysat.planning.resolve import resolve_config
from raysat.search.log import Candidate, open_log, read_curve, save_log
from raysat.storage.ledger import Ledger
from raysat.training.loop import Training
from tests.helpers.search import load

SEARCH = """
study: hunt
base: {model: {name: test_resnet}, optim: {epochs: 4, batch_size: 16}}
search: {optim.lr: {log_uniform: [1.0e-4, 1.0e-2]}}
sampler: {kind: random}
budget: {trials: 2}
"""


def test_the_curve_of_a_resumed_candidate_begins_at_its_first_epoch(
    tmp_path: Path, landsat_store: PatchStore, ray_session: None
) -> None:
    search, ledger = load(tmp_path, SEARCH), Ledger(tmp_path / "hunt")
    trial = Trial(config=resolve_config(search.base, landsat_store), seed=search.seed)
    job = plan_trial(trial, landsat_store, arm="base", reuse_epochs=False)
    training = Training(trial, landsat_store)
    begun = [training.advance() for _ in range(2)]
    ledger.checkpoints.write(job.states[2], training.state().encode())
    log = open_log(ledger.root, search, landsat_store, data="store", workers=1)
    interrupted = Candidate(number=0, job=job.id, params=search.base_params(), config=search.base)
    save_log(ledger.root, log.put(interrupted))
    cluster = ClusterOptions(cpus_per_trial=1)
    prepared = prepare_search(search, landsat_store, data=str(landsat_store.path), out=tmp_path, cluster=cluster)
    found = tune(prepared)
    base = found.log.candidates[0]
    assert base.curve == read_curve(ledger, base.job)
    assert len(base.curve) == 4
    history = pd.read_csv(ledger.root / "trials" / base.job / "history.csv")
    np.testing.assert_allclose(history["seconds"][:2], [report.seconds for report in begun])  # it did go on
    assert [report.metrics.balanced_accuracy for report in begun] == list(base.curve[:2])
    assert not ledger.checkpoints.root.exists()
