"""Checkpoints: whole or not there, deleted when nobody needs them."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from raysat.errors import StorageError
from raysat.storage.checkpoints import Checkpoints

S1, S2, S3, S7, S9 = (digit * 16 for digit in "12379")


@pytest.fixture(name="kept")
def _kept(tmp_path: Path) -> Checkpoints:
    kept = Checkpoints(tmp_path)
    for state in (S1, S2, S3):
        kept.write(state, f"content of {state}".encode())
    return kept


def test_what_was_written_is_read(kept: Checkpoints) -> None:
    assert kept.read(S2) == b"content of 2222222222222222"
    assert kept.read(S9) is None


@pytest.mark.parametrize("keep", [0, 10, 32, 40])
def test_a_truncated_one_is_as_if_it_were_not_there(kept: Checkpoints, keep: int) -> None:
    file = kept.root / S3
    file.write_bytes(file.read_bytes()[:keep])
    assert kept.read(S3) is None
    assert not kept.is_whole(S3)
    assert kept.is_whole(S2)
    kept.write(S3, b"again")
    assert kept.read(S3) == b"again"


@given(data=st.data())
def test_any_changed_byte_is_noticed(data: st.DataObject) -> None:
    import tempfile

    with tempfile.TemporaryDirectory() as folder:
        kept = Checkpoints(Path(folder))
        kept.write(S1, data.draw(st.binary(max_size=64)))
        sealed = bytearray((kept.root / S1).read_bytes())
        at = data.draw(st.integers(0, len(sealed) - 1))
        sealed[at] ^= data.draw(st.integers(1, 255))
        (kept.root / S1).write_bytes(bytes(sealed))
        assert kept.read(S1) is None


def test_what_nobody_needs_is_swept_up(kept: Checkpoints) -> None:
    (kept.root / ".s4-0123abcd.partial").write_bytes(b"half")
    kept.sweep({S2, S7})
    assert list(kept.names()) == [S2]
    assert (kept.root / ".s4-0123abcd.partial").exists(), "it may be in the writing"
    kept.tidy()
    assert [file.name for file in kept.root.iterdir()] == [S2]
    kept.drop(S2)
    kept.drop(S2)
    assert list(kept.names()) == []


def test_files_of_others_stay(kept: Checkpoints) -> None:
    for name in ("plan.json", "a copy of 1", "README"):
        (kept.root / name).write_text("not ours", encoding="utf-8")
    kept.sweep(set())
    assert sorted(file.name for file in kept.root.iterdir()) == ["README", "a copy of 1", "plan.json"]


def test_a_run_without_any(tmp_path: Path) -> None:
    none = Checkpoints(tmp_path)
    none.sweep(set())
    none.tidy()
    assert list(none.names()) == []
    assert not none.root.exists()


def test_a_state_names_no_path(kept: Checkpoints) -> None:
    with pytest.raises(StorageError, match="cannot name"):
        kept.write("../out", b"")
