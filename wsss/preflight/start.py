"""The look at a config before the first job of a workflow."""

import sys
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from wsss.settings.config import Config


def check_before_jobs(config: Config, jobs: Iterable[Any]) -> None:
    """Say all that the jobs would fail with, and end the workflow if there is an error.

    Parameters
    ----------
    config : Config
        What the config says.
    jobs : Iterable[Any]
        The jobs that are about to run, with their files as `output`.

    Raises
    ------
    SystemExit
        If there is an error.
    """
    # A plan, which only asks what there is to do, starts without numpy and Pillow.
    from wsss.preflight.check import check

    made = {Path(str(file)).parent.name for job in jobs for file in job.output}
    findings = check(config, made)
    for line in findings.lines():
        print(line, file=sys.stderr)
    if findings.errors:
        sys.exit(1)
