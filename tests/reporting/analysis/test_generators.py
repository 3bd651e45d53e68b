"""What a report reads of the generators beside its runs."""

from __future__ import annotations

from dataclasses import replace

from raysat.reporting.analysis.analyze import analyze
from raysat.reporting.analysis.generators import read_generators
from raysat.reporting.format.numbers import quality
from raysat.storage.artifacts import FOLDER
from tests.helpers.report import with_generator


def test_the_last_sheet_is_that_of_the_last_step(make_run, tmp_path):
    ledger = make_run({"a": (0.9, 0.5, 0.5, 0.4)})
    findings = analyze([ledger.root])
    (generator,) = with_generator(findings, tmp_path / "drawn.png").generators
    folder = ledger.root.resolve().parent / FOLDER / "a"
    folder.mkdir(parents=True)
    (folder / "record.json").write_text(generator.record.model_dump_json(), encoding="utf-8")
    board = replace(findings.board, generators=("a", "gone"))
    (alone,) = read_generators(board, [ledger])
    assert alone.picture == b""
    for name in ("samples-00500.png", "samples-90000.png", "samples-120000.png", "samples-mine.png"):
        (folder / name).write_bytes(b"\x89PNG" + name.encode())
    (found,) = read_generators(board, [ledger])
    assert found.record == generator.record
    assert found.picture == b"\x89PNGsamples-120000.png"
    (folder / "samples-120000.png").write_bytes(b"<script>")
    assert found.picture == b"", "what is no picture is not put into a page"


def test_figures_without_a_value_are_dashes_and_zero_has_no_sign():
    values = (None, float("nan"), -0.0001, -1.5, 0.12345)
    assert [quality(value) for value in values] == ["–", "–", "0.000", "−1.500", "0.123"]
