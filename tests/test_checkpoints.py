"""Checkpoints: whole or not there, deleted when nobody needs them."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from raysat.checkpoints import Checkpoints
from raysat.errors import LedgerError


@pytest.fixture(name="kept")
def _kept(tmp_path: Path) -> Checkpoints:
    kept = Checkpoints(tmp_path)
    for state in ("s1", "s2", "s3"):
        kept.write(state, f"content of {state}".encode())
    return kept


def test_the_first_whole_one_is_read(kept: Checkpoints) -> None:
    assert kept.read(["s9", "s2", "s1"]) == ("s2", b"content of s2")
    assert kept.read(["s9"]) is None
    assert kept.read([]) is None


@pytest.mark.parametrize("keep", [0, 10, 32, 40])
def test_a_truncated_one_is_passed_over(kept: Checkpoints, keep: int) -> None:
    file = kept.root / "s3"
    file.write_bytes(file.read_bytes()[:keep])
    assert kept.read(["s3", "s2"]) == ("s2", b"content of s2")
    assert not kept.is_whole("s3")
    assert kept.is_whole("s2")
    kept.write("s3", b"again")
    assert kept.read(["s3"]) == ("s3", b"again")


@given(data=st.data())
def test_any_changed_byte_is_noticed(data: st.DataObject) -> None:
    import tempfile

    with tempfile.TemporaryDirectory() as folder:
        kept = Checkpoints(Path(folder))
        kept.write("s", data.draw(st.binary(max_size=64)))
        sealed = bytearray((kept.root / "s").read_bytes())
        at = data.draw(st.integers(0, len(sealed) - 1))
        sealed[at] ^= data.draw(st.integers(1, 255))
        (kept.root / "s").write_bytes(bytes(sealed))
        assert kept.read(["s"]) is None


def test_what_nobody_needs_is_swept_up(kept: Checkpoints) -> None:
    (kept.root / ".s4-0123abcd.partial").write_bytes(b"half")
    kept.sweep({"s2", "s7"})
    assert list(kept.names()) == ["s2"]
    assert (kept.root / ".s4-0123abcd.partial").exists(), "it may be in the writing"
    kept.tidy()
    assert [file.name for file in kept.root.iterdir()] == ["s2"]
    kept.drop("s2")
    kept.drop("s2")
    assert list(kept.names()) == []


def test_a_run_without_any(tmp_path: Path) -> None:
    none = Checkpoints(tmp_path)
    none.sweep(set())
    none.tidy()
    assert list(none.names()) == []
    assert not none.root.exists()


def test_a_state_names_no_path(kept: Checkpoints) -> None:
    with pytest.raises(LedgerError, match="cannot name"):
        kept.write("../out", b"")
