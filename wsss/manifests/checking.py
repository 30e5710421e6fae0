"""The check of a file that is opened: its sum, or its size and time where this process has checked it before."""

import hashlib
import os
from pathlib import Path

from wsss.errors import WsssError

# Size and time of the files whose sum was right, by path and sum.
_CHECKED: dict[tuple[str, str], tuple[int, int]] = {}


def checked_content(path: Path, sha256: str, what: str, remedy: str) -> bytes:
    """The content of a file with a known sum.

    Parameters
    ----------
    path : Path
        The file.
    sha256 : str
        The SHA-256 that it must have.
    what : str
        What the file is, for messages.
    remedy : str
        The way out, for messages.

    Returns
    -------
    bytes
        The content. It is summed once in a process, and again if the file's size or time has changed.

    Raises
    ------
    WsssError
        If the file is missing, cannot be read, or has another sum.
    """
    try:
        with path.open("rb") as file:
            status, content = os.fstat(file.fileno()), file.read()
    except FileNotFoundError:
        raise WsssError(f"missing {what}: {path}; {remedy}") from None
    except OSError as error:
        raise WsssError(f"{path} cannot be read ({error.strerror}); {remedy}") from None
    state = (status.st_size, status.st_mtime_ns)
    if _CHECKED.get((str(path), sha256)) != state:
        if hashlib.sha256(content).hexdigest() != sha256:
            raise damaged(path, what, remedy)
        _CHECKED[str(path), sha256] = state
    return content


def require_sum(path: Path, sha256: str, what: str, remedy: str) -> None:
    """As `checked_content`, for a file that is read by something else: nothing is returned."""
    try:
        with path.open("rb") as file:
            status = os.fstat(file.fileno())
            state = (status.st_size, status.st_mtime_ns)
            if _CHECKED.get((str(path), sha256)) == state:
                return
            found = hashlib.file_digest(file, "sha256").hexdigest()
    except FileNotFoundError:
        raise WsssError(f"missing {what}: {path}; {remedy}") from None
    except OSError as error:
        raise WsssError(f"{path} cannot be read ({error.strerror}); {remedy}") from None
    if found != sha256:
        raise damaged(path, what, remedy)
    _CHECKED[str(path), sha256] = state


def damaged(path: Path, what: str, remedy: str) -> WsssError:
    """The error about a file that is not what it was when it was listed."""
    return WsssError(f"damaged {what}: {path} is not as it was made (another SHA-256); {remedy}")
