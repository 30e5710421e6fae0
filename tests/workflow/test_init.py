"""The config that `wsss init` writes, as snakemake plans it."""

from pathlib import Path

import pytest

from tests.commands.init.conftest import put
from tests.workflow.conftest import Workplace, run


@pytest.mark.parametrize("inside", [True, False], ids=["a table beside the photographs", "a table elsewhere"])
def test_the_config_is_planned_from_the_folder_it_was_made_in(workplace: Workplace, inside: bool) -> None:
    folder = workplace.work / "My farm"
    put(folder, *(f"{number:02}.jpg" for number in range(24)))
    table = folder / "labels.csv" if inside else workplace.work / "tables" / "Tiere.csv"
    table.parent.mkdir(exist_ok=True)
    table.write_text(
        "image,labels\n" + "".join(f"{number:02},{'cow' if number % 2 else 'pig'}\n" for number in range(22))
    )
    command = "import sys; sys.path.insert(0, sys.argv.pop(1)); from wsss.cli import app; app()"
    (workplace.work / "configs").mkdir()
    config = "My-farm.yaml" if inside else "configs/farm.yaml"
    labels = [] if inside else ["tables/Tiere.csv", "--output", config]
    made = run(["-c", command, workplace.project, "init", "My farm", *labels], workplace.work)
    assert made.code == 0, made.output
    assert f"snakemake --snakefile {workplace.project / 'Snakefile'} --configfile {config}" in made.output
    planned = workplace.planned(config=Path(config))
    assert planned["prepare_images"] == planned["train_classifier"] == planned["train_segmentation"] == 1
    # One job a split that has photographs, or more: train, val, test.
    assert planned["make_masks"] >= 1
