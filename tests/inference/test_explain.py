"""``raysat evaluate --importance --occlusion`` from the command line to the report, on a tiny run."""

from __future__ import annotations

import io
import json

import numpy as np
import pytest

from raysat.api.explanations import patches_to_map
from raysat.api.reports import report
from raysat.data.store import PatchStore
from raysat.errors import UsageError
from raysat.reporting.render.json import report_document
from raysat.storage.evaluations import Evaluations
from raysat.storage.explanations import IMPORTANCE, OCCLUSION, decode_heat, decode_hits
from raysat.storage.ledger import Ledger
from raysat.storage.sealed import SUMS, encode_sums
from tests.helpers.run import run_alone

STUDY = """
study: tiny
base:
  model: {name: test_resnet}
  optim: {kind: adam, batch_size: 8, epochs: 1}
seeds: [0, 1]
arms:
  plain: {data: {bands: [B2, B6]}}
  bright: {optim: {epochs: 6}}
"""


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory, landsat_store: PatchStore) -> Ledger:
    return run_alone(tmp_path_factory.mktemp("tiny"), STUDY, landsat_store)


def arrays(content: bytes) -> dict[str, np.ndarray]:
    with np.load(io.BytesIO(content)) as file:
        return dict(file)


def replaced(kept: Evaluations, name: str, trial: str, file: str, content: bytes) -> None:
    """Put other content in a file of an evaluation, with the checksum that it has."""
    folder = kept.root / name / trial
    files = {each.name: each.read_bytes() for each in folder.iterdir() if each.name != SUMS} | {file: content}
    for each, written in (files | {SUMS: encode_sums(files)}).items():
        (folder / each).write_bytes(written)


@pytest.mark.slow
def test_bands_and_maps_are_evaluated_kept_and_shown(raysat, run: Ledger, landsat_store: PatchStore) -> None:
    words = ("evaluate", run.root, "--importance", "--repeats", "2", "--occlusion", "--patches", "3")
    result = raysat(*words)
    assert (result.code, result.err) == (0, "")
    assert "8 now, 0 before" in result.out
    assert "all bands" in result.out
    again = raysat(*words)
    assert again.code == 0
    assert "0 now, 8 before" in again.out

    kept = Evaluations(run.root)
    maps = next(name for name in kept.names() if name.startswith("occlusion-"))
    trials = run.read_plan().trial_ids
    for trial in trials:
        record = kept.read("importance", trial)
        hits = decode_hits(kept.sealed("importance", trial).read(IMPORTANCE, max_bytes=1 << 20), record.subject)
        own = run.read_predictions(trial)
        np.testing.assert_array_equal(hits.right, own.predicted == own.labels)
        record = kept.read(maps, trial)
        heat = decode_heat(kept.sealed(maps, trial).read(OCCLUSION, max_bytes=1 << 20), record.subject)
        places = [own.indices.tolist().index(position) for position in heat.indices]
        np.testing.assert_array_equal(heat.predicted, own.predicted[places])
        said = own.probabilities[places, heat.labels]
        np.testing.assert_allclose(heat.probability, said, atol=1e-3)

    found = report(run.root, data=landsat_store)
    documented = report_document(found.analysis).importance
    assert [arm.arm for arm in documented] == [arm.arm for arm in found.analysis.importance]
    assert documented[0].losses[0].balanced_accuracy.n == len(documented[0].seeds)
    shown = {arm.arm: {loss.name: loss for loss in arm.losses} for arm in found.analysis.importance}
    assert list(shown["plain"]) == ["B2", "B6", "all bands"]
    assert list(shown["bright"]) == ["B2", "B5", "B6", "all bands"]
    assert shown["bright"]["B5"].balanced_accuracy.value > 0.2  # that tells the classes apart
    estimate = shown["bright"]["all bands"].balanced_accuracy
    assert estimate.low is not None
    assert estimate.low < estimate.value < estimate.high
    explained = found.analysis.explained
    assert explained is not None
    assert explained.maps is not None
    assert explained.maps.seeds == (0, 1)
    assert explained.maps.after.drop.shape == (len(explained.maps.rows), 32, 32)
    mean = np.mean([_loss(run, kept, trial, "B5") for trial in trials[2:]])
    assert shown["bright"]["B5"].balanced_accuracy.value == pytest.approx(mean, abs=1e-6)


def _loss(run: Ledger, kept: Evaluations, trial: str, band: str) -> float:
    """Balanced accuracy lost, written anew."""
    record = kept.read("importance", trial)
    hits = arrays(kept.sealed("importance", trial).read(IMPORTANCE, max_bytes=1 << 20))
    group = [group.name for group in record.subject.groups].index(band)
    lost = hits["right"] - hits["hits"][group] / record.subject.repeats
    return float(np.mean([lost[hits["labels"] == label].mean() for label in np.unique(hits["labels"])]))


def _broken(good: dict[str, np.ndarray]) -> dict[str, dict[str, np.ndarray]]:
    return {
        "too many hits": {**good, "hits": good["hits"] + 9},
        "other shape": {**good, "hits": good["hits"][:1]},
        "twice": {**good, "indices": np.zeros_like(good["indices"])},
        "other type": {**good, "right": good["right"].astype(np.int64)},
        "missing": {name: array for name, array in good.items() if name != "right"},
    }


@pytest.mark.slow
def test_what_is_damaged_is_passed_over_and_evaluated_again(run: Ledger, landsat_store: PatchStore, raysat) -> None:
    raysat("evaluate", run.root, "--importance", "--repeats", "2", "--arms", "plain")
    kept, trial = Evaluations(run.root), run.read_plan().trial_ids[0]
    content = kept.sealed("importance", trial).read(IMPORTANCE, max_bytes=1 << 20)
    subject = kept.read("importance", trial).subject
    for changed in _broken(arrays(content)).values():
        buffer = io.BytesIO()
        np.savez(buffer, **changed)
        with pytest.raises(ValueError, match=r"shape|right|distinct|hold"):
            decode_hits(buffer.getvalue(), subject)
    replaced(kept, "importance", trial, IMPORTANCE, b"PK nothing")
    (plain,) = (arm for arm in report(run.root).analysis.importance if arm.arm == "plain")
    assert plain.seeds == (1,)
    (kept.root / "importance" / trial / IMPORTANCE).write_bytes(b"nothing")  # and its checksum is wrong
    result = raysat("evaluate", run.root, "--importance", "--repeats", "2", "--arms", "plain")
    assert "1 now, 1 before" in result.out


def test_what_cannot_be_explained_is_said(raysat, run: Ledger, make_store, tmp_path) -> None:
    for words, said in (
        (("--importance", "--repeats", "0"), "--repeats"),
        (("--occlusion", "--patches", "25"), "--patches"),
        (("--occlusion", "--arms", "plane"), "plane"),
        (("--importance", "--data", str(tmp_path / "nowhere")), "nowhere"),
    ):
        result = raysat("evaluate", run.root, *words)
        assert result.code == 2
        assert said in result.err
    same = _same_predictions(run, tmp_path)
    with pytest.raises(UsageError, match="gets no patch right"):
        patches_to_map(same, (), 3)
    result = raysat("evaluate", same.root, "--corruptions", "--importance", "--occlusion")
    assert result.code == 2
    assert "leave --occlusion out" in result.err
    assert not (same.root / "evaluations").exists()  # not the half of it either


def _same_predictions(run: Ledger, tmp_path) -> Ledger:
    """A run whose arms both are the same trials."""
    plan = json.loads(run.read_plan().model_dump_json())
    plan["arms"][1]["trials"] = plan["arms"][0]["trials"]
    other = Ledger(tmp_path / "same")
    other.write_plan("study: tiny\n", type(run.read_plan()).model_validate(plan))
    (other.root / "trials").symlink_to(run.root / "trials")
    return other
