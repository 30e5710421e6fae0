"""What `wsss verify` tells, and its repair."""

import shlex
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

from wsss.commands.verification import Found, commands_for, verify_config, verify_folder
from wsss.errors import WsssError


def verify_places(place: Path, repair: bool, tell: Callable[[str], None]) -> bool:
    """Check a config's results, or a folder, and repair them if that is asked for.

    Parameters
    ----------
    place : Path
        A config, or a folder of results.
    repair : bool
        Whether what is damaged or missing is made again.
    tell : Callable[[str], None]
        Takes the lines for the user.

    Returns
    -------
    bool
        Whether everything is as it should be, at the end.

    Raises
    ------
    WsssError
        If the place is no config, or there is nothing to check, or a folder is to be repaired.
    """
    if place.is_dir():
        return _verify_folder(place, repair, tell)
    found = verify_config(place)
    _tell(found, place, tell)
    if not found.bad:
        return True
    commands = commands_for(found.bad, place)
    if not repair:
        tell("this makes it again, and nothing else if it comes out as it was:")
        tell(" && ".join(commands))
        return False
    for command in commands:
        tell(command)
        if subprocess.run([sys.executable, "-m", *shlex.split(command)], check=False).returncode:
            raise WsssError(f"snakemake did not come to its end: {command}")
    again = verify_config(place)
    _tell(again, place, tell)
    return not again.bad


def _verify_folder(folder: Path, repair: bool, tell: Callable[[str], None]) -> bool:
    found = verify_folder(folder)
    _tell(found, folder, tell)
    if not found.checked:
        raise WsssError(f"nothing to check: {folder} holds no list of files")
    if found.bad and repair:
        raise WsssError("only a config says how files are made: `wsss verify CONFIG --repair`")
    if found.bad:
        tell("`wsss verify CONFIG` tells the command that makes it again, for each config")
    return not found.bad


def _tell(found: Found, place: Path, tell: Callable[[str], None]) -> None:
    for fault in found.faults:
        tell(str(fault))
    counts = {what: sum(fault.what == what for fault in found.faults) for what in ("damaged", "missing", "unlisted")}
    tell(f"{place}: {found.checked} files checked, {', '.join(f'{count} {what}' for what, count in counts.items())}")
