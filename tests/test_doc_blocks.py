"""Every command and every Python block of the README and the docs: run here, run by the test of its page, or parsed.

``tests/helpers/doc_pages.py`` says how for each page. What is not run says why: it trains for minutes, or needs a
bucket, a cluster or a network. It is parsed by the real command line then; commands of other tools are looked at by
``bash -n``. Studies that pages show are read.
"""

import importlib
import re
import shutil
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path
from types import ModuleType

import click
import numpy as np
import pytest

import raysat as api
from raysat.config.plugins.settings import METHODS
from raysat.config.plugins.source import read_source
from raysat.data.store import PatchStore
from tests.helpers import doc_worlds as worlds
from tests.helpers.doc_blocks import (
    SHELL,
    Block,
    blocks,
    commands,
    named_commands,
    page_names,
    parse,
    raysat_words,
    typed,
)
from tests.helpers.doc_pages import HERE, LANGUAGES, OTHERS, PAGES, PARSED, ways
from tests.helpers.doc_worlds import Small
from tests.helpers.paths import ROOT
from tests.helpers.plugins import used

pytestmark = pytest.mark.slow

EXAMPLES = sorted((ROOT / "examples" / "plugins").glob("*.py"))
SMALL = {"5000": "60", "$(seq -s, 1 17)": ",".join(map(str, range(1, 18)))}  # words of a page, and what is run
LONG = {"docs/paper.md", "docs/power.md"}  # draw every figure twice, thousands of studies for each command
RUN = {name: page for name, page in PAGES.items() if page.world}
SHELL_BLOCKS = [block for page in page_names() for block in blocks(page) if block.language in SHELL]
PYTHON_BLOCKS = [block for page in page_names() for block in blocks(page) if block.language == "python"]


@pytest.fixture(autouse=True)
def _forgotten() -> Iterator[None]:
    """Let no other test meet the plugins of a page."""
    yield
    METHODS.forget()


def test_every_page_is_in_the_table() -> None:
    assert set(page_names()) - set(PAGES) == set(), "say in PAGES how its commands are run"
    for name, page in PAGES.items():
        for test in {page.test, *page.python.values()} - {""}:
            file = Path(__file__) if test == HERE else ROOT / test
            assert Path(name).name in file.read_text(encoding="utf-8"), f"{test} does not speak of {name}"


def test_every_block_says_its_language() -> None:
    for page in sorted({*page_names()} - {"docs/cli.md"}):  # whose usage lines are click's
        assert {block.language for block in blocks(page)} <= LANGUAGES, page
        for block in blocks(page):
            if block.language == "":
                assert not re.search(r"^(?:raysat|pip|python3?) ", block.text, flags=re.MULTILINE), (
                    f"{block.name}: a command"
                )


def test_every_study_of_a_page_can_be_read(tmp_path: Path) -> None:
    shown = [block for page in page_names() for block in blocks(page) if block.language == "yaml"]
    studies = [block for block in shown if block.text.startswith("study:")]
    assert len(studies) >= 8
    one, other = (read_source(file) for file in EXAMPLES)
    with used(one), used(other):
        for block in studies:
            (tmp_path / "study.yaml").write_text(block.text, encoding="utf-8")
            assert api.load_study(tmp_path / "study.yaml").arms, block.name


def test_every_command_is_run_parsed_or_another_tools(capsys: pytest.CaptureFixture[str]) -> None:
    counts: Counter[str] = Counter()
    known = {name for names in OTHERS.values() for name in names.split()}
    for block in SHELL_BLOCKS:
        for words, way in ways(block):
            counts[way] += 1
            if way == "run":
                assert PAGES[block.page].world, f"{block.name}: nowhere to run {words}"
            if way == "syntax":
                assert words[0] in known, f"{block.name}: {words[0]} is new here"
    for block in PYTHON_BLOCKS:
        way = PAGES[block.page].python.get(block.number, "compiled" if PAGES[block.page] is PARSED else "")
        assert way, f"{block.name}: say in PAGES what runs this Python"
        counts["Python run" if way != "compiled" else "Python compiled"] += 1
    counts["named in prose, parsed"] = sum(len(named_commands(page)) for page in page_names())
    with capsys.disabled():
        sys.stdout.write("\n" + "".join(f"{number:5} {way}\n" for way, number in sorted(counts.items())))
    assert counts["run"] > 50, "the pages' commands are mostly run"


@pytest.mark.parametrize("block", SHELL_BLOCKS, ids=lambda block: block.name)
def test_shell_and_options_are_right(block: Block) -> None:
    done = subprocess.run(["bash", "-n"], input=block.text, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    for words in commands(block.text):
        given = raysat_words(words)
        if given is not None:
            parse(given)


def test_commands_after_a_prompt_are_right() -> None:
    shown = [words for page in page_names() for block in blocks(page) for words in typed(block)]
    given = [words for each in shown if (words := raysat_words(each)) is not None]
    assert given, "the README shows one"
    for words in given:
        parse(words)


@pytest.mark.parametrize("page", sorted({*page_names()} - {"CHANGELOG.md"}))  # which speaks of what was
def test_commands_in_prose_exist(page: str) -> None:
    for command in named_commands(page):
        (words,) = commands(command)
        parse(words[1:], whole=False)


def test_a_wrong_option_a_wrong_command_and_a_missing_option_are_found() -> None:
    for words in (
        ["plan", "--spce", "x"],
        ["plann"],
        ["plan"],
        ["ablate", "--space", "x", "--epochs", "many"],
        ["data"],
    ):
        with pytest.raises((click.UsageError, api.RaysatError)):
            parse(words)
    parse(["plan"], whole=False)
    assert commands("A=1 raysat plan --all \\\n  --x 'a#b' && b > c  # d") == [
        ["raysat", "plan", "--all", "--x", "a#b"],
        ["b"],
    ]
    assert raysat_words(["ray", "job", "submit", "--", "raysat", "plan"]) == ["plan"]
    assert raysat_words(["docker", "build", "registry/raysat"]) is None


@pytest.fixture(scope="module", name="small")
def _small(tmp_path_factory: pytest.TempPathFactory, landsat_store: PatchStore) -> Small:
    return Small(tmp_path_factory.mktemp("docs"), landsat_store)


@pytest.mark.slow
@pytest.mark.parametrize(
    "name", [pytest.param(name, marks=[pytest.mark.long] * (name in LONG)) for name in sorted(RUN)]
)
def test_the_commands_of_a_page(name: str, raysat, small: Small, tmp_path, monkeypatch) -> None:
    page = RUN[name]
    page.world(tmp_path, small)
    monkeypatch.chdir(tmp_path)
    for block in blocks(name):
        if block.language == "python" and name == "docs/data.md":  # the others have tests of their own, below
            execute(block, monkeypatch)
        for words, way in ways(block) if block.language in SHELL else ():
            if way == "run":
                if words[:2] in (["data", "import"], ["data", "synth"]):  # the page has alternatives
                    shutil.rmtree(words[words.index("--out") + 1], ignore_errors=True)
                given = [SMALL.get(word, word) for word in words]
                done = raysat(*given)
                assert done.code == 0, f"{block.name}: raysat {' '.join(given)}\n{done.out}\n{done.err}"


def execute(block: Block, monkeypatch: pytest.MonkeyPatch, **names: object) -> dict[str, object]:
    """Run a block of Python where the test is; return its names."""
    code = compile(block.text, block.name, "exec")
    if "h5py" in block.text:
        monkeypatch.setitem(sys.modules, "h5py", so2sat())
    if "torchgeo" in block.text and find_spec("torchgeo") is None:
        monkeypatch.setitem(sys.modules, "torchgeo.datasets", torchgeo())
    exec(code, names)  # noqa: S102  (a page's own)
    return names


def so2sat() -> ModuleType:
    """What h5py would read of So2Sat: images, and labels one-hot."""
    rng = np.random.default_rng(0)

    def file(_: str) -> dict[str, np.ndarray]:
        labels = np.arange(34) % 17
        return {"label": np.eye(17)[labels], "sen2": rng.random((34, 32, 32, 10), np.float32)}

    module = ModuleType("h5py")
    module.File = file  # type: ignore[attr-defined]
    return module


def torchgeo() -> ModuleType:
    """What the page's class is made of, where torchgeo is not installed: tests/data/exporters has it read a layout."""
    module = ModuleType("torchgeo.datasets")
    module.EuroSAT = type("EuroSAT", (), {"splits": ("train", "val", "test")})  # type: ignore[attr-defined]
    return module


def python_block(page: str, number: int) -> Block:
    return next(block for block in blocks(page) if (block.number, block.language) == (number, "python"))


def test_the_python_of_scenes(small: Small, tmp_path, monkeypatch) -> None:
    worlds.chips(tmp_path, small)
    monkeypatch.chdir(tmp_path)
    names = execute(python_block("docs/scenes.md", 1), monkeypatch)
    assert names["places"].scenes[0].crs == "EPSG:32635"


@pytest.mark.slow
def test_the_python_of_the_api(small: Small, tmp_path, monkeypatch, ray_session, capsys) -> None:
    monkeypatch.chdir(tmp_path)
    load, plan = api.load_study, api.plan
    monkeypatch.setattr(api, "load_study", lambda file, **given: load(file, **given | {"epochs": 2}))
    monkeypatch.setattr(api, "plan", lambda study, _: plan(study, small.store.path))
    execute(python_block("docs/python.md", 0), monkeypatch)
    assert (tmp_path / "trials.parquet").is_file()
    assert (tmp_path / "reports" / "quickstart" / "report.html").is_file()
    assert "loss=ldam" in capsys.readouterr().out


@pytest.mark.slow
def test_the_python_of_the_package(small: Small, tmp_path, monkeypatch, ray_session, capsys) -> None:
    monkeypatch.chdir(tmp_path)
    load, plan = api.load_study, api.plan
    monkeypatch.setattr(api, "load_study", lambda name, **given: load(name, **given | {"epochs": 1}))
    monkeypatch.setattr(api, "plan", lambda study: plan(study, small.store.path))
    monkeypatch.setattr(api, "ablate", lambda study: ablate(plan(study, small.store.path)))
    ablate = importlib.import_module("raysat.api.ablation").ablate
    execute(python_block("PACKAGE.md", 1), monkeypatch)
    assert "LDAM" in capsys.readouterr().out


@pytest.mark.long
def test_the_python_of_places(small: Small, tmp_path, monkeypatch, ray_session, capsys) -> None:
    worlds.fields(tmp_path, small)
    monkeypatch.chdir(tmp_path)
    names = execute(python_block("docs/places.md", 3), monkeypatch)
    assert len(names["runs"]) == 5
    assert "LDAM" in capsys.readouterr().out


@pytest.mark.long
def test_the_python_of_models(small: Small, tmp_path, monkeypatch) -> None:
    worlds.open_model(tmp_path, small)
    monkeypatch.chdir(tmp_path)
    names: dict[str, object] = {"patches": small.store.images[:5]}
    said = []
    for number in (1, 2):
        names = execute(python_block("docs/models.md", number), monkeypatch, **names)
        said.append(np.asarray(names["probabilities"].detach() if number == 2 else names["probabilities"]))
    names = execute(python_block("docs/models.md", 3), monkeypatch, **names)
    said.append(names["model"].predict(names["patches"]))
    for each in said:
        np.testing.assert_allclose(each, said[0], atol=1e-5)
