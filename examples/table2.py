"""Table 2 of Rawal & Pradhan 2020 through the Python API: plan, train, report, and the numbers as frames.

    python examples/table2.py --data STORE                       # the study as it ships
    python examples/table2.py --epochs 3 --seeds 1               # minutes on a laptop, on synthetic patches

The same call again trains only what is missing.
"""

import argparse
from pathlib import Path

from rich.console import Console

import raysat


def main() -> None:
    """Do what the options ask for."""
    options = _options()
    overrides = {"model.name": options.model} if options.model else {}
    study = raysat.load_study("table2", overrides=overrides, epochs=options.epochs, seeds=options.seeds)

    plan = raysat.plan(study, options.data)
    print(plan)

    run = raysat.ablate(plan, out=options.out / "runs", on_event=raysat.RunView(Console(soft_wrap=True)))
    report = raysat.report(run, out=options.out / "report")
    print()
    print(report)

    differences = report.differences().xs(("baseline", "balanced_accuracy"), level=("to", "metric"))
    print("\nBalanced accuracy minus that of the baseline, with 95 % intervals:\n")
    print(differences.round(3).to_string())
    print(f"\nwrote {len(report.files)} files to {options.out / 'report'}")


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="Table 2 of Rawal & Pradhan 2020: train its arms, report what helps.")
    parser.add_argument("--data", default="demo", help="a patch store; by default synthetic patches")
    parser.add_argument("--epochs", type=int, help="epochs of every arm; by default the study's 40")
    parser.add_argument("--seeds", type=int, help="run the first so many of the study's three seeds")
    parser.add_argument("--model", help="any timm model; by default the study's resnet18")
    parser.add_argument("--out", type=Path, default=Path("table2"), help="folder of the run and its report")
    return parser.parse_args()


if __name__ == "__main__":
    main()
