"""`wsss check`: what runs of configs would fail with, in seconds, before anything is made."""

from collections.abc import Iterator, Sequence
from pathlib import Path

from wsss.errors import WsssError
from wsss.preflight.check import check
from wsss.preflight.findings import Findings
from wsss.settings.config_file import read_config_file


def check_configs(paths: Sequence[Path]) -> Iterator[str]:
    """The errors and warnings of each config, a line each, and how many there are.

    Parameters
    ----------
    paths : Sequence[Path]
        Config files.

    Yields
    ------
    str
        Lines. Those of errors begin with `error: `.
    """
    for path in paths:
        findings = _findings(path)
        yield from findings.lines()
        yield f"{path}: {_counted(findings.errors, 'error')}, {_counted(findings.warnings, 'warning')}"


def _findings(path: Path) -> Findings:
    try:
        return check(read_config_file(path))
    except WsssError as error:
        findings = Findings()
        findings.error(str(error))
        return findings


def _counted(found: Sequence[str], what: str) -> str:
    return f"{len(found)} {what}{'' if len(found) == 1 else 's'}"
