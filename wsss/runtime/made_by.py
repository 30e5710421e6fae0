"""Who made an artifact, and from what: a record that lies beside it, in the folder `.made_by`.

The record says whose an artifact is in results that several clones share. It changes no result.
"""

import getpass
import hashlib
import json
import os
import socket
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from wsss.errors import WsssError
from wsss.files import write_json, write_text

RECORDS = ".made_by"
# The name of a clone, in the folder where snakemake runs. It goes along when the clone is moved.
CLONE_FILE = Path(".snakemake") / "clone"


@dataclass(frozen=True)
class MadeBy:
    """What made an artifact.

    Parameters
    ----------
    rule : str
        The rule of the workflow.
    params : Mapping[str, Any]
        Its parameters by their name, such as `settings`, and `code`, the digest of the code.
    clone : str
        The name of the clone; see `clone_name`.
    user, host, folder : str
        Who ran it, on which machine, and the folder where snakemake ran.
    """

    rule: str
    params: Mapping[str, Any]
    clone: str
    user: str
    host: str
    folder: str


def record_of(output: Path) -> Path:
    """The file with the record of an artifact, from its first output."""
    return output.parent / RECORDS / f"{output.name}.json"


def write_record(output: Path, rule: str, params: Mapping[str, Any]) -> None:
    """Record that the workflow in this folder has made an artifact.

    A record that cannot be written is left out. The artifact then counts as one of unknown origin.

    Parameters
    ----------
    output : Path
        The first output of the job.
    rule : str
        Its rule.
    params : Mapping[str, Any]
        The parameters of the job by their name. They are texts and numbers.
    """
    path = record_of(output)
    with suppress(OSError, WsssError):
        path.unlink(missing_ok=True)
        made = MadeBy(rule, dict(params), clone_name(), user_name(), socket.gethostname(), str(Path.cwd()))
        write_json(path, asdict(made))


def read_record(output: Path) -> MadeBy | None:
    """The record of an artifact, from its first output; None if there is none, or if it is damaged."""
    with suppress(OSError, ValueError, TypeError):
        found = MadeBy(**json.loads(record_of(output).read_text()))
        if isinstance(found.params, Mapping):
            return found
    return None


def is_of_another(output: Path) -> bool:
    """Whether another clone has made an artifact. One without a record counts as this clone's."""
    made = read_record(output)
    return made is not None and made.clone != clone_name()


def clone_name() -> str:
    """The name of the clone that runs in this folder. It is made from its place at first, and then kept."""
    with suppress(OSError):
        return CLONE_FILE.read_text().strip()
    place = "\n".join((user_name(), socket.gethostname(), str(Path.cwd())))
    name = hashlib.sha256(place.encode(errors="surrogateescape")).hexdigest()[:12]
    with suppress(OSError, WsssError):
        write_text(CLONE_FILE, f"{name}\n")
    return name


def user_name() -> str:
    """The name of the user who runs this process, or the number if there is no name."""
    try:
        return getpass.getuser()
    except (KeyError, OSError):
        return str(os.getuid())
