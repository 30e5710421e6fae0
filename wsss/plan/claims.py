"""Which workflow is making which artifacts of a folder of results. Two workflows never make the same one at once.

A workflow claims what it is going to make before its first job. A claim is a file in `results/.claims` that the process
keeps locked. The kernel takes the lock back however the process ends, so no claim stays behind.
"""

import fcntl
import json
import logging
import os
import socket
import time
from collections.abc import Collection, Iterator
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TextIO

from wsss.errors import WsssError
from wsss.files import full_disk_as_wsss_error
from wsss.runtime.made_by import user_name

logger = logging.getLogger("wsss")
CLAIMS = ".claims"
# Endings of the files of claims. The first workflow that finds one unlocked renames it.
LIVE, ENDED = ".json", ".ended"
# Claims that have ended stay for a while, for workflows that made their plan before.
SECONDS_KEPT = 24 * 3600


@dataclass(frozen=True)
class Claim:
    """What a workflow is going to make.

    Parameters
    ----------
    user, host, folder : str
        Who runs it, on which machine, and in which folder.
    pid : int
        The number of its process.
    since : str
        The time of its start.
    outputs, inputs : Collection[str]
        The files of the results that its jobs make, and those that they read.
    """

    user: str
    host: str
    folder: str
    pid: int
    since: str
    outputs: Collection[str]
    inputs: Collection[str]

    def shared_with(self, other: "Claim") -> list[str]:
        """The files that one of both makes and the other one makes or reads, sorted."""
        mine, theirs = set(self.outputs), set(other.outputs)
        return sorted(mine & (theirs | set(other.inputs)) | theirs & set(self.inputs))

    def __str__(self) -> str:
        return f"snakemake of {self.user} in {self.folder} (process {self.pid} on {self.host}, since {self.since})"


@dataclass(frozen=True)
class Conflict:
    """A file that another workflow has claimed."""

    file: str
    claim: Claim
    place: Path

    def wait(self) -> None:
        """Return when the other workflow has ended."""
        with suppress(FileNotFoundError), self.place.open() as file:
            fcntl.flock(file, fcntl.LOCK_SH)


class Claims:
    """The claims of all workflows that share a folder of results. To be made before the plan is made.

    Parameters
    ----------
    results : Path
        The folder of the results.
    """

    def __init__(self, results: Path) -> None:
        self._folder = results / CLAIMS
        self._held: TextIO | None = None
        # The plan sees what these have made. What workflows make that end later, it may not see.
        self._known = set(_ended_claims(self._folder))

    def hold(self, outputs: Collection[str], inputs: Collection[str]) -> Conflict | None:
        """Claim files for the life of this process.

        Parameters
        ----------
        outputs, inputs : Collection[str]
            Files that this workflow makes, and those that it reads.

        Returns
        -------
        Conflict or None
            None if they are claimed now. Otherwise a workflow that makes some of them, or that has ended since this
            object was made; then the plan has to be made again.

        Raises
        ------
        WsssError
            If the folder of the results cannot be written.
        """
        started = time.strftime("%Y-%m-%d %H:%M:%S")
        own = Claim(
            user_name(), socket.gethostname(), str(Path.cwd()), os.getpid(), started, sorted(outputs), sorted(inputs)
        )
        path = self._folder / f"{own.host}-{own.pid}-{time.time_ns()}{LIVE}"
        with self._one_at_a_time():
            # Written first: a network disk then shows this machine the folder as it is.
            held = _locked(path, json.dumps(asdict(own)))
            for conflict in self._others(path):
                if shared := own.shared_with(conflict.claim):
                    path.unlink()
                    held.close()
                    return Conflict(shared[0], conflict.claim, conflict.place)
            self._held = held
        return None

    def _others(self, own: Path) -> Iterator[Conflict]:
        """Claims whose work the plan may not have seen. Those that ended long ago are removed."""
        for path in sorted([*self._folder.glob(f"*{LIVE}"), *self._folder.glob(f"*{ENDED}")]):
            with suppress(OSError, ValueError, TypeError):
                if path.stem not in self._known and path != own:
                    yield Conflict("", Claim(**json.loads(path.read_text())), path)
                elif path.suffix == ENDED and time.time() - path.stat().st_ctime > SECONDS_KEPT:
                    path.unlink()

    @contextmanager
    def _one_at_a_time(self) -> Iterator[None]:
        register = self._folder / "register"
        try:
            with full_disk_as_wsss_error(register):
                self._folder.mkdir(parents=True, exist_ok=True)
                file = register.open("a")
        except OSError as error:
            raise WsssError(
                f"{self._folder.parent} cannot be written ({error.strerror}), and something has to be made: let "
                "`results` lead to a folder that can be written, or ask its owner"
            ) from None
        with file:
            # Other users lock this file too.
            with suppress(OSError):
                register.chmod(0o666)
            _lock(file)
            yield


def _locked(path: Path, content: str) -> TextIO:
    """A new file that this process has locked before anyone sees it."""
    temporary = path.with_suffix(".tmp")
    try:
        with full_disk_as_wsss_error(path):
            file = temporary.open("w")
            _lock(file)
            file.write(content)
            file.flush()
            # Other users read it.
            temporary.chmod(0o644)
            temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)
    return file


def _lock(file: TextIO) -> None:
    try:
        fcntl.flock(file, fcntl.LOCK_EX)
    except OSError as error:
        logger.warning(
            "warning: %s cannot be locked (%s): run one workflow at a time on these results, or mount their disk with "
            "file locks (Lustre: -o flock)",
            file.name,
            error.strerror,
        )


def _ended_claims(folder: Path) -> Iterator[str]:
    """Names of the claims whose processes have ended."""
    for path in folder.glob(f"*{LIVE}"):
        if _has_ended(path):
            with suppress(OSError):
                path.replace(path.with_suffix(ENDED))
            yield path.stem
    for path in folder.glob(f"*{ENDED}"):
        yield path.stem


def _has_ended(path: Path) -> bool:
    """Whether the process that made a claim has ended."""
    try:
        with path.open() as file:
            fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    except OSError:
        return not path.exists()
    return True
