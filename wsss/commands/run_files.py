"""Where the stages of a finished run lie, from the table artifacts.tsv on its page."""

import csv
import json
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from pydantic import ValidationError

from wsss.commands.model_files import RUNS
from wsss.errors import WsssError
from wsss.plan.stages import ROOT, STAGES
from wsss.settings.base import Settings
from wsss.settings.run import read_settings

ARTIFACTS = "artifacts.tsv"
COLUMNS = ("stage", "path", "settings")


@dataclass(frozen=True)
class Run:
    """A run whose page has been written.

    Parameters
    ----------
    folder : Path
        The folder of its page, results/runs/<run>.
    stages : Mapping[str, Mapping[str, str]]
        The rows of its artifacts.tsv by stage. A path there is relative to the workflow's folder.
    """

    folder: Path
    stages: Mapping[str, Mapping[str, str]]

    def written(self, stage: str) -> str:
        """The path of a stage as snakemake names it, relative to the workflow's folder.

        Parameters
        ----------
        stage : str
            A name of the table of stages.

        Returns
        -------
        str
            The path, which begins with `results`.

        Raises
        ------
        WsssError
            If the run has no such stage.
        """
        if stage not in self.stages:
            raise WsssError(f"the run {self.folder} has no {stage}: it has {', '.join(self.stages)}")
        return self.stages[stage]["path"]

    def path(self, stage: str) -> Path:
        """The folder of a stage. Results that were moved as a whole are followed.

        Parameters
        ----------
        stage : str
            A name of the table of stages.

        Returns
        -------
        Path
            The folder.

        Raises
        ------
        WsssError
            If the run has no such stage.
        """
        # Links are not followed here: results/runs may lead elsewhere, and results is beside it.
        results = Path(os.path.abspath(self.folder)).parents[1]  # noqa: PTH100 (resolve would follow links)
        return results / Path(self.written(stage)).relative_to(ROOT)

    def file(self, stage: str) -> Path:
        """The single file of a stage, such as trained weights.

        Parameters
        ----------
        stage : str
            A name of the table of stages.

        Returns
        -------
        Path
            The file.

        Raises
        ------
        WsssError
            If the run has no such stage, or the file is not there.
        """
        file = self.path(stage) / STAGES[stage].file
        if not file.is_file():
            raise WsssError(f"missing: {file}; `snakemake {self.written(stage)}/{file.name}` makes it again")
        return file

    def settings(self, stage: str) -> Settings:
        """The settings of a stage.

        Parameters
        ----------
        stage : str
            A name of the table of stages.

        Returns
        -------
        Settings
            The settings that the stage was made with.

        Raises
        ------
        WsssError
            If the run has no such stage, or another version of wsss wrote its settings.
        """
        self.written(stage)
        try:
            return read_settings(stage, self.stages[stage]["settings"])
        except (ValidationError, json.JSONDecodeError):
            raise WsssError(
                f"{self.folder / ARTIFACTS}: the settings of {stage} cannot be read: another version of wsss wrote "
                "them; run `snakemake` with the run's config again"
            ) from None


def run_of(named: str | Path) -> Run:
    """A run from its name.

    Parameters
    ----------
    named : str or Path
        The folder of a run, or its name below results/runs.

    Returns
    -------
    Run
        The run.

    Raises
    ------
    WsssError
        If there is no such run, it has no report yet, or its table of artifacts is damaged.
    """
    place = Path(named)
    places = [place, *([RUNS / place] if len(place.parts) == 1 else [])]
    folder = next((one for one in places if (one / ARTIFACTS).is_file()), None)
    if folder is None:
        if unfinished := next((one for one in places if one.is_dir()), None):
            raise WsssError(f"{unfinished} has no {ARTIFACTS}: `snakemake` with the run's config writes it, at its end")
        there = ", ".join(sorted(path.parent.name for path in RUNS.glob(f"*/{ARTIFACTS}"))[:20])
        raise WsssError(f"no run at {named}: name its folder or its name below {RUNS} (there: {there or 'none'})")
    return Run(folder, _rows(folder / ARTIFACTS))


def _rows(path: Path) -> dict[str, dict[str, str]]:
    try:
        with path.open(newline="") as file:
            rows = list(csv.DictReader(file, delimiter="\t", quoting=csv.QUOTE_NONE))
    except (OSError, ValueError, csv.Error) as error:
        raise WsssError(f"{path} cannot be read ({error}): run `snakemake` with the run's config again") from None
    for number, row in enumerate(rows, 2):
        whole = tuple(row) == COLUMNS and None not in row.values()
        if not whole or row["stage"] not in STAGES or not _is_below_results(row["path"]):
            raise WsssError(f"{path}, line {number} is damaged: run `snakemake` with the run's config again")
    return {row["stage"]: row for row in rows}


def _is_below_results(path: str) -> bool:
    return Path(path).parts[:1] == (ROOT,) and ".." not in Path(path).parts
