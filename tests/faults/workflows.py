"""The workflows that the campaign kills. Together their jobs run every script of `workflow_scripts`."""

import re
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from tests.data import test_coco14 as coco14
from tests.faults.mutations import make_place
from tests.workflow.brought_files import bring_files, places, stage_folder, write_irn
from tests.workflow.conftest import PROJECT, Workplace, folder_config
from tests.workflow.small_archives import edit, small_voc12, take_for_official
from wsss.data.sources.coco14 import COCO14_ARCHIVES, COCO14_LENGTHS
from wsss.plan.stages import STAGES
from wsss.settings.config import read_config

# The name of a folder of a stage.
STAGE = re.compile(r"[a-z_]+(-[\w.-]+)?-[0-9a-f]{6}")
SCRIPTS = {path.stem for path in (PROJECT / "workflow_scripts").glob("*.py")} - {"step"}
FINISHED = {"finished": "mine"}


# How Snakemake tells of a job.
JOB = re.compile(r"^(?:local)?rule (?P<rule>\w+):\n(?:    (?!output:).*\n)*    output: (?P<outputs>.+)$", re.MULTILINE)


@dataclass(frozen=True)
class Job:
    """A job that has run: its rule, and the files it has made, below the working directory."""

    rule: str
    outputs: tuple[str, ...]


def jobs_told_in(output: str) -> tuple[Job, ...]:
    """The jobs of an output of Snakemake."""
    return tuple(Job(match["rule"], tuple(match["outputs"].split(", "))) for match in JOB.finditer(output))


@dataclass(frozen=True)
class Workflow:
    """A config and its targets.

    Parameters
    ----------
    config : Path
        The file.
    targets : tuple[str, ...]
        What is asked for.
    first : tuple[str, ...]
        Patterns of what it makes first in the results. All else that it makes is within, or made from that.
    pages : tuple[str, ...]
        Patterns of what it makes last.
    jobs : tuple[Job, ...]
        The jobs that have made all of it.
    """

    config: Path
    targets: tuple[str, ...]
    first: tuple[str, ...]
    pages: tuple[str, ...] = ()
    jobs: tuple[Job, ...] = ()

    def all_that_it_makes(self, place: Workplace) -> list[Path]:
        """What must be taken out so that all is made again."""
        return [path for pattern in self.first for path in place.work.glob(f"results/{pattern}")]

    def stages(self, place: Workplace) -> list[Path]:
        """Folders of stages that can be taken out alone."""
        within = (path for folder in self.all_that_it_makes(place) for path in folder.glob("**/*"))
        return sorted(path for path in within if STAGE.fullmatch(path.name))

    def last(self, place: Workplace) -> list[Path]:
        """The pages. Without them, all that they show is made again."""
        return [path for pattern in self.pages for path in place.work.glob(f"results/{pattern}")]


def workflows(place: Workplace) -> Iterator[Workflow]:
    """The workflows of a workplace where the miniature has run. What users bring is written beside it."""
    inputs = place.root / "inputs"
    bring_files(place, inputs / "brought")
    write_irn(stage_folder(place, "cams"), inputs / "brought" / "cams")
    shutil.copytree(place.only("results/data-*/dataset"), inputs / "dataset")
    yield _miniature(place)
    yield _brought(place, inputs)
    folder = make_place(inputs / "made").voc
    shutil.copy(folder / "image_labels.csv", folder / "JPEGImages" / "labels.csv")
    table = {"kind": "images", "name": "photographs", "holdout": 0.3}
    yield _dataset(place, table, {"dataset": str(folder / "JPEGImages")})
    own = {"kind": "coco", "name": "annotated", "train": "instances.json", "train_images": "JPEGImages"}
    yield _dataset(place, own | {"holdout": 0.3, "masks": False}, {"dataset": str(folder)})
    archives = small_voc12(place, inputs / "voc12")
    part = {"classes": {"dog": 12, "horse": 13, "person": 15}}
    yield _dataset(place, {"kind": "voc12", "name": "part", **part}, {"archives": str(archives)})
    yield _dataset(place, {"kind": "coco14"}, {"archives": str(_small_coco14(place, inputs / "coco14"))})


def _miniature(place: Workplace) -> Workflow:
    """The miniature with a training on the truth, one without IRNet, a comparison, masks and models for people."""
    runs = {"on_truth": {"supervision": "truth"}, "without_irnet": {"pseudo_labels": {"method": "none"}}}
    rows = {"stage": "cam", "seeds": [0], "rows": {"as it is": None}, "words": True}
    changes = {"runs": runs, "targets": ["default", *runs], "comparisons": {"compared": rows}}
    return Workflow(
        place.write_config(changes),
        ("report", "compared", "words", "masks", "model"),
        ("backbone-*", "data-synthetic-*"),
        (*(f"runs/{name}*" for name in ("default", *runs)), "comparisons/compared*"),
    )


def _brought(place: Workplace, inputs: Path) -> Workflow:
    """Files of users in the place of stages: CAMs, label images with masks of objects, and networks."""
    runs: dict[str, Any] = {
        "of_cams": {"cams": {"method": "files", "format": "irn", "name": "mine"}, "irnet": FINISHED},
        "of_labels": {
            "pseudo_labels": {"method": "files", "name": "mine"},
            "merged_labels": {"name": "sam", "format": "png"},
        },
        "of_networks": {"segmentation": FINISHED},
    }
    changes = folder_config(inputs / "dataset", runs=runs, targets=[*runs])
    changes["locations"] |= places(inputs / "brought")["locations"]
    changes["locations"]["cams"] = {"mine": str(inputs / "brought" / "cams")}
    config = place.write_config(changes, without=("data",))
    pages = tuple(f"runs/{name}*" for name in runs)
    return Workflow(config, ("report",), ("data-moved-*",), pages)


def _dataset(place: Workplace, data: dict[str, Any], locations: dict[str, str]) -> Workflow:
    """The preparation of a dataset alone."""
    config = place.write_config({"data": data, "locations": locations}, without=("data",))
    settings = read_config(yaml.safe_load(config.read_text())).runs["default"].data
    folder = STAGES["data"].folder(settings)
    archives = Path(locations["archives"]).iterdir() if "archives" in locations else ()
    return Workflow(
        config, (f"results/{folder}/images.tsv",), (folder, *(f"archives/{path.name}" for path in archives))
    )


def _small_coco14(place: Workplace, folder: Path) -> Path:
    coco14.pack(folder, coco14.files())
    take_for_official(place, "coco14.py", COCO14_ARCHIVES, folder)
    for split, length in COCO14_LENGTHS["leave_out"].items():
        edit(place, "coco14.py", f'"{split}": {length:_}', f'"{split}": {coco14.LENGTHS["leave_out"][split]}')
    return folder
