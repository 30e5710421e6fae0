"""The one file that a command writes where its user says."""

from pathlib import Path

from wsss.errors import WsssError
from wsss.files import write_bytes


def write_output(path: Path, content: bytes) -> None:
    """Write a file, completely or not at all. Raises WsssError if its place cannot be written."""
    try:
        write_bytes(path, content)
    except OSError as error:
        raise WsssError(f"{path} cannot be written ({error.strerror}): name another place") from None
