"""Event files, read back by TensorBoard itself and compared with what is on record."""

from __future__ import annotations

import struct
import zlib
from pathlib import Path
from typing import Any

import pytest
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator
from tensorboard.plugins.hparams.plugin_data_pb2 import HParamsPluginData

from raysat.errors import TrackerError
from raysat.tracking.models import Point, RunFile
from raysat.tracking.source import Source
from raysat.tracking.tensorboard import TensorBoard
from tests.helpers.report_fixtures import MakeRun
from tests.tracking.test_source import ARMS

HOSTILE = "../../é / \x1b[31m \u202e.. " + "x" * 400


def read(folder: Path) -> EventAccumulator:
    found = EventAccumulator(str(folder), size_guidance={"scalars": 0, "tensors": 0, "images": 0})
    return found.Reload()


def scalars(found: EventAccumulator, tag: str) -> list[tuple[int, float]]:
    return [(event.step, event.value) for event in found.Scalars(tag)]


def folders(folder: Path) -> list[Path]:
    return sorted({file.parent for file in folder.rglob("*tfevents*")})


def test_curves_and_metrics_are_those_on_record(make_run: MakeRun, tmp_path: Path) -> None:
    ledger = make_run(ARMS, seeds=(0, 1))
    source, tracker = Source(ledger.root), TensorBoard(tmp_path / "board")
    heads = source.look().heads
    for head in heads:
        tracker.send(source.trial(head))
    assert [folder.relative_to(tmp_path / "board").as_posix() for folder in folders(tmp_path)] == sorted(
        f"{head.arm}/seed-{head.seed}-{head.id}" for head in heads
    )
    for head in heads:
        found = read(tmp_path / "board" / head.arm / f"seed-{head.seed}-{head.id}")
        for column in ("loss", "balanced_accuracy"):
            expected = [
                (int(row["epoch"]), pytest.approx(row[column], rel=1e-6)) for row in ledger.read_history(head.id)
            ]
            assert scalars(found, f"curve/{column}") == expected
        metrics = ledger.read(head.id).metrics["test"]
        assert scalars(found, "test/balanced_accuracy") == [(3, pytest.approx(metrics.balanced_accuracy, rel=1e-6))]
        assert scalars(found, "test/recall/forest") == [(3, pytest.approx(metrics.recall[3], rel=1e-6))]
        content = found.SummaryMetadata("_hparams_/session_start_info").plugin_data.content
        hparams = HParamsPluginData.FromString(content).session_start_info.hparams
        assert hparams["optim.lr"].number_value == ledger.read_spec(head.id).settings["optim"]["lr"]
        assert hparams["arm"].string_value == head.arm
        (about,) = found.Tensors("about/text_summary")
        assert b"version.torch" in about.tensor_proto.string_val[0]


def test_what_is_there_is_not_written_again(make_run: MakeRun, tmp_path: Path) -> None:
    source = Source(make_run(ARMS, seeds=(0,)).root)
    head = source.look().heads[0]
    for _ in range(2):
        TensorBoard(tmp_path).send(source.trial(head))
    (file,) = tmp_path.glob("plain/*/*tfevents*")
    assert len(scalars(read(file.parent), "curve/loss")) == 3


def test_the_file_that_grows_is_read_meanwhile_and_the_whole_takes_its_place(make_run: MakeRun, tmp_path: Path) -> None:
    source, tracker = Source(make_run(ARMS, seeds=(0,)).root), TensorBoard(tmp_path)
    head = source.look().heads[0]
    for epoch in (1, 2):
        tracker.live(head, Point(epoch=epoch, balanced_accuracy=0.25, icv=0.5))
    (folder,) = folders(tmp_path)
    before = read(folder)  # as a TensorBoard that runs
    assert scalars(before, "curve/icv") == [(1, 0.5), (2, 0.5)]
    tracker.send(source.trial(head))
    tracker.close()
    expected = [(row["epoch"], pytest.approx(row["balanced_accuracy"])) for row in source.ledger.read_history(head.id)]
    for found in (before.Reload(), read(folder)):
        assert scalars(found, "curve/balanced_accuracy") == expected


def test_an_arm_may_be_called_anything(make_run: MakeRun, tmp_path: Path) -> None:
    source = Source(make_run({HOSTILE: ARMS["plain"], "CON": ARMS["plain"]}, seeds=(0,)).root)
    tracker = TensorBoard(tmp_path / "board")
    for head in source.look().heads:
        tracker.send(source.trial(head))
    found = folders(tmp_path)
    assert len(found) == 2
    for folder in found:
        parts = folder.relative_to(tmp_path / "board").parts
        assert len(parts) == 2
        assert all(part.isascii() and part.isprintable() and len(part) < 120 for part in parts)


def png() -> bytes:
    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    header = struct.pack(">IIBBBBB", 3, 2, 8, 0, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(bytes(8))) + chunk(b"IEND", b"")


def test_the_report_is_text_and_images(tmp_path: Path) -> None:
    files = [
        RunFile(path="leaderboard.md", content="1. ldam, é".encode()),
        RunFile(path="report/figures/forest.png", content=png()),
        RunFile(path="report/report.json", content=b"{}"),
    ]
    for _ in range(2):
        TensorBoard(tmp_path).files("table2", files)
    (folder,) = folders(tmp_path)
    found: Any = read(folder)
    (text,) = found.Tensors("leaderboard.md/text_summary")
    assert text.tensor_proto.string_val[0].decode() == "1. ldam, é"
    (image,) = found.Images("report/figures/forest.png")
    assert (image.width, image.height, image.encoded_image_string) == (3, 2, png())


def test_a_folder_that_cannot_be_written(make_run: MakeRun, tmp_path: Path) -> None:
    source = Source(make_run(ARMS, seeds=(0,)).root)
    (tmp_path / "board").write_text("a file")
    with pytest.raises(TrackerError, match="cannot be written"):
        TensorBoard(tmp_path / "board").send(source.trial(source.look().heads[0]))
