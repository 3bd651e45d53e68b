"""Model cards: every figure with its n and interval, limits that follow from the model, and no name that breaks out."""

from __future__ import annotations

from typing import Any

import pytest
from markdown_it import MarkdownIt

from raysat.reporting.format.model_card import model_card
from raysat.reporting.render.markdown import to_markdown
from tests.helpers.model_folder import typed
from tests.helpers.plugins import plugin_text, source_of_text, used

MEASURED = {
    "split": "test",
    "patches": 1234,
    "support": [1222, 12],
    "model": {
        "balanced_accuracy": {"value": 0.71234, "low": 0.65, "high": 0.77},
        "recall_water": {"value": 0.9},
        "recall_built": {"value": 0.5, "low": 0.25, "high": 0.75},
    },
    "seeds": {"balanced_accuracy": {"value": 0.7, "low": 0.6, "high": 0.8}},
    "n_seeds": 3,
    "rank": 2,
    "arms": 9,
}
FILES = [{"name": "weights-seed0.safetensors", "bytes": 1_500_000, "sha256": "0" * 64}]


def card(**changes: Any) -> str:
    return to_markdown(model_card(typed(**({"measured": MEASURED, "files": FILES} | changes))))


def test_it_says_what_was_measured_on_how_much() -> None:
    text = card(**{"origin.train": [500, 40]})
    for words in (
        "# tiny: plain",
        "On the test split, 1,234 patches, with 95 % intervals.",
        r"0.712 \[0.650, 0.770\]",
        r"0.700 \[0.600, 0.800\]",
        "a single seed (mean of 3)",
        "Rank 2 of 9 arms",
        "Landsat 8 and 9 OLI/TIRS",
        "sha256sum -c",
        "weights of seed 0",
        "1.5 MB",
        "0.655",  # µm, of B4
    ):
        assert words in text, words
    rows = [line.split("|") for line in text.splitlines() if line.startswith("|")]
    of_class = {
        row[2].strip(): [cell.strip() for cell in row[3:7]] for row in rows if row[2].strip() in ("water", "built")
    }
    assert of_class["water"] == ["500", "1,222", "0.900", "–"]
    assert of_class["built"] == ["40", "12", r"0.500 \[0.250, 0.750\]", "–"]
    assert "Fewer than 30 patches measure built:" in text
    assert "synthetic" not in text


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"origin.synthetic": True}, "The patches are simulated: no finding about real imagery can rest on them."),
        ({"origin.synthetic": True}, "# tiny: plain (synthetic data)"),
        ({"origin.generated": True}, "Patches that a generator made were among those"),
        ({"origin.reference": "table2"}, "Rawal & Pradhan 2020".replace("&", "&amp;")),
        ({"license": "CC-BY-4.0"}, "CC-BY-4.0."),
        ({"origin.kind": "droughtwatch"}, "The data, droughtwatch: code and labels: MIT"),
        ({"origin.kind": "droughtwatch"}, "Hobbs, A. and Svetlichnaya, S."),
        ({"license": None}, "Not stated: whoever hands the model on says it"),
        ({"config": {"loss": {"kind": "balanced_softmax"}}}, "those where all classes are equally common"),
        ({"config": {"loss": {"kind": "vector_scaling"}}}, "higher for these than their share"),
        ({"config": {"readout": {"kind": "prior"}}}, "those where all classes are equally common"),
        ({"config": {"readout": {"kind": "prior", "shares": [0.25, 0.75]}}}, "have the shares 0.25, 0.75"),
        ({"config": {"readout": {"kind": "logit_adjustment"}}}, "corrected towards equal classes"),
        ({"config": {"readout": {"kind": "thresholds"}}}, "moved by readout: thresholds"),
        ({"config": {"readout": {"kind": "temperature"}}}, "calibrated by one temperature"),
        ({"measured": MEASURED | {"n_seeds": 1}}, "One seed was trained"),
        ({"inputs.sensor": None}, "sensor: not named"),
        ({"inputs.pixel_size": 30.0}, "Pixels of 30 m."),
        ({"origin.train": None}, "How many it was trained on is not on record."),
        ({"config": {"model": {"name": "test_resnet", "pretrained": True}}}, "from ImageNet weights"),
    ],
)
def test_what_holds_of_some_models_is_said_of_them_alone(changes: dict[str, Any], said: str) -> None:
    assert said in card(**changes)
    if "license" not in changes and "origin.train" not in changes:
        assert said not in card()


def test_a_model_of_a_plugin_is_loaded_after_its_plugin() -> None:
    plain = card()
    assert "executes nothing" in plain
    assert "load_plugin" not in plain
    with used(source_of_text(plugin_text("loss"))) as plugin:
        text = card(**{"config.loss": {"kind": "own", "plugin": plugin.source.digest}})
    assert "executes nothing" not in text
    load = f'raysat.load_plugin("own.py")  # runs it; its content is {plugin.source.digest}\n'
    assert f'import raysat\n\n{load}model = raysat.load_model(".")  # this folder; checks every hash\n' in text
    assert f"needs the code of own.py ({plugin.source.digest}) too" in text


def test_without_figures_it_has_none() -> None:
    text = card(measured=None)
    assert "## Figures" not in text
    assert "## Limits" in text


def test_no_name_breaks_out_of_its_place() -> None:
    hostile = "<script>alert(1)</script> | `x` [a](http://b) \n# head"
    text = card(
        **{
            "classes": [hostile, "b"],
            "origin.study": hostile,
            "origin.arm": hostile,
            "origin.data": hostile,
            "origin.settings": [hostile],
            "origin.reference": "table2",
            "license": hostile,
            "inputs.sensor": "x | y",
            "versions": {hostile: hostile},
        }
    )
    html = MarkdownIt("gfm-like", {"linkify": False}).render(text)
    assert "<script" not in html
    assert "<a " not in html
    assert html.count("<h1>") == 1
    assert "<h1>head" not in html
    of_classes = html.partition("Classes in the order")[2].partition("</table>")[0]
    assert of_classes.count("<tr>") == 3, "a heading, and a row for each class"
    assert of_classes.count("<td") == 2 * 6
