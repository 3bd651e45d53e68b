"""How the commands and the Python of each page are tried: run, run by the test of the page, or parsed."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from tests.helpers import doc_worlds as worlds
from tests.helpers.doc_blocks import SHELL, Block, commands, raysat_words
from tests.helpers.doc_worlds import World, runs, study

BUCKET = "needs a bucket: tests/execution/test_object_runs.py"
CLUSTER = "needs a cluster: tests/deploy, tests/hosts"
DOCTOR = "is right or wrong by machine: tests/cli/test_doctor.py"
DOWNLOAD = "downloads gigabytes: tests/cli/test_download.py"
EXPORT = "takes half a minute: tests/cli/test_export.py"
TRACKS = "has no tracker here: tests/tracking, tests/cli/test_track.py"
TRAINS = "trains for minutes: tests/study/test_shipped_studies.py, tests/cli/test_main.py"
WATCHES = "goes on until it is stopped: tests/cli/test_signals.py"
LANGUAGES = {"", *SHELL, "csv", "dockerfile", "ini", "json", "latex", "mermaid", "python", "text", "toml", "yaml"}
OTHERS = {  # tools that are not raysat's, and why their commands are not run here
    "what sets raysat up, as .ci/run does": "curl pip python python3 source .venv/bin/pip .venv/bin/pytest "
    ".venv/bin/ruff .venv/bin/mypy .venv/bin/lint-imports .venv/bin/mkdocs mkdocs mypy ruff uv pipx conda podman "
    "cat cd ln",
    "clouds and clusters": "aws docker export mkdir grafana kubectl printf prometheus ray ssh umask",
    "trackers and shells, whose commands their pages' own tests run": "mlflow tensorboard wandb eval man pdflatex jq",
}


@dataclass(frozen=True)
class Page:
    """How the blocks of a page are run."""

    world: World | None = None  # commands are run in a folder that it fills, in order
    parsed: Mapping[str, str] = field(default_factory=dict)  # but those that begin so, and why
    test: str = ""  # what runs all of its shell blocks
    python: Mapping[int, str] = field(default_factory=dict)  # what runs a block of Python, or "here"


TUTORIAL = Page(test="tests/test_tutorial.py")
HERE = "here"
PARSED = Page(parsed={"": "the page's own tests run its commands"})
PAGES = {
    "CHANGELOG.md": Page(),
    "CONTRIBUTING.md": Page(),
    "PACKAGE.md": Page(parsed={"": "the wheel's tests: tests/test_packaging.py"}, python={1: HERE}),
    "README.md": Page(worlds.scenes, {"ablate": TRAINS, "export": EXPORT, "report": "is docs/read-a-report.md's"}),
    "SECURITY.md": Page(),
    "docs/api.md": Page(),
    "docs/architecture.md": Page(),
    "docs/board.md": PARSED,
    "docs/cli.md": PARSED,
    "docs/cluster.md": Page(parsed={"": CLUSTER}),
    "docs/configuration.md": Page(),
    "docs/data-sets.md": Page(worlds.reports),
    "docs/data.md": Page(
        worlds.data,
        {"data download": DOWNLOAD, "report": "needs EuroSAT's classes: tests/reporting/analysis/test_benchmarks.py"},
        python={2: HERE, 6: HERE},
    ),
    "docs/doctor.md": Page(),
    "docs/eurosat.md": Page(test="tests/test_eurosat_page.py"),
    "docs/explanations.md": Page(runs("table2")),
    "docs/extend.md": Page(
        worlds.extending, {"ablate": TRAINS}, python=dict.fromkeys((0, 3, 5, 6), "tests/test_extend_page.py")
    ),
    "docs/fair-baselines.md": Page(study("docs/fair-baselines.md", "losses.yaml", "losses"), {"ablate": TRAINS}),
    "docs/gpu.md": Page(parsed={"doctor": DOCTOR, "plan": "measures a GPU: tests/gpu", "ablate": TRAINS}),
    "docs/index.md": Page(),
    "docs/install.md": PARSED,
    "docs/json.md": Page(test="tests/test_json_page.py"),
    "docs/maps.md": Page(worlds.scenes),
    "docs/methods/augmentation.md": Page(
        study("docs/methods/augmentation.md", "augmentation.yaml"), {"ablate": TRAINS}
    ),
    "docs/methods/checks.md": Page(),
    "docs/methods/losses-and-sharpness.md": Page(study("docs/methods/losses-and-sharpness.md", "losses.yaml")),
    "docs/methods/modern.md": Page(runs("quickstart"), {"ablate": TRAINS, "report": "is docs/read-a-report.md's"}),
    "docs/methods/ordinal.md": Page(),
    "docs/methods/readouts.md": Page(
        study("docs/methods/readouts.md", "readouts.yaml"),
        {"ablate": TRAINS, "report": "is docs/read-a-report.md's"},
    ),
    "docs/methods/second-stages.md": Page(study("docs/methods/second-stages.md", "stages.yaml"), {"ablate": TRAINS}),
    "docs/methods/weights.md": Page(),
    "docs/methods/generators.md": Page(),
    "docs/metrics.md": Page(parsed={"cluster metrics": "tests/deploy/test_metrics.py"}),
    "docs/models.md": Page(parsed={"export": EXPORT}, python={1: HERE, 2: HERE, 3: HERE}),
    "docs/paper.md": Page(runs("quickstart"), {"ablate": TRAINS}),
    "docs/places.md": Page(worlds.fields, python={3: HERE}),
    "docs/power.md": Page(study("docs/study.md", "study.yaml", "pilot")),
    "docs/python.md": Page(python={0: HERE}),
    "docs/read-a-report.md": Page(worlds.reports, {"ablate": TRAINS}),
    "docs/robustness.md": Page(worlds.scenes, {"evaluate runs/quickstart --corruptions": "takes fifty passes a model"}),
    "docs/runs.md": Page(
        runs("table2"), {"status s3:": BUCKET, "report s3:": BUCKET, "ablate": BUCKET, "ledger copy s3:": BUCKET}
    ),
    "docs/scale.md": Page(),
    "docs/scenes.md": Page(worlds.chips, python={1: HERE}),
    "docs/speed.md": Page(),
    "docs/storage.md": Page(),
    "docs/study.md": Page(
        study("docs/study.md", "study.yaml"),
        {"ablate": TRAINS, "plan --space study.yaml --data STORE --estimate": "takes steps of a whole ResNet-18"},
    ),
    "docs/synthetic.md": Page(parsed={"generate": "trains: tests/cli/test_generate.py"}),
    "docs/trackers.md": Page(parsed={"ablate": TRACKS, "tune": TRACKS, "track": TRACKS}),
    "docs/tune.md": Page(parsed={"tune": TRAINS, "ablate": TRAINS}),
    "docs/tutorial.md": TUTORIAL,
    "docs/until-decided.md": Page(study("docs/until-decided.md", "losses.yaml"), {"ablate": TRAINS}),
    "docs/why.md": Page(),
}


def ways(block: Block) -> list[tuple[list[str], str]]:
    """Each command of a shell block, and how it is tried: run, by a test, parsed or syntax."""
    page = PAGES[block.page]
    found = []
    for words in commands(block.text):
        given = raysat_words(words)
        if page.test and block.language == "bash":
            found.append((words, page.test))
        elif given is None:
            found.append((words, "syntax"))
        elif not page.test and why_not(page, given) is None:
            found.append((given, "run"))
        else:
            found.append((given, "parsed"))
    return found


def why_not(page: Page, words: list[str]) -> str | None:
    """Why a command is parsed alone; None where it is run."""
    if words[-1] == "--watch":
        return WATCHES
    said = [why for begins, why in page.parsed.items() if " ".join(words).startswith(begins)]
    return said[0] if said else None
