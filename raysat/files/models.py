"""JSON files as typed, frozen models: one reader, with limits of size and depth and one wording of what is wrong."""

from __future__ import annotations

from typing import Any, Final, TypeVar, get_args

from pydantic import BaseModel, ConfigDict, ValidationError, field_validator

from raysat.errors import FormatError, RaysatError, StorageError
from raysat.files.objects import AnyPath
from raysat.files.read import read_bytes
from raysat.formatting import echo, one_line

MAX_BYTES: Final = 64 << 20  # of a JSON file: far above the plan of the largest study, far below a machine's memory

_M = TypeVar("_M", bound=BaseModel)


class NeedsError(ValueError):
    """Raised by a validator: the value is whole, but asks for what this process lacks."""

    def __init__(self, message: str, hint: str) -> None:
        """Say what is lacking, and what to do."""
        super().__init__(message)
        self.hint = hint


class FileModel(BaseModel):
    """Base of what is kept as JSON: keys that an older or newer raysat wrote beside ours are passed over."""

    model_config = ConfigDict(frozen=True, extra="ignore", populate_by_name=True)

    @field_validator("format", mode="before", check_fields=False)
    @classmethod
    def _whole(cls, value: Any) -> Any:
        """A format is a whole number: neither 1.0 nor true is 1."""
        if type(value) is not int:
            raise ValueError("not a whole number")
        return value


def read_model(
    model: type[_M],
    path: AnyPath,
    *,
    remedy: str,
    max_bytes: int = MAX_BYTES,
    error: type[RaysatError] = StorageError,
) -> _M:
    """Read a JSON file; one that is nested more than 200 deep is refused by the parser.

    Args:
        model: what the file holds; a ``format`` field says which versions of it can be read.
        path: the file.
        remedy: hint of the error: what to do about a file that cannot be used.
        max_bytes: a larger file is not read.
        error: kind of error to raise.

    Returns:
        The model, whole and valid.

    Raises:
        StorageError: or the given kind: the file is missing, too large, no JSON, of another format or not the model.
        DiskError: the machine cannot read it.
    """
    content = read_bytes(path, max_bytes=max_bytes, remedy=remedy, error=error)
    return parse_model(model, content, path, remedy=remedy, error=error)


def parse_model(
    model: type[_M],
    content: str | bytes,
    source: AnyPath | str,
    *,
    remedy: str,
    error: type[RaysatError] = StorageError,
) -> _M:
    """Read the text of a JSON file.

    Args:
        model: what it holds.
        content: the text.
        source: the file, for errors.
        remedy: hint of the error.
        error: kind of error to raise.

    Returns:
        The model, whole and valid.

    Raises:
        StorageError: or the given kind, as ``read_model``.
    """
    try:
        return model.model_validate_json(content)
    except ValidationError as caught:
        faults = caught.errors()
        fault = next((fault for fault in faults if fault["loc"] == ("format",)), faults[0])
        where = one_line(".".join(map(str, fault["loc"]))) + ": " if fault["loc"] else ""
        match fault["type"]:
            case "json_invalid":
                cause = f"cannot be read: {fault['msg']}"
            case "literal_error" | "value_error" if fault["loc"] == ("format",):
                known = " or ".join(map(str, get_args(model.model_fields["format"].annotation)))
                cause = f"has format {echo(fault['input'])}, this raysat reads {known}"
                remedy = "use the raysat that wrote it, or a newer one"
                error = FormatError if error is StorageError else error
            case "value_error" if isinstance(needs := fault["ctx"]["error"], NeedsError):
                cause, remedy = f"cannot be read: {where}{needs}", needs.hint
            case "model_type":
                cause = f"is damaged: {where}not a JSON object"
            case _:
                cause = f"is damaged: {where}{fault['msg'].removeprefix('Value error, ')}, got {echo(fault['input'])}"
        raise error(f"{source} {cause}", hint=remedy) from caught
