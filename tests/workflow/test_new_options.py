"""A new option with a default makes nothing again: it is in no path, no parameter and no digest until it is set."""

import ast
from pathlib import Path
from typing import Any

from tests.workflow.conftest import PROJECT, Workplace, rewrite, run
from tests.workflow.test_reruns import AFTER_IRNET
from wsss.settings.base import Settings
from wsss.settings.comparison import ComparisonSettings
from wsss.settings.config import MachineSettings, NamedRuns
from wsss.settings.irnet import IrnetSettings
from wsss.settings.locations import LocationSettings

PLANS = Path(__file__).with_name("plans_of_configs.py")
PRESETS = ("voc12-vwl-l", "coco14-vwl-l")
# Runs that choose, together with these presets, every kind of data and every method.
KINDS: dict[str, dict[str, Any]] = {
    "images": {"data": {"kind": "images", "name": "own", "labels": "labels.csv", "holdout": 0.2}},
    "coco": {"data": {"kind": "coco", "name": "own", "train": "train.json", "val": "val.json"}},
    "folder": {"data": {"kind": "folder", "name": "own", "classes": {"cow": 1}}},
    "image_and_words": {"cams": {"method": "image_and_words"}},
    "recam": {"classifier": {"objectives": [{"method": "recam", "epochs": 1}]}},
    "pamr": {"pseudo_labels": {"method": "pamr"}, "prediction_labels": {"crf": {"method": "pamr"}}},
    "crf": {"pseudo_labels": {"method": "crf"}},
    "none": {"pseudo_labels": {"method": "none"}},
    "cam_files": {
        "cams": {"method": "files", "name": "own", "format": "irn"},
        "merged_labels": {"name": "own", "format": "png"},
    },
    "label_files": {"pseudo_labels": {"method": "files", "name": "own"}},
    "finished": {"classifier": {"finished": "own"}},
}
PLACES = {stage: {"own": "own"} for stage in ("cams", "merged_labels", "pseudo_labels", "classifier")}


def classes_of_settings(above: type[Settings] = Settings) -> list[type[Settings]]:
    """Every class of settings, those that other classes inherit from too."""
    below = [inner for own in above.__subclasses__() for inner in classes_of_settings(own)]
    return [above, *below] if above.__module__.startswith("wsss.") else below


CLASSES = classes_of_settings()


def option_of(model: type[Settings]) -> str:
    """A name for a new field, which no other class has."""
    return f"tomorrow_{model.__name__}"


def add_option(project: Path, model: type[Settings]) -> None:
    """Give one class of settings a field with a default, in a copy of the project."""
    path = project.joinpath(*model.__module__.split(".")).with_suffix(".py")
    lines = path.read_text().splitlines()
    (own,) = (
        one for one in ast.parse("\n".join(lines)).body if isinstance(one, ast.ClassDef) and one.name == model.__name__
    )
    # Every class of settings has a docstring.
    lines.insert(own.body[0].end_lineno or 0, f"    {option_of(model)}: int = 3")
    rewrite(path, "\n".join(lines) + "\n")


def test_new_options_of_all_classes_make_nothing_again(copy_of_finished: Workplace) -> None:
    """Were one of them in a path or a parameter, its stage would be listed."""
    for model in CLASSES:
        add_option(copy_of_finished.project, model)
    assert not copy_of_finished.planned()


def test_a_new_option_that_is_set_counts(copy_of_finished: Workplace) -> None:
    add_option(copy_of_finished.project, IrnetSettings)
    config = copy_of_finished.write_config({"irnet": {option_of(IrnetSettings): 4}})
    assert set(copy_of_finished.planned(config=config)) == {"train_irnet", *AFTER_IRNET}


def plans_of(place: Workplace, configs: list[Path]) -> str:
    """What the plan hands to the rules, as the code of a workplace's project computes it."""
    told = run([PLANS, *configs], place.work, PYTHONPATH=str(place.project))
    assert told.code == 0, told.output
    return told.output


def configs_of_all_kinds(place: Workplace) -> list[Path]:
    """Configs that choose, taken together, every kind of data and every method."""
    return [
        place.write_config({"runs": KINDS, "locations": PLACES}),
        *(PROJECT / "configs" / f"{name}.yaml" for name in PRESETS),
    ]


def test_new_options_change_no_path_key_or_digest_of_any_method(workplace: Workplace) -> None:
    """Of kinds and methods too that no run of the tests chooses."""
    configs = configs_of_all_kinds(workplace)
    before = plans_of(workplace, configs)
    for model in CLASSES:
        add_option(workplace.project, model)
    assert plans_of(workplace, configs) == before


def test_keys_that_held_defaults_would_hold_the_option_of_every_class(workplace: Workplace) -> None:
    """So the test above can fail for each class. Places, names of runs and numbers of jobs are in no key at all."""
    base = workplace.project / "wsss" / "settings" / "base.py"
    text = base.read_text()
    kept = text.replace("if value != usual or name in named:", "if True:")
    assert kept != text
    rewrite(base, kept)
    for model in CLASSES:
        add_option(workplace.project, model)
    plans = plans_of(workplace, configs_of_all_kinds(workplace))
    unseen = {model for model in CLASSES if option_of(model) not in plans}
    assert unseen == {ComparisonSettings, LocationSettings, MachineSettings, NamedRuns}
