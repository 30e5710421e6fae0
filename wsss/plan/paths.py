"""Paths of jobs: files of stages with a wildcard for each folder, and the stages of the folders in them."""

import re
from collections.abc import Callable
from typing import Any

from wsss.plan.stages import PATH_WILDCARDS, ROOT, STAGES, folders_of, path_pattern
from wsss.settings.run import RunSettings

# A function from a job's wildcards to an input or a parameter of its rule.
JobParameter = Callable[[Any], Any]
# Wildcards whose values are folders below the dataset, in the order in which they occur in paths.
FOLDER_WILDCARDS = (*STAGES, *PATH_WILDCARDS, "folder", "finished")


def paths_of(run: RunSettings) -> dict[str, str]:
    """The folder of each stage of a run, relative to the workflow's folder."""
    return {stage: f"{ROOT}/{folder}" for stage, folder in folders_of(run).items()}


def stage_of(folder: str) -> str:
    """The stage that a folder is of, from its name."""
    return folder.partition("-")[0]


def folders_in(wildcards: Any) -> list[str]:
    """The names of all folders in a job's wildcards."""
    values = (str(getattr(wildcards, name)) for name in FOLDER_WILDCARDS if hasattr(wildcards, name))
    return [folder for value in values for folder in value.split("/")]


def folder_of(stage: str, wildcards: Any) -> str:
    """The name of the folder of a stage in a job's wildcards."""
    return next(folder for folder in folders_in(wildcards) if stage_of(folder) == stage)


def file_above(stage: str, path: str, name: str) -> JobParameter:
    """A file in the folder of a stage that is one of the folders of a path.

    Parameters
    ----------
    stage : str
        A name of the table of stages.
    path : str
        A path with wildcards.
    name : str
        The file below the stage's folder, with wildcards.

    Returns
    -------
    JobParameter
        From a job's wildcards to the path of the file.
    """

    def above(wildcards: Any) -> str:
        folders = filled(path, wildcards).split("/")
        number = next(number for number, folder in enumerate(folders, 1) if stage_of(folder) == stage)
        return filled("/".join([*folders[:number], name]), wildcards)

    return above


def filled(pattern: str, wildcards: Any) -> str:
    """A path of a job, from a pattern with a wildcard for each folder."""
    return re.sub(r"\{(\w+)\}", lambda name: str(getattr(wildcards, name[1])), pattern)


def file_of(stage: str, name: str = "", parent: str | None = None) -> str:
    """A file in a stage's folder, with a wildcard for each folder of its path. Without a name: the stage's own file."""
    return f"{path_pattern(stage, parent)}/{name or STAGES[stage].file}"


def log_of(stage: str, name: str, parent: str | None = None) -> str:
    """A file in the folder of a stage's logs."""
    return file_of(stage, name, parent).replace(f"{ROOT}/", "logs/", 1)
