"""The user's token for clusters is taken away from others."""

from pathlib import Path

import pytest

from raysat.execution.user_token import keep_token_private


def mode(path: Path) -> int:
    return path.stat().st_mode & 0o777


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.delenv("RAY_AUTH_TOKEN_PATH", raising=False)
    return tmp_path


def test_the_token_and_its_folder_as_ray_makes_them(home: Path) -> None:
    folder, token = home / ".ray", home / ".ray" / "auth_token"
    folder.mkdir(mode=0o755)
    token.write_text("secret", encoding="ascii")
    token.chmod(0o644)
    keep_token_private()
    assert (mode(folder), mode(token)) == (0o700, 0o600)
    assert token.read_text(encoding="ascii") == "secret"


def test_without_a_token_nothing_is_made(home: Path) -> None:
    keep_token_private()
    assert not list(home.iterdir())


def test_a_token_elsewhere_leaves_its_folder(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    token = home / "token"
    token.touch(mode=0o644)
    home.chmod(0o755)
    monkeypatch.setenv("RAY_AUTH_TOKEN_PATH", str(token))
    keep_token_private()
    assert (mode(home), mode(token)) == (0o755, 0o600)


def test_a_symlink_is_not_followed(home: Path) -> None:
    other = home / "other"
    other.touch()
    other.chmod(0o644)
    (home / ".ray").mkdir()
    (home / ".ray" / "auth_token").symlink_to(other)
    keep_token_private()
    assert mode(other) == 0o644
