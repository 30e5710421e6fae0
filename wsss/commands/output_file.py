"""The file or the folder that a command writes where its user says."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from wsss.errors import WsssError
from wsss.files import full_disk_as_wsss_error, write_bytes


def write_output(path: Path, content: bytes) -> None:
    """Write a file, completely or not at all. Raises WsssError if its place cannot be written."""
    try:
        write_bytes(path, content)
    except OSError as error:
        raise WsssError(f"{path} cannot be written ({error.strerror}): name another place") from None


@contextmanager
def writing(folder: Path) -> Iterator[None]:
    """Raise WsssError if the folder that a command writes with -o cannot be written."""
    try:
        with full_disk_as_wsss_error(folder):
            yield
    except OSError as error:
        raise WsssError(
            f"{folder} cannot be written ({error.strerror or error}): name another folder with -o"
        ) from None
