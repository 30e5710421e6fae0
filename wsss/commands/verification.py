"""Checks everything that the workflow has made: what is listed against its sums, and a config's plan against the lists.

A file that is damaged or missing is made again by the step that made it. Steps nearer to the data come first, each in a
command of its own, because snakemake does not know before a job has run that it brings the same bytes.
"""

from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Literal, NamedTuple

from wsss.commands.made_files import folders_below, listed_in, unlisted_in
from wsss.commands.planned_files import folders_of_plan, missing_of
from wsss.manifests.making_again import command, options_of
from wsss.plan.plan import Plan
from wsss.plan.stages import ROOT
from wsss.settings.config_file import read_config_file

PROJECT = Path(__file__).parents[2]


class Fault(NamedTuple):
    """A file that is not as it should be, and the output of the workflow that makes it again."""

    what: Literal["damaged", "missing", "unlisted"]
    path: Path
    reason: str
    maker: Path

    def __str__(self) -> str:
        return f"{self.what}: {self.path}{f' ({self.reason})' if self.reason else ''}"


class Found(NamedTuple):
    """What a look at the results found: the number of files that were compared, and the faults."""

    checked: int
    faults: list[Fault]

    @property
    def bad(self) -> list[Fault]:
        """The faults that something must be done about. Files that no list names do not hurt."""
        return [fault for fault in self.faults if fault.what != "unlisted"]


def verify_folder(folder: Path) -> Found:
    """Compare everything below a folder that some manifest lists.

    Parameters
    ----------
    folder : Path
        The results, or a part of them.

    Returns
    -------
    Found
        What was found. What was never made or has gone with its list is not noticed.
    """
    return _looked_into(folders_below(folder))


def verify_config(config: Path) -> Found:
    """Compare everything that belongs to the runs of a config, and name what is missing.

    Parameters
    ----------
    config : Path
        A config file. The results are in `results`, in the working directory.

    Returns
    -------
    Found
        What was found.

    Raises
    ------
    WsssError
        If the file is no config.
    """
    plan = Plan(read_config_file(config), PROJECT / "workflow_scripts")
    folders = [own for folder in folders_of_plan(plan) for own in folders_below(folder, own_only=True)]
    found = _looked_into(dict.fromkeys(folders))
    known = {fault.path for fault in found.faults}
    missing = [Fault("missing", path, reason, path) for path, reason in missing_of(plan) if path not in known]
    return Found(found.checked, [*found.faults, *missing])


def commands_for(faults: Iterable[Fault], config: Path) -> list[str]:
    """The commands that make damaged and missing files again, in their order.

    Parameters
    ----------
    faults : Iterable[Fault]
        Faults of one config.
    config : Path
        The config.

    Returns
    -------
    list[str]
        Lines for the shell. They train nothing that need not be trained, if the files come out as they were.
    """
    options = options_of([config], _snakefile(), Path.cwd())
    by_rank: dict[tuple[int, int], set[Path]] = {}
    for fault in faults:
        by_rank.setdefault(_rank(fault.maker), set()).add(fault.maker)
    return [command(sorted(by_rank[rank]), options) for rank in sorted(by_rank)]


def _snakefile() -> Path:
    own = Path("Snakefile")
    return own if own.is_file() else PROJECT / "Snakefile"


def _rank(output: Path) -> tuple[int, int]:
    """How far an output is from the data: by its folder, and in a folder shards, then lists, then what is made of them.

    Pages of runs and comparisons are last.
    """
    parts = output.parts[1:] if output.parts[0] == ROOT else output.parts
    if parts[0] in ("runs", "comparisons"):
        return len(parts) + 1000, 0
    kind = 0 if "shards" in parts else 1 if output.suffix in (".tsv", ".safetensors") else 2
    return sum("-" in part and "." not in part and "-of-" not in part for part in parts), kind


def _looked_into(folders: Iterable[Path]) -> Found:
    checked, faults = 0, []
    for folder in folders:
        listed = list(listed_in(folder))
        checked += len(listed)
        faults += [Fault(*one) for one in _bad(listed)]
        faults += [Fault("unlisted", path, "", path) for path in unlisted_in(folder)]
    return Found(checked, list(dict.fromkeys(faults)))


def _bad(listed: Sequence[tuple[Path, str, Path]]) -> Iterator[tuple[Literal["damaged", "missing"], Path, str, Path]]:
    for path, reason, maker in listed:
        if reason:
            yield "damaged" if path.exists() else "missing", path, reason if path.exists() else "", maker
