"""Whether K seeds of one arm train faster in one process, or in one network, than in K processes.

    python benchmarks/seeds.py [--quick] [--model resnet18] [--batch 32] [--seconds 3] [--seeds K ...] [--only WAY ...]

Patches are of droughtwatch's shape (11 x 65 x 65; random, four classes). Each seed has its own weights, its own
constant batch and the plain step: forward, cross entropy, backward, Adam; on a GPU in bfloat16 and in a CUDA graph.

- *processes*: K at once, each with its own network; on the CPU with its part of the cores. The base of the ratios.
- *branches*: K networks in one process; on a GPU parallel branches of one graph, on the CPU one after the other.
- *vmap*: ``torch.func.vmap`` over stacked weights and buffers.
- *grouped*: one network of grouped convolutions, as HFTA has them; *grouped-nchw*: the same, not channels-last.

Before a way is timed its losses and batch norm's statistics of four steps in float32 are compared with those of the
networks trained alone; one that differs ends the script. Then all ways of one K are timed in turn, over five rounds of
a fifth of ``--seconds`` each, a step at least: the table has patches a second of all seeds together and the ratios of
rounds to those of *processes*, median (range, n). The last line says whether the best way in one process reaches 1.3
times the best number of processes, which would justify keeping it.
"""

from __future__ import annotations

import argparse
import statistics
import sys
import time
from contextlib import ExitStack
from typing import Final

import torch
from gpu import ON_GPU, Case, Rate, synchronize
from seeding.checking import check
from seeding.processes import processes
from seeding.ways import WAYS, Arm, Run, Seeds, branches, warm

PROCESSES: Final = "processes"
COUNTS: Final = (1, 2, 4, 8) if ON_GPU else (1, 2, 4)
WORTH_IT: Final = 1.3
ROUNDS: Final = 5


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--quick", action="store_true", help="a tiny network, for the test")
    parser.add_argument("--model", default="resnet18")
    parser.add_argument("--batch", type=int, default=32)
    parser.add_argument("--seconds", type=float, default=3.0, help="of each way and K")
    parser.add_argument("--seeds", type=int, nargs="+", help="numbers of them", metavar="K")
    parser.add_argument("--only", nargs="+", default=[], choices=[PROCESSES, *WAYS], metavar="WAY")
    given = parser.parse_args()
    case = Case(model="test_resnet", batch=8) if given.quick else Case(model=given.model, batch=given.batch)
    chosen = [name for name in (PROCESSES, *WAYS) if not given.only or name in given.only]
    machine = torch.cuda.get_device_name() if ON_GPU else f"CPU, {torch.get_num_threads()} threads"
    print(f"{case.name}, {machine}, torch {torch.__version__}; patches a second of all seeds: median (range, n)\n")
    print(
        "| way | K | patches/s in all | over processes | losses within | statistics within |\n|---|---|---|---|---|---|"
    )
    rates: dict[tuple[str, int], Rate] = {}
    for count in given.seeds or (COUNTS[:2] if given.quick else COUNTS):
        found = rows(case, chosen, count, 0.2 if given.quick else given.seconds)
        for name, (rate, cells) in found.items():
            rates[name, count] = rate
            ratio = over(rate, rates[PROCESSES, count])[1] if PROCESSES in found else ""
            print(f"| {name} | {count} | {rate} | {ratio} | {cells} |", flush=True)
    print(f"\n{verdict(rates)}")
    return 0


def rows(case: Case, chosen: list[str], count: int, seconds: float) -> dict[str, tuple[Rate, str]]:
    """Check ways with so many seeds, and time them in turn; return their rates, and what differed in the check."""
    differed, runs = {}, {}
    with ExitStack() as stack:
        for name in chosen:
            seeds = range(count)
            way = WAYS.get(name, branches)  # a process is a branch that is alone
            off = check(name, way, case, seeds[:1] if name == PROCESSES else seeds)
            differed[name] = " | ".join(f"{most:.1e}" for most in off)
            if name == PROCESSES:
                runs[name] = stack.enter_context(processes(case, count))
            else:
                runs[name] = run_of(name, warm(way, Arm(case), seeds))
        return {name: (rate, differed[name]) for name, rate in timed(runs, count * case.batch, seconds).items()}


def run_of(name: str, training: Seeds) -> Run:
    if ON_GPU and training.replay.is_eager:
        sys.exit(f"{name}: a CUDA graph cannot hold it; leave it out by --only")

    def run(steps: int) -> None:
        for _ in range(steps):
            training.step()
        synchronize()

    return run


def timed(runs: dict[str, Run], patches: int, seconds: float) -> dict[str, Rate]:
    """Patches a second of several, by rounds in turn: what else the machine does strikes all."""
    steps = {name: max(1, round(seconds / ROUNDS / spent(run, 1))) for name, run in runs.items()}
    rates: dict[str, list[float]] = {name: [] for name in runs}
    for turn in range(ROUNDS):
        for name in list(runs) if turn % 2 else reversed(runs):
            rates[name].append(steps[name] * patches / spent(runs[name], steps[name]))
    return {name: Rate(values=tuple(values)) for name, values in rates.items()}


def spent(run: Run, steps: int) -> float:
    began = time.perf_counter()
    run(steps)
    return time.perf_counter() - began


def over(rate: Rate, base: Rate) -> tuple[float, str]:
    """The median of the ratios of rounds, and with their range as text."""
    ratios = [value / other for value, other in zip(rate.values, base.values, strict=True)]
    return statistics.median(ratios), f"{statistics.median(ratios):.2f} ({min(ratios):.2f}-{max(ratios):.2f})"


def verdict(rates: dict[tuple[str, int], Rate]) -> str:
    """Whether the fastest way in one process is worth it."""
    apart = {count: rate.median for (name, count), rate in rates.items() if name == PROCESSES}
    together = {key: rate.median for key, rate in rates.items() if key[0] != PROCESSES and key[1] > 1}
    if not apart or not together:
        return "Nothing to compare: processes, or several seeds in one process, were left out."
    name, count = max(together, key=lambda key: together[key])
    best = max(apart, key=lambda key: apart[key])
    ratio = together[name, count] / apart[best]
    same, _ = over(rates[name, count], rates[PROCESSES, count])
    reaches = "reaches" if ratio >= WORTH_IT else "does not reach"
    return (
        f"Best in one process: {name} at K = {count}, {same:.2f} times {count} processes and {ratio:.2f} times the "
        f"best number of them ({best}): it {reaches} the {WORTH_IT} that would justify keeping it."
    )


if __name__ == "__main__":
    sys.exit(main())
