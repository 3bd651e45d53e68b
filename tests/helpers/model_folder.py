"""Exported models made by hand: a manifest and files that need no training, and hashes written anew."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from raysat.storage.model_folder import ModelManifest

WEIGHTS = "weights-seed0.safetensors"


def manifest(**changes: Any) -> dict[str, Any]:
    """What ``model.json`` says of a tiny model, as JSON; ``a.b`` changes a value within another."""
    value: dict[str, Any] = {
        "format": 1,
        "raysat": "0.1.0",
        "classes": ["water", "built"],
        "inputs": {
            "bands": ["B4", "X"],
            "sensor": "landsat8",
            "height": 32,
            "width": 32,
            "dtype": "uint8",
            "stats": [{"mean": 50.0, "std": 10.0, "low": 0.0, "high": 255.0}] * 2,
        },
        "config": {"model": {"name": "test_resnet"}},
        "members": [{"seed": 0, "trial": "00000000000000aa", "weights": WEIGHTS}],
        "parameters": 372_000,
        "origin": {"study": "tiny", "arm": "plain", "data": "store", "ended": 1.75e9},
        "versions": {"torch": "2.9.0"},
        "files": [],
    }
    for path, change in changes.items():
        *within, key = path.split(".")
        place = value
        for name in within:
            place = place[name]
        place[key] = change
    return value


def typed(**changes: Any) -> ModelManifest:
    return ModelManifest.model_validate_json(json.dumps(manifest(**changes)))


def write_model_folder(folder: Path, files: Mapping[str, bytes], about: Mapping[str, Any] | None = None) -> Path:
    """Write files beside a manifest that names them, or says what it is told to, and hashes that fit."""
    folder.mkdir(parents=True, exist_ok=True)
    listed = [
        {"name": name, "bytes": len(content), "sha256": hashlib.sha256(content).hexdigest()}
        for name, content in files.items()
    ]
    for name, content in files.items():
        (folder / name).write_bytes(content)
    (folder / "model.json").write_text(json.dumps(about or manifest(files=listed)), encoding="utf-8")
    seal(folder)
    return folder


def seal(folder: Path) -> None:
    """Write hashes of all that is there, as somebody who changed it might."""
    names = sorted(file.name for file in folder.iterdir() if file.name != "SHA256SUMS")
    lines = [f"{hashlib.sha256((folder / name).read_bytes()).hexdigest()}  {name}\n" for name in names]
    (folder / "SHA256SUMS").write_text("".join(lines), encoding="utf-8")
