"""The same small study by raysat and by its peers, on the same patches and machine, one after the other in one run.

    pip install -c constraints.txt '.[bench]'
    python benchmarks/peers.py [--quick] [--repeats 1] [--only plain ...]

Six arms (plain, SWA, EMA, deferred reweighting, balanced softmax, inverse-frequency sampling), on synthetic patches
of 11 x 65 x 65. *plain*: a DataLoader loop in the manner of timm's train.py. *authors*: that of the paper's published
code, a file a sample. *torchgeo*: TorchGeo's ClassificationTask under Lightning. *tuned*: Ray Tune over one
TorchTrainer a trial. All start from the same weights and see the same batches; their losses are compared with
raysat's first. Seconds are from Enter to the end of the process, imports included; each ratio is of one pass over all
peers.
"""

from __future__ import annotations

import argparse
import statistics
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import replace
from importlib.util import find_spec
from pathlib import Path
from typing import Final

from peering import measure, results
from peering.results import Outcome
from peering.study import SIX, Size

import raysat

HERE: Final = Path(__file__).parent
PEERS: Final = {
    "plain": "plain loop, as timm's",
    "authors": "the authors' way",
    "torchgeo": "TorchGeo + Lightning",
    "tuned": "Tune, a TorchTrainer a trial",
}
MODULES: Final = {name: f"peering.{name}" for name in PEERS} | {"torchgeo": "peering.torchgeo_lightning"}
QUICK: Final = Size(arms=SIX[:3], patches=84, epochs=4, seeds=1)
SMALLEST: Final = Size(model="test_resnet", patches=42, epochs=5, seeds=1)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument(
        "--quick", action="store_true", help="the first three arms, one seed, three epochs, fewer patches"
    )
    parser.add_argument("--smallest", action="store_true", help="a tiny network, for the test")
    parser.add_argument("--repeats", type=int, default=1)
    parser.add_argument("--only", action="append", choices=list(PEERS), help="beside raysat")
    given = parser.parse_args()
    size = SMALLEST if given.smallest else QUICK if given.quick else Size()
    peers = given.only or [peer for peer in PEERS if is_installed(peer)]
    print(
        f"{size.model}, {size.patches} patches, {len(size.arms)} arms x {size.seeds} seeds x {size.epochs} epochs",
        flush=True,
    )
    with tempfile.TemporaryDirectory(prefix="raysat-peers-") as work:
        folder = Path(work)
        store = make_store(folder / "store", size)
        passes = []
        for index in range(given.repeats):  # each comes first in its turn
            turn = ["raysat", *peers][index % (1 + len(peers)) :] + ["raysat", *peers][: index % (1 + len(peers))]
            passes.append(one_pass(folder / str(index), store, size.space(), turn))
        print(agreement(passes[0]))
        print("\n".join(table(passes, size)))
        if "authors" in peers and not given.quick:
            print("\n" + augmix(folder / "augmix", store, replace(size, arms=("AugMix",), seeds=1)))
    return 0


def is_installed(peer: str) -> bool:
    """Whether a peer can run; says so where it cannot."""
    found = peer != "torchgeo" or bool(find_spec("torchgeo") and find_spec("lightning"))
    if not found:
        print(f"{PEERS[peer]} is left out: pip install -c constraints.txt '.[bench]'", flush=True)
    return found


def make_store(path: Path, size: Size) -> Path:
    raysat.make_synthetic(path, size=round(size.patches / 0.7))
    return path


def one_pass(folder: Path, store: Path, space: str, peers: Sequence[str]) -> dict[str, Outcome]:
    """Train the study by raysat and by peers, in this order."""
    folder.mkdir()
    (folder / "peers.yaml").write_text(space, encoding="utf-8")
    found = {}
    for peer in peers:
        if peer == "raysat":
            found[peer] = ours(folder, store)
            continue
        say(f"{PEERS[peer]} ...")
        words = [
            sys.executable,
            "-m",
            MODULES[peer],
            str(folder / "peers.yaml"),
            str(store),
            str(folder / f"{peer}.json"),
        ]
        seconds, megabytes = measure.run(words, {"PYTHONPATH": f"{HERE}:{HERE.parent}"})
        found[peer] = Outcome(seconds=seconds, megabytes=megabytes, trials=results.read(folder / f"{peer}.json"))
    say("")
    return found


def ours(folder: Path, store: Path) -> Outcome:
    say("raysat ...")
    words = [sys.executable, "-m", "raysat", "ablate", "--space", str(folder / "peers.yaml"), "--data", str(store)]
    seconds, megabytes = measure.run([*words, "--out", str(folder / "runs")], {"PYTHONPATH": str(HERE.parent)})
    run = raysat.open_run(folder / "runs" / "peers")
    curves, scores = run.history()["loss"], run.to_frame()["balanced_accuracy"]
    trials = {
        (arm, seed): results.Trained(arm=arm, seed=seed, losses=curve.tolist(), balanced_accuracy=scores[arm, seed])
        for (arm, seed), curve in curves.groupby(level=["arm", "seed"])
    }
    return Outcome(seconds=seconds, megabytes=megabytes, trials=trials)


def agreement(found: dict[str, Outcome]) -> str:
    """How near the peers' losses and scores are to raysat's. Ends the program where a peer trains something else."""
    own = found["raysat"]
    lines = []
    for peer, outcome in found.items():
        if outcome.trials.keys() != own.trials.keys():
            sys.exit(f"{peer} trained other trials")
        first, last = (
            [abs(outcome.trials[key].losses[epoch] / own.trials[key].losses[epoch] - 1) for key in own.trials]
            for epoch in (0, -1)
        )
        if peer != "raysat":
            lines.append(
                f"{PEERS[peer]}: first epoch's loss within {max(first):.1e} of raysat's, the last's "
                f"within {max(last):.1e} (n = {len(first)} trials), "
                f"balanced accuracy {outcome.balanced_accuracy:.3f} beside {own.balanced_accuracy:.3f}"
            )
        if max(first) > 0.02:
            sys.exit(f"{peer} does not train the same: its first epoch's loss is {max(first):.1%} off")
    return "\n".join(lines)


def table(passes: Sequence[dict[str, Outcome]], size: Size) -> list[str]:
    """The peers beside raysat: medians, and the range of the ratios over passes."""
    lines = [
        f"| n = {len(passes)} | seconds | images/s of the study | peak, MB | over raysat |",
        "|---|---|---|---|---|",
    ]
    for peer in ("raysat", *(peer for peer in PEERS if peer in passes[0])):
        seconds = statistics.median(each[peer].seconds for each in passes)
        ratios = [each[peer].seconds / each["raysat"].seconds for each in passes]
        spread = f"{statistics.median(ratios):.2f}" + (
            f" ({min(ratios):.2f}-{max(ratios):.2f})" if len(ratios) > 1 else ""
        )
        memory = statistics.median(each[peer].megabytes for each in passes)
        lines.append(
            f"| {PEERS.get(peer, peer)} | {seconds:.0f} | {size.images / seconds:.0f} | {memory:,.0f} | {spread} |"
        )
    return lines


def augmix(folder: Path, store: Path, size: Size) -> str:
    """One arm with AugMix by raysat and in the authors' way, whose Pillow does other operations at random."""
    found = one_pass(folder, store, size.space(), ["raysat", "authors"])
    own, theirs = found["raysat"], found["authors"]
    return (
        f"AugMix alone, one trial: raysat {own.seconds:.0f} s, {PEERS['authors']} {theirs.seconds:.0f} s "
        f"({theirs.seconds / own.seconds:.2f} over raysat); balanced accuracy {own.balanced_accuracy:.3f} and "
        f"{theirs.balanced_accuracy:.3f}"
    )


def say(text: str) -> None:
    if sys.stderr.isatty():
        print(f"\r\x1b[K{text}", end="", file=sys.stderr, flush=True)


if __name__ == "__main__":
    sys.exit(main())
