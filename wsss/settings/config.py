"""A whole config: one base, named runs that change it, comparisons of runs, and settings of this machine."""

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Annotated, Any

from pydantic import Field

from wsss.errors import WsssError, shown
from wsss.settings.base import Settings
from wsss.settings.comparison import ComparisonSettings, PublishedSettings, ScoredStage
from wsss.settings.locations import LocationSettings
from wsss.settings.numbers import Whole
from wsss.settings.published import check_protocol
from wsss.settings.run import TRAINED, RunSettings
from wsss.settings.values import LONGEST_NAME

# Fields that name the kind of a block. Blocks of different kinds have different keys.
TAGS = ("kind", "method")
STAGE_DEFAULTS: dict[str, Any] = {
    name: field.default.model_dump()
    for name, field in RunSettings.model_fields.items()
    if isinstance(field.default, Settings)
}


RunName = Annotated[str, Field(pattern="^[A-Za-z0-9_][A-Za-z0-9_.-]*$", max_length=LONGEST_NAME)]


class MachineSettings(Settings):
    """How the work is divided into jobs, and where files lie. It does not change any result."""

    # Where files are on this machine.
    locations: LocationSettings = LocationSettings()
    # Jobs per split for steps that work image by image. Take about as many as there are cores.
    shards: Annotated[int, Whole(1, 1000)] = 1
    # Runs that a plain `snakemake` makes.
    targets: Annotated[tuple[RunName, ...], Field(min_length=1)] = ("default",)


class NamedRuns(Settings):
    """Named runs and comparisons."""

    # Changes of the base, by the name of the run.
    runs: dict[RunName, dict[str, Any] | None] = {}
    # Tables over rows and seeds, by the name of the comparison.
    comparisons: dict[RunName, ComparisonSettings] = {}


@dataclass(frozen=True)
class Comparison:
    """A comparison: the runs of each row by seed, perhaps a paper's figures, and whether to draw the visual words."""

    # The stage whose scores are compared.
    stage: ScoredStage
    # The run of each row and seed.
    rows: Mapping[str, Mapping[int, RunSettings]]
    # A paper's figures, shown beside the rows.
    published: PublishedSettings | None = None
    # Whether to draw the similarities of visual words.
    words: bool = False

    def key(self) -> str:
        """Canonical JSON of the stage, the key of each run, and all else that is shown. Rows keep their order."""
        rows = [[row, [[seed, run.key()] for seed, run in seeds.items()]] for row, seeds in self.rows.items()]
        beside = [self.published.key()] if self.published else []
        return json.dumps([self.stage, rows, *beside, *(["words"] if self.words else [])])


@dataclass(frozen=True)
class Config:
    """A config that has been read."""

    # Settings of this machine.
    machine: MachineSettings
    # All runs, by name.
    runs: Mapping[str, RunSettings]
    # All comparisons, by name.
    comparisons: Mapping[str, Comparison]


def read_config(config: Mapping[str, Any]) -> Config:
    """Read a config. The run `default` is the base without changes.

    Parameters
    ----------
    config : Mapping[str, Any]
        The config as YAML gives it.

    Returns
    -------
    Config
        The machine's settings, every named run, and the comparisons.

    Raises
    ------
    WsssError
        Naming each unknown key, wrong type or impossible combination.
    """
    if not config:
        raise WsssError("no config was read: run from the project's folder, or name one with --configfile FILE")
    allowed = [*RunSettings.model_fields, *NamedRuns.model_fields, *MachineSettings.model_fields]
    for key in config:
        if key not in allowed:
            wrong = key if isinstance(key, str) and key.isprintable() else shown(key)
            raise WsssError(f"config: unknown key {wrong}; allowed here: {', '.join(allowed)}")
    base = dict(config)
    given = {key: base.pop(key) for key in NamedRuns.model_fields if key in base}
    named = NamedRuns.read("", {key: value for key, value in given.items() if value is not None})
    machine_values = {key: base.pop(key) for key in tuple(MachineSettings.model_fields) if key in base}
    machine = MachineSettings.read("", machine_values)
    runs = {"default": RunSettings.read("", base)}
    for name, values in named.runs.items():
        if name == "default":
            raise WsssError("config: runs.default: this name stands for the base without overrides; choose another")
        runs[name] = RunSettings.read(f"runs.{name}", merge(base, values or {}))
    unknown = [name for name in machine.targets if name not in runs]
    if unknown:
        raise WsssError(f"config: targets names no run {unknown[0]!r}; there are: {', '.join(runs)}")
    comparisons = {name: _comparison(f"comparisons.{name}", own, base) for name, own in named.comparisons.items()}
    rows = (run for own in comparisons.values() for seeds in own.rows.values() for run in seeds.values())
    _check_places(machine.locations, [*runs.values(), *rows])
    return Config(machine, runs, comparisons)


def _check_places(locations: LocationSettings, runs: Iterable[RunSettings]) -> None:
    """Raises WsssError if a run names lists or files of the user's own whose place `locations` does not say."""
    for run in runs:
        for stage, name in run.files_in_place.items():
            if name not in getattr(locations, stage):
                raise WsssError(
                    f"config: {stage}: {name!r} are files of your own: set locations.{stage} to {{{name}: PATH}}"
                )
        own = run.data.own_lists
        if own and locations.lists is None:
            raise WsssError(
                f"config: data.lists: {own[0]} is a list of your own: set locations.lists to the folder that holds it, "
                f"or name a list of the dataset, without .txt"
            )


def _comparison(key_path: str, settings: ComparisonSettings, base: Mapping[str, Any]) -> Comparison:
    """The runs of a comparison. A seed applies to every training of a run."""
    rows: dict[str, dict[int, RunSettings]] = {}
    for row, changes in settings.rows.items():
        changed = merge(base, changes or {})
        _check_seeds(f"{key_path}.rows.{row}", changes or {})
        own = [stage for stage in TRAINED if changed.get(stage) is not None]
        rows[row] = {
            seed: RunSettings.read(f"{key_path}.rows.{row}", merge(changed, {stage: {"seed": seed} for stage in own}))
            for seed in settings.seeds
        }
        for run in rows[row].values():
            _check_stage(f"{key_path}.rows.{row}", run, settings.stage)
    if settings.published:
        check_protocol(f"{key_path}.published", settings.published, settings.stage, rows)
    if settings.words and not any(run.has_words for seeds in rows.values() for run in seeds.values()):
        raise WsssError(f"config: {key_path}.words: no row has visual words; set classifier.words")
    return Comparison(settings.stage, rows, settings.published, settings.words)


def _check_seeds(key_path: str, changes: Mapping[str, Any]) -> None:
    """Raises WsssError if a row sets a seed of its own."""
    for trained in TRAINED:
        if isinstance(own := changes.get(trained), Mapping) and "seed" in own:
            raise WsssError(f"config: {key_path}.{trained}.seed: seeds are the comparison's, the same for every row")


def _check_stage(key_path: str, run: RunSettings, stage: ScoredStage) -> None:
    """Raises WsssError if a run does not have the stage that is compared."""
    if stage not in run.scored_stages:
        raise WsssError(
            f"config: {key_path}: its runs have nothing of the stage {stage!r}; set the comparison's stage to one of "
            f"{', '.join(run.scored_stages)}"
        )


def merge(
    base: Mapping[str, Any], changes: Mapping[str, Any], defaults: Mapping[str, Any] = STAGE_DEFAULTS
) -> dict[str, Any]:
    """`base` with `changes` applied. Mappings are merged key by key. Anything else is replaced.

    A mapping is also replaced if the change names another kind or method than the base, because its keys are different.
    If the base names none, its kind or method is that of `defaults`.
    """
    merged = dict(base)
    for key, value in changes.items():
        old, default = merged.get(key), defaults.get(key)
        if not isinstance(old, Mapping) or not isinstance(value, Mapping):
            merged[key] = value
            continue
        default = default if isinstance(default, Mapping) else {}
        merged[key] = value if _names_another({**default, **old}, value) else merge(old, value, default)
    return merged


def _names_another(old: Mapping[str, Any], value: Mapping[str, Any]) -> bool:
    return any(tag in value and value[tag] != old.get(tag) for tag in TAGS)
