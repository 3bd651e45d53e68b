"""What an object store says of a request, as one error: the path, the cause, and the variables that lead to it."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

from obstore.exceptions import AlreadyExistsError, BaseError

from raysat.errors import DiskError, RaysatError, StorageError
from raysat.files.objects import SCHEMES, ObjectPath
from raysat.formatting import one_line

_ENDPOINT: Final = re.compile(r"Error performing [A-Z]+ (https?://)(?:[^/@\s]*@)?([^/?\s]+)")
_CODE: Final = re.compile(r"<Code>(\w{1,80})</Code>")
_STATUS: Final = re.compile(r"status code: (\d{3} [A-Za-z -]{1,40})")
_METADATA: Final = "169.254."  # where machines of a cloud ask for the credentials of their role
_NO_BUCKET: Final = ("NoSuchBucket", "ContainerNotFound", "bucket does not exist")
_REFUSED: Final = re.compile(r"status code: 40[13]\b|Unauthenticated|PermissionDenied|MissingAccount|no credentials")
_AGAIN: Final = "; then run the same command again: what is finished is kept"
_ENDPOINTS: Final = {"s3": "AWS_ENDPOINT_URL", "gs": "GOOGLE_SERVICE_ACCOUNT", "az": "AZURE_STORAGE_ENDPOINT"}


@contextmanager
def asking(
    path: ObjectPath, doing: str, remedy: str | None = None, error: type[RaysatError] = StorageError
) -> Iterator[None]:
    """Turn a request that failed into one error.

    Args:
        path: what is asked for.
        doing: what it cannot be: read, written, deleted.
        remedy: what to do about an object that is missing.
        error: kind of error to raise where the object or its bucket is missing.

    Yields:
        Nothing; what is done within is watched.

    Raises:
        StorageError: or the given kind: there is no such object, or no such bucket.
        DiskError: the store cannot be reached, or refuses the credentials or the request.
    """
    try:
        yield
    except AlreadyExistsError:  # an answer
        raise
    except (BaseError, FileNotFoundError, ValueError, OSError) as caught:
        raise _explained(path, doing, remedy, error, caught) from None  # its text may hold signatures


def _explained(
    path: ObjectPath, doing: str, remedy: str | None, error: type[RaysatError], caught: Exception
) -> RaysatError:
    """The error to raise, and its hint.

    Args:
        path: what was asked for.
        doing: what it cannot be.
        remedy: what to do about an object that is missing.
        error: kind of error where something is missing.
        caught: what obstore raised.
    """
    text, failed = str(caught), f"{path} cannot be {doing}"
    variables, again = SCHEMES[path.scheme], _AGAIN if doing == "written" else ""
    if any(word in text for word in _NO_BUCKET):
        return error(f"{failed}: there is no bucket {path.bucket}", hint="check its name and the endpoint, or make it")
    if isinstance(caught, FileNotFoundError):
        if doing == "written":  # S3 says of a PUT no more than that something is not there
            return error(f"{failed}: there is no bucket {path.bucket}", hint="check its name, or make it")
        return error(f"{failed}: there is no such object", hint=remedy)
    if "BadScheme" in text:
        hint = f"set {'AWS' if path.scheme == 's3' else 'AZURE'}_ALLOW_HTTP=true if the network between is trusted"
        return DiskError(f"{failed}: its endpoint is http://, without encryption", hint=hint)
    if _METADATA in text or "MissingAccount" in text:
        return DiskError(f"{failed}: there are no credentials for {path.scheme}://", hint=f"set {variables}")
    place = _ENDPOINT.search(text)
    endpoint = f"{place[1]}{place[2]}" if place else f"the store of {path.scheme}://"
    if _REFUSED.search(text):
        code = _CODE.search(text) or _STATUS.search(text)
        refused = f"{endpoint} refuses these credentials{f' ({code[1]})' if code else ''}"
        return DiskError(f"{failed}: {refused}", hint=f"check {variables}{again}")
    status = _CODE.search(text) or _STATUS.search(text)
    if status is None and ("error sending request" in text or "timed out" in text or "timeout" in text):
        hint = f"check the network and {_ENDPOINTS[path.scheme]}{again}"
        return DiskError(f"{failed}: {endpoint} cannot be reached", hint=hint)
    cause = f"{endpoint} answers {status[1]}" if status else one_line(text.partition("\n")[0])
    return DiskError(f"{failed}: {cause}", hint=f"check the store{again}")
