"""The plan of a config: the paths of all runs, and inputs and parameters of the rules of the workflow.

Many methods return functions of a job's wildcards. Wildcards are read as attributes of any object.
"""

import re
from collections.abc import Callable, Collection, Iterable, Iterator
from functools import cache
from pathlib import Path
from typing import Any

from wsss.plan.away import unless_away
from wsss.plan.kept_digests import kept_code_digest
from wsss.plan.locations import (
    Source,
    content_of_files,
    dataset_folder,
    place_of_files,
    source_of,
    table_places,
    tables_digest,
)
from wsss.plan.paths import JobParameter, file_of, filled, folder_of, folders_in, paths_of, stage_of
from wsss.plan.provenance import short_hash
from wsss.plan.stages import ROOT, STAGES, files_of, folders_of, step_of, usual_settings, wildcard_constraints
from wsss.settings.backbone import BackboneSettings
from wsss.settings.base import Settings
from wsss.settings.config import Config
from wsss.settings.data import DataSettings
from wsss.settings.run import TRAINED, RunSettings, named_files, settings_of

# The file beside a trained network that holds the digest of the code that trained it.
CODE_FILE = "code.txt"
# The file in the folder of a stage that is read from files, which says that they were checked.
CHECKED_FILE = "checked.txt"
# Stages whose code is not in the digests of later steps: their products are inputs with a modification time.
INPUTS = ("data", "backbone")


class Plan:
    """The paths of all runs and comparisons of a config, and inputs and parameters of the rules of the workflow.

    Parameters
    ----------
    config : Config
        What the config says.
    scripts : Path
        The folder of the workflow's scripts.
    results : Path
        The folder that holds the results. Another workflow may put this one's below a prefix.

    Attributes
    ----------
    runs, comparisons : dict
        The runs and the comparisons by the name of their folder. The name contains a hash of everything that they
        depend on, so if a setting is changed and changed back, the earlier folder is used again.
    pages, tables : dict[str, str]
        The names of these folders, by the names in the config.
    paths : dict[str, dict[str, str]]
        For each run, the folder of each of its stages, relative to the workflow's folder.
    wanted : list[str]
        The folders' names of the runs that the config names as targets.
    """

    def __init__(self, config: Config, scripts: Path, results: Path = Path(ROOT)) -> None:
        self._scripts, self._locations, self._results = scripts, config.machine.locations, results
        self.shards = [f"{number}-of-{config.machine.shards}" for number in range(config.machine.shards)]
        self.pages = {name: f"{name}-{short_hash(run.key())}" for name, run in config.runs.items()}
        self.tables = {name: f"{name}-{short_hash(own.key())}" for name, own in config.comparisons.items()}
        self.runs = {self.pages[name]: run for name, run in config.runs.items()}
        self.comparisons = {self.tables[name]: own for name, own in config.comparisons.items()}
        self.paths = {page: paths_of(run) for page, run in self.runs.items()}
        self.wanted = [self.pages[name] for name in config.machine.targets]
        self._settings = dict(self._settings_by_folder())
        self._data: dict[str, DataSettings] = {STAGES["data"].folder(run.data): run.data for run in self._all_runs()}

    def _all_runs(self) -> list[RunSettings]:
        compared = (run for own in self.comparisons.values() for seeds in own.rows.values() for run in seeds.values())
        return [*self.runs.values(), *compared]

    def _settings_by_folder(self) -> Iterator[tuple[str, Settings]]:
        for run in self._all_runs():
            for stage, path in folders_of(run).items():
                if (own := settings_of(run, stage)) is not None:
                    yield path.rpartition("/")[2], own
            if run.classifier is not None and run.classifier.start is not None:
                yield STAGES["classifier"].folder(run.classifier.start), run.classifier.start
            for stage in TRAINED:
                if (backbone := getattr(settings_of(run, stage), "backbone", None)) is not None:
                    yield STAGES["backbone"].folder(backbone), backbone

    def files(self, stage: str) -> list[str]:
        """The files of a stage for the runs that the config names as targets, if they have this stage.

        Parameters
        ----------
        stage : str
            A name of the table of stages.

        Returns
        -------
        list[str]
            Paths relative to the workflow's folder.
        """
        own = (self.runs[page] for page in self.wanted)
        return [file for run in own for file in files_of(run, stage)]

    def reports(self) -> list[str]:
        """The reports of the runs that the config names as targets, and their masks for people if they have them.

        Returns
        -------
        list[str]
            Paths relative to the workflow's folder.
        """
        shown = [page for page in self.wanted if self.runs[page].report.masks]
        return [*(f"{ROOT}/runs/{page}/report.html" for page in self.wanted), *map(_masks_of, shown)]

    def masks(self) -> list[str]:
        """The indexes of the masks for people, of the runs that the config names as targets.

        Returns
        -------
        list[str]
            Paths relative to the workflow's folder.
        """
        return [_masks_of(page) for page in self.wanted]

    def models(self) -> list[str]:
        """The models of the runs that the config names as targets: weights that say how they are used.

        Returns
        -------
        list[str]
            Paths relative to the workflow's folder.
        """
        return [f"{ROOT}/runs/{page}/model/segmenter.safetensors" for page in self.wanted]

    def word_figures(self) -> list[str]:
        """The figures of the visual words of the runs that the config names as targets.

        Returns
        -------
        list[str]
            Paths relative to the workflow's folder.
        """
        paths = (self.paths[page] for page in self.wanted)
        return [f"{own['classifier']}/words/regions.png" for own in paths if "classifier" in own]

    def constraints(self) -> dict[str, str]:
        """The allowed values of each wildcard of the workflow.

        Returns
        -------
        dict[str, str]
            A regular expression by the wildcard's name.
        """
        pages, tables = (_one_of(names) for names in (self.runs, self.comparisons))
        fixed = {"split": "train|val|test", "shard": "[0-9]+-of-[0-9]+", "run": pages, "comparison": tables}
        fixed["network_file"] = "|".join(Path(STAGES[stage].file).stem for stage in TRAINED)
        return wildcard_constraints() | fixed

    def data_from(self, source: Source) -> str:
        """The allowed values of the wildcard `data` for datasets that are prepared from one source.

        Parameters
        ----------
        source : Source
            The source.

        Returns
        -------
        str
            A regular expression.
        """
        names = sorted(name for name, own in self._data.items() if source_of(own, self._locations) == source)
        return _one_of(names)

    def backbones_from(self, origins: Collection[str]) -> str:
        """The allowed values of the wildcard `backbone` for initial weights of some origins.

        Parameters
        ----------
        origins : Collection[str]
            Values of `backbone.weights`.

        Returns
        -------
        str
            A regular expression.
        """
        backbones = {name: own for name, own in self._settings.items() if isinstance(own, BackboneSettings)}
        return _one_of(sorted(name for name, own in backbones.items() if own.weights in origins))

    def folders_of(self, stages: Collection[str], files: bool) -> str:
        """The allowed values of a wildcard for folders of stages that are read from files, or of those that are not.

        Parameters
        ----------
        stages : Collection[str]
            Names of the table of stages.
        files : bool
            Whether the stages are read from a user's files.

        Returns
        -------
        str
            A regular expression.
        """
        return _one_of(
            name
            for name, own in sorted(self._settings.items())
            if stage_of(name) in stages and (named_files(own) is not None) == files
        )

    def content_of(self, stage: str = "") -> JobParameter:
        """A digest of the user's files that a stage is read from.

        Parameters
        ----------
        stage : str
            A name of the table of stages. If empty, it is that of the folder in the wildcard `finished`.

        Returns
        -------
        JobParameter
            From a job's wildcards to twelve hex digits.
        """

        def content(wildcards: Any) -> str:
            folder = folder_of(stage or stage_of(wildcards.finished), wildcards)
            named = (stage_of(folder), self._settings[folder], self._locations)
            made = self._made_of_files(folder_of("data", wildcards), folder)
            return unless_away(
                [place_of_files(*named)], made, "content", lambda: content_of_files(*named, self._results)
            )

        return content

    def _made_of_files(self, data: str, folder: str) -> Iterator[Path]:
        """What was made at first from the user's files of a stage, in each place of its folder below a dataset."""
        stage = stage_of(folder)
        file = STAGES[stage].file if stage in TRAINED else CHECKED_FILE
        for path in {path for run in self._all_runs() for path in folders_of(run).values()}:
            if path.startswith(f"{data}/") and path.endswith(f"/{folder}"):
                yield self._results / path / file

    def finished_settings(self, wildcards: Any) -> str:
        """The settings of the finished network in the wildcard `finished`, as their key.

        Parameters
        ----------
        wildcards : Any
            The job's wildcards, read by attribute.

        Returns
        -------
        str
            Canonical JSON.
        """
        key: str = self.settings_of(stage_of(wildcards.finished))(wildcards)
        return key

    def dataset_folders(self) -> dict[str, Path]:
        """The folders of the datasets that are prepared from a user's folder.

        Returns
        -------
        dict[str, Path]
            The user's folder, by the name of the dataset's own folder.
        """
        found = {name: dataset_folder(own, self._locations) for name, own in self._data.items()}
        return {name: folder for name, folder in found.items() if folder is not None}

    def file_places(self) -> dict[str, Path]:
        """The places of the user's files that stages are read from.

        Returns
        -------
        dict[str, Path]
            The place, by the name of the stage's folder.
        """
        named = {name: own for name, own in self._settings.items() if named_files(own) is not None}
        return {name: place_of_files(stage_of(name), own, self._locations) for name, own in named.items()}

    def place(self, path: str) -> Path:
        """Where a file of the results lies.

        Parameters
        ----------
        path : str
            A path of the rules, which begins with `results`.

        Returns
        -------
        Path
            A path relative to the workflow's folder.
        """
        return self._results / Path(path).relative_to(ROOT)

    def settings_of(self, stage: str) -> JobParameter:
        """The settings of a stage as their key. One of the folders in the job's wildcards is that of the stage.

        Parameters
        ----------
        stage : str
            A name of the table of stages.

        Returns
        -------
        JobParameter
            From a job's wildcards to canonical JSON.
        """

        def settings(wildcards: Any) -> str:
            return self._settings[folder_of(stage, wildcards)].key(usual_settings(stage))

        return settings

    def code_of(self, step: str = "") -> JobParameter:
        """A digest of the code of a step and of all steps that made the stages in its wildcards.

        Parameters
        ----------
        step : str
            The step. If empty, the digest is of the other steps only.

        Returns
        -------
        JobParameter
            From a job's wildcards to twelve hex digits.
        """

        def code(wildcards: Any) -> str:
            return self._code(step, "/".join(folders_in(wildcards)))

        return code

    @cache  # noqa: B019 (there is one plan in a process)
    def _code(self, step: str, path: str) -> str:
        folders = path.split("/")
        before = [name for name in folders if stage_of(name) in STAGES.keys() - set(INPUTS)]
        parts = frozenset(part for name in folders if name in self._settings for part in self._settings[name].parts)
        steps = {step, *(step_of(stage_of(name), self._settings.get(name)) for name in before)} - {""}
        digests = {kept_code_digest(self._scripts / f"{one}.py", parts) for one in steps}
        return short_hash("\n".join(sorted(digests)), 12)

    def is_of_this_code(self, stage: str) -> Callable[[Any], bool]:
        """Whether a training was done by the code that is there now, its own and that of all steps before.

        Parameters
        ----------
        stage : str
            A stage that trains a network. Its folder holds code.txt, the digest of the code that trained it.

        Returns
        -------
        Callable[[Any], bool]
            From a job's wildcards to the answer; False if nothing was trained yet.
        """
        pattern, code_of = file_of(stage, CODE_FILE), self.code_of(STAGES[stage].step)

        def is_of_this_code(wildcards: Any) -> bool:
            file = self.place(filled(pattern, wildcards))
            return file.is_file() and file.read_text().strip() == code_of(wildcards)

        return is_of_this_code

    def initial_weights(self, stage: str) -> JobParameter:
        """The file of the weights that a stage starts from.

        Parameters
        ----------
        stage : str
            A name of the table of stages. One of the folders in the job's wildcards is that of the stage.

        Returns
        -------
        JobParameter
            From a job's wildcards to a path.
        """

        def initial(wildcards: Any) -> str:
            backbone: Any = getattr(self._settings[folder_of(stage, wildcards)], "backbone")  # noqa: B009 (of three classes)
            return f"{ROOT}/{STAGES['backbone'].folder(backbone)}/{STAGES['backbone'].file}"

        return initial

    def start_of(self, wildcards: Any) -> dict[str, str]:
        """The weights of the finished classifier that a classifier starts from, as `start`; empty if there is none.

        Parameters
        ----------
        wildcards : Any
            The job's wildcards, read by attribute.

        Returns
        -------
        dict[str, str]
            A path by the name of the input, or nothing.
        """
        own: Any = self._settings[wildcards.classifier]
        if own.start is None:
            return {}
        folder = STAGES["classifier"].folder(own.start)
        return {"start": f"{ROOT}/{wildcards.data}/{folder}/{STAGES['classifier'].file}"}

    def tables_of(self, wildcards: Any) -> str:
        """A digest of the content of a dataset's lists and labels. If they are corrected, they are read again.

        Parameters
        ----------
        wildcards : Any
            The job's wildcards, read by attribute.

        Returns
        -------
        str
            Twelve hex digits; empty if the dataset has no list or label that users may correct.
        """
        named = (self._data[wildcards.data], self._locations)
        index = self._results / wildcards.data / STAGES["data"].file
        return unless_away(table_places(*named), [index], "tables", lambda: tables_digest(*named))


def _masks_of(page: str) -> str:
    return f"{ROOT}/runs/{page}/masks/index.csv"


def _one_of(names: Iterable[str]) -> str:
    """A regular expression that only these names fit; without names, one that no name fits."""
    return "|".join(map(re.escape, names)) or "there-is-none"
