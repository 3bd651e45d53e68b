"""Mutations that keep a format's outer form, so that what lies deeper is met too: one function a format."""

from __future__ import annotations

import ast
import io
import json
import pickle
import random
import struct
import zipfile
from collections.abc import Callable
from typing import Any, Final

import crc32c

from fuzzing.values import NUMBERS, TEXTS, mutate_tree, scalar, value

Mutation = Callable[[random.Random, bytes], bytes]

_WORDS: Final = (b"\0", b"\xff", b"\xff\xff\xff\xff", b"\x7f", b"PK\3\4", b"\x80\x04.", b"\x1f\x8b\x08", b"\n", b",")


class Trap:
    """A pickle that leaves a mark where it is opened: no reader of raysat may."""

    def __init__(self, mark: str) -> None:
        self._mark = mark

    def __reduce__(self) -> tuple[Any, tuple[str, str]]:
        """Make the mark."""
        return open, (self._mark, "w")


def mutate_bytes(rng: random.Random, content: bytes) -> bytes:
    """Flip, cut, double, move or insert a few bytes."""
    data = bytearray(content)
    for _ in range(rng.choice((1, 1, 1, 2, 5))):
        at = rng.randrange(len(data) + 1)
        length = min(rng.choice((1, 2, 4, 8, 64, 1024)), len(data) - at)
        match rng.randrange(6):
            case 0 if length:
                data[at] ^= 1 << rng.randrange(8)
            case 1:
                del data[at : at + length]
            case 2:
                data[at:at] = data[at : at + length]
            case 3:
                data[at : at + length] = rng.randbytes(length)
            case 4:
                data[at:at] = rng.choice(_WORDS)
            case _:
                del data[at:]
    return bytes(data)


def mutate_json(rng: random.Random, content: bytes) -> bytes:
    """Change one place of a JSON file, sometimes its nesting or its text."""
    chance = rng.random()
    if chance < 0.08:
        return mutate_bytes(rng, content)
    if chance < 0.1:
        depth = rng.choice((150, 250, 1000, 100_000))
        return rng.choice((b"[" * depth, b'{"a":' * depth, b"[" * depth + b"]" * depth))
    tree = json.loads(content)
    for _ in range(rng.choice((1, 1, 1, 2, 4))):
        tree = mutate_tree(rng, tree)
    return _dump(tree).encode("utf-8", "surrogatepass")


def mutate_yaml(rng: random.Random, content: bytes) -> bytes:
    """Change a line of a YAML file, or a value in it."""
    lines = content.decode().splitlines()
    for _ in range(rng.choice((1, 1, 2, 3))):
        at = rng.randrange(len(lines))
        key, colon, rest = lines[at].partition(":")
        match rng.randrange(8):
            case 0 | 1 | 2 if colon:
                lines[at] = f"{key}: {_yaml_value(rng)}"
            case 3:
                lines[at] = " " * rng.choice((1, 2, 3, 4)) + lines[at]
            case 4:
                del lines[at : at + rng.choice((1, 1, 1, 5))]
            case 5:
                lines.insert(at, rng.choice(lines) if lines else "x")
            case 6:
                lines[at] = lines[at].replace(rng.choice("{}[]:,-'\" "), rng.choice("{}[]:,-'\"\t &*!|>%@`?"), 1)
            case _:
                lines[at] = f"{key}: {{{scalar(rng)!r}: {_yaml_value(rng)}}}{rest}" if colon else _yaml_value(rng)
        lines = lines or ["x"]
    text = "\n".join(lines)
    return mutate_bytes(rng, text.encode()) if rng.random() < 0.05 else text.encode("utf-8", "surrogatepass")


def yaml_value(rng: random.Random, _content: bytes) -> bytes:
    """A setting as it is given on the command line."""
    key = rng.choice(("optim.lr", "optim.epochs", "loss", "optim", "model.name", "data.bands", "a.b.c", "", "."))
    return f"{key}={_yaml_value(rng)}".encode("utf-8", "surrogatepass")


def _yaml_value(rng: random.Random) -> str:
    tricks = (
        "!!python/object/apply:builtins.open [MARK, w]", "!foo {a: 1}", "!!null x", "!!int ''", "!!bool xx",
        "!!binary '='", "!!timestamp 1", "!!set {a}", "&a [*a]", "&b {<<: *b}", "*nowhere", "{<<: 3}", "{<<: [1]}",
        "2020-13-45", "0x", "0o9", ".inf", ".nan", "1_000", "1:30", "{uniform: [1, 0]}", "{log_uniform: [0, 1]}",
        "{choice: []}", "[" * 300, "{a: " * 100, "|", ">", "? x", "%YAML 9", "'", '"', "\\", "- - -", "1e400",
        "9" * 5000,
    )  # fmt: skip
    return rng.choice(tricks) if rng.random() < 0.4 else _dump(value(rng))


def mutate_npy(rng: random.Random, content: bytes) -> bytes:
    """Change a field of an npy file's header, its version, or how much data follow."""
    if rng.random() < 0.1:
        return mutate_bytes(rng, content)
    length = int.from_bytes(content[8:10], "little")
    fields = ast.literal_eval(content[10 : 10 + length].decode())
    data = content[10 + length :]
    match rng.randrange(8):
        case 0 | 1:
            fields["descr"] = rng.choice(
                ("|u1", "<u2", ">u2", "<f4", "<f8", "|O", "<i8", "|S10", "<U3", "|b1", "<M8[s]", "|V3", [("a", "<i4")])
            )
        case 2 | 3 | 4:
            shape = list(fields["shape"])
            shape[rng.randrange(len(shape))] = rng.choice(NUMBERS)
            fields["shape"] = rng.choice((tuple(shape), tuple(shape[1:]), (*shape, 1), shape, "x", 10**20))
        case 5:
            fields[rng.choice(("fortran_order", "more", "shape"))] = scalar(rng)
        case 6:
            data = mutate_bytes(rng, data)
        case _:
            fields = rng.choice((None, [], {}, {"descr": "|u1"}, "__import__('os')"))
    header = repr(fields).encode("utf-8", "surrogatepass")
    if rng.random() < 0.1:
        header = rng.choice((b"open('MARK','w')", b"(" * 500, header + b" " * 60_000, b"{" + header))
    header += b" " * (-(11 + len(header)) % 64) + b"\n"
    claimed = len(header) if rng.random() < 0.9 else rng.randrange(2**16)
    version = b"\1\0" if rng.random() < 0.95 else rng.randbytes(2)
    return b"\x93NUMPY" + version + (claimed % 2**16).to_bytes(2, "little") + header + data


def mutate_npz(rng: random.Random, content: bytes) -> bytes:
    """Change a member of an npz file, or the archive around it."""
    if rng.random() < 0.2:
        return mutate_bytes(rng, content)
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        members = {name: archive.read(name) for name in archive.namelist()}
    name = rng.choice(list(members))
    match rng.randrange(6):
        case 0 | 1 | 2:
            members[name] = mutate_npy(rng, members[name])
        case 3:
            del members[name]
        case 4:
            members[rng.choice((*TEXTS, "x.npy"))] = members.pop(name)
        case _:
            members[name] = rng.choice((b"", bytes(10**6), pickle.dumps(Trap("MARK"))))
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w", rng.choice((zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED))) as archive:
        for member, data in members.items():
            archive.writestr(zipfile.ZipInfo(member.replace("\0", "_") or "_"), data)
    return made.getvalue()


def mutate_csv(rng: random.Random, content: bytes) -> bytes:
    """Change a cell or a line of a CSV file."""
    rows = [line.split(",") for line in content.decode().splitlines()]
    row = rng.choice(rows)
    match rng.randrange(5):
        case 0 | 1:
            row[rng.randrange(len(row))] = str(scalar(rng))
        case 2:
            row.append('"' if rng.random() < 0.5 else "x" * 140_000)
        case 3:
            rows.remove(row)
        case _:
            return mutate_bytes(rng, content)
    return "\n".join(map(",".join, rows)).encode("utf-8", "surrogatepass")


def mutate_tfrecord(rng: random.Random, content: bytes) -> bytes:
    """Change the message of a record under right checksums, or a length, or any byte."""
    if rng.random() < 0.3:
        return mutate_bytes(rng, content)
    length = struct.unpack("<Q", content[:8])[0]
    payload, rest = content[12 : 12 + length], content[16 + length :]
    payload = mutate_bytes(rng, payload)
    claimed = len(payload) if rng.random() < 0.8 else rng.choice((0, 1, 2**26, 2**32, 2**63, 2**64 - 1))
    head = struct.pack("<Q", claimed)
    return head + _masked(head) + payload + _masked(payload) + rest


def mutate_tiff(rng: random.Random, content: bytes) -> bytes:
    """Change a tag of a TIFF file's first directory, or any byte."""
    if rng.random() < 0.3:
        return mutate_bytes(rng, content)
    data = bytearray(content)
    start = struct.unpack_from("<I", data, 4)[0]
    tags = struct.unpack_from("<H", data, start)[0]
    for _ in range(rng.choice((1, 1, 2))):
        at = start + 2 + 12 * rng.randrange(tags)
        match rng.randrange(4):
            case 0:
                struct.pack_into("<H", data, at + 2, rng.randrange(20))  # type of the value
            case 1:
                struct.pack_into("<I", data, at + 4, rng.choice((0, 1, 2, 2**16, 2**31, 2**32 - 1)))  # how many
            case _:
                struct.pack_into("<I", data, at + 8, rng.choice((0, 1, 7, 100_000, 2**20, 2**31, 2**32 - 1)))
    return bytes(data)


def _masked(content: bytes) -> bytes:
    crc = crc32c.crc32c(content)
    return struct.pack("<I", ((crc >> 15 | crc << 17) + 0xA282EAD8) & 0xFFFFFFFF)


def _dump(tree: Any) -> str:
    return json.dumps(tree, ensure_ascii=random.Random(str(tree)[:99]).random() < 0.5)
