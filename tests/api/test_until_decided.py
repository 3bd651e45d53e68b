"""Studies that add seeds until decided: on real Ray, killed between looks, and each request that cannot be met."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

import raysat as api
from raysat.api.contrasts import growth
from raysat.api.until_decided import more_seeds
from raysat.data.store import PatchStore
from raysat.errors import PlanError, UsageError
from raysat.storage.looks_file import read_looks, write_looks
from tests.helpers.command import STUDY, Raysat, ablate
from tests.helpers.paths import ROOT

WORDS = ("--until-decided", "--max-seeds", 4, "--cpus-per-trial", 1)


def results(run: Path) -> dict[str, Any]:
    """What a run says, but for when it was and how long it took."""
    plan = json.loads((run / "plan.json").read_text(encoding="utf-8"))
    trials = {trial["id"] for arm in plan["arms"] for trial in arm["trials"]}
    predictions = {trial: (run / "trials" / trial / "predictions.npz").read_bytes() for trial in trials}
    return {"plan": plan, "looks": (run / "looks.json").read_bytes(), "predictions": predictions}


def test_a_study_grows_by_blocks_and_one_that_is_killed_between_looks_comes_to_the_same(
    raysat: Raysat, tmp_path: Path, landsat_store: PatchStore, ray_session: None
) -> None:
    space = tmp_path / "tiny.yaml"
    space.write_text(STUDY + "compare: [[LDAM, plain]]\n", encoding="utf-8")
    command = [sys.executable, "-m", "raysat", *map(str, ablate(space, landsat_store, tmp_path / "killed", *WORDS))]
    looks = tmp_path / "killed" / "tiny" / "looks.json"
    with subprocess.Popen(
        command, cwd=ROOT, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True
    ) as driver:
        until = time.monotonic() + 180
        while not looks.is_file() and driver.poll() is None and time.monotonic() < until:
            time.sleep(0.05)
        os.kill(driver.pid, signal.SIGKILL)
    taken = read_looks(looks.parent)
    assert taken is not None
    assert [look.seeds for look in taken.looks] == [2]

    whole = raysat(*ablate(space, landsat_store, tmp_path / "whole", *WORDS))
    assert (whole.code, whole.err) == (0, "")
    assert "look 1 of 2   2 of at most 4 seeds" in whole.out
    assert "look 2 of 2   4 of at most 4 seeds" in whole.out
    resumed = raysat(*ablate(space, landsat_store, tmp_path / "killed", *WORDS))
    assert resumed.code == 0
    assert "look 1" not in resumed.out
    assert results(tmp_path / "killed" / "tiny") == results(tmp_path / "whole" / "tiny")

    run = api.open_run(tmp_path / "whole" / "tiny")
    plain = api.plan(api.load_study({**study_of(space), "seeds": 4}), landsat_store.path)
    grown = {arm.name: {trial.seed: trial.id for trial in arm.trials} for arm in run.ledger.read_plan().arms}
    assert grown == plain.trial_ids  # as if the study had had these seeds from the start

    looks = read_looks(run.path)  # killed after the second block, before its look: nothing is trained
    assert looks is not None
    write_looks(run.path, looks.model_copy(update={"looks": looks.looks[:1]}))
    again = raysat(*ablate(space, landsat_store, tmp_path / "whole", *WORDS))
    assert "nothing to do: all 8 trials are finished" in again.out
    assert "--until-decided --max-seeds 4" in (run.ledger.read_plan().command or "")
    assert read_looks(run.path) == looks
    ended = api.ablate_until_decided(space, landsat_store.path, max_seeds=4, out=tmp_path / "whole")
    assert ended.ended
    assert list(ended.to_frame()["pairs"]) == [4]
    assert read_looks(run.path) == looks

    reported = raysat("report", run.path, "--out", tmp_path / "report")
    assert "2 looks, at 2 and 4 seeds" in reported.out
    value = json.loads((tmp_path / "report" / "report.json").read_text(encoding="utf-8"))
    assert value["planned"]["looks"]["seeds"] == [2, 4]

    refused = raysat(*ablate(space, landsat_store, tmp_path / "whole", "--until-decided", "--max-seeds", 6))
    assert (refused.code, refused.err.count("error:")) == (2, 1)
    assert "has looks at 2, 4 seeds, not at 2, 4, 6 seeds" in refused.err
    with pytest.raises(PlanError, match="was looked at for other contrasts"):
        api.ablate_until_decided(
            {**study_of(space), "compare": [["plain", "LDAM"]]}, landsat_store.path, max_seeds=4, out=tmp_path / "whole"
        )
    changed = api.load_study(space, overrides={"optim.lr": 0.02})
    with pytest.raises(PlanError, match="was looked at with other trials"):
        api.ablate_until_decided(changed, landsat_store.path, max_seeds=4, out=tmp_path / "whole")


def study_of(space: Path) -> dict[str, Any]:
    from ruamel.yaml import YAML

    found: dict[str, Any] = YAML(typ="safe").load(space)
    return found


@pytest.mark.parametrize(
    ("text", "words", "message"),
    [
        (STUDY, ("--until-decided", "--max-seeds", "1"), "--max-seeds 1: the study has 2 seeds already"),
        (STUDY.replace("[0, 1]", "1"), ("--until-decided", "--max-seeds", "1"), "the first look needs 2 seeds"),
        (STUDY.partition("arms:")[0], ("--until-decided",), "tiny has one arm, so there is no contrast to decide"),
        (STUDY, ("--max-seeds", "9"), "--max-seeds is of --until-decided"),
        (STUDY, ("--until-decided", "--max-seeds", "0"), "--max-seeds must be a whole number from 1 to 1,000, got 0"),
        (STUDY + "compare: [plain]\n", (), "'plain' is the reference"),
        (STUDY + "compare: [LDAM, [LDAM, plain]]\n", (), "LDAM minus plain, balanced_accuracy is planned twice"),
        (STUDY + "compare: [{arm: LDAM, metric: recall_d}]\n", (), "no contrast is tested in 'recall_d'"),
    ],
)
@pytest.mark.parametrize("command", ["ablate", "plan"])
def test_what_cannot_be_decided_is_one_line_before_anything_starts(
    raysat: Raysat,
    tmp_path: Path,
    landsat_store: PatchStore,
    command: str,
    text: str,
    words: tuple[str, ...],
    message: str,
) -> None:
    space = tmp_path / "tiny.yaml"
    space.write_text(text, encoding="utf-8")
    done = raysat(command, *ablate(space, landsat_store, tmp_path / "runs", *words)[1:])
    assert done.code == 2
    assert message in done.err
    assert done.err.count("error:") == 1
    assert not (tmp_path / "runs").exists()


def test_a_plan_says_what_is_planned_when_it_is_looked_at_and_how_many_seeds_to_expect(
    raysat: Raysat, tmp_path: Path, landsat_store: PatchStore
) -> None:
    space = tmp_path / "tiny.yaml"
    space.write_text(STUDY + "compare: [LDAM]\n", encoding="utf-8")
    done = raysat("plan", *ablate(space, landsat_store, tmp_path, "--until-decided", "--max-seeds", 6)[1:])
    said = " ".join(done.out.split())
    assert "planned LDAM minus plain, balanced_accuracy" in said
    assert "looks at 2, 4, 6; expected seeds: " in said
    assert "with no effect" in said
    summary = api.plan(space, landsat_store.path).summary(tmp_path, max_seeds=6)
    assert [each.effect for each in summary.expected] == ["no", "small", "large"]


def test_without_compare_each_arm_is_decided_against_the_reference(landsat_store: PatchStore) -> None:
    study = {
        "arms": {"SWA": {"average": {"kind": "swa"}}, "plain": {}, "EMA": {"average": {"kind": "ema"}}},
        "seeds": 3,
    }
    contrasts, sizes = growth(api.plan(study, landsat_store.path), 12)
    assert [(each.arm, each.to) for each in contrasts] == [("SWA", "plain"), ("EMA", "plain")]
    assert sizes == (3, 6, 9, 12)
    with pytest.raises(UsageError, match="max_seeds must be a whole number"):
        api.ablate_until_decided(study, landsat_store.path, max_seeds=2.5)


def test_seeds_that_are_added_are_the_lowest_that_a_study_lacks() -> None:
    assert more_seeds((0, 1), 5) == (0, 1, 2, 3, 4)
    assert more_seeds((3, 1), 5) == (3, 1, 0, 2, 4)
    assert more_seeds((7,), 1) == (7,)
