"""Where the stages of a finished run lie, from the table artifacts.tsv on its page."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from pydantic import ValidationError

from wsss.commands.model_files import RUNS, run_places
from wsss.data.run_artifacts import ARTIFACTS, listed_folder, read_artifacts
from wsss.errors import WsssError
from wsss.manifests.single_files import check_file
from wsss.plan.stages import STAGES
from wsss.settings.base import Settings
from wsss.settings.run import read_settings


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
            If the run has no such stage, or its folder is gone.
        """
        return listed_folder(self.folder, self.stages, stage)

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
            If the run has no such stage, or the file is not there or damaged.
        """
        file = self.path(stage) / STAGES[stage].file
        if not file.is_file():
            raise WsssError(f"missing: {file}; `snakemake {self.written(stage)}/{file.name}` makes it again")
        check_file(file)
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
    places = run_places(named)
    folder = next((one for one in places if (one / ARTIFACTS).is_file()), None)
    if folder is None:
        if unfinished := next((one for one in places if one.is_dir()), None):
            raise WsssError(f"{unfinished} has no {ARTIFACTS}: `snakemake` with the run's config writes it, at its end")
        there = ", ".join(sorted(path.parent.name for path in RUNS.glob(f"*/{ARTIFACTS}"))[:20])
        raise WsssError(f"no run at {named}: name its folder or its name below {RUNS} (there: {there or 'none'})")
    return Run(folder, read_artifacts(folder))
