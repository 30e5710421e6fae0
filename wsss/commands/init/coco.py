"""What `wsss init` finds in a file of annotations in COCO's form: `kind: coco`."""

import json
import os
from collections.abc import Mapping
from pathlib import Path

from wsss.commands.init.choices import MOST_PIXELS
from wsss.commands.init.found import FEWEST_FOR_VAL, NO_VAL, USUAL_HOLDOUT, Found
from wsss.commands.init.request import Request
from wsss.data.sources.coco import Split, make_listing, read_splits
from wsss.data.sources.coco_file import Instances
from wsss.data.sources.coco_masks import pycocotools_masks
from wsss.errors import WsssError
from wsss.settings.coco import CocoSettings

# Of so many annotations, the segmentations are looked at.
LOOKED_AT = 200


def find_coco(request: Request) -> Found:
    """The dataset of a file of annotations.

    The file of val is known by its name: instances_val2017.json beside instances_train2017.json.

    Parameters
    ----------
    request : Request
        What the user asks for. Its labels are a .json.

    Returns
    -------
    Found
        The dataset. Without a file of val, val is drawn.

    Raises
    ------
    WsssError
        For missing or wrong files.
    """
    assert request.labels is not None
    if request.masks is not None:
        raise WsssError("--masks: a COCO file has its own masks; leave this option out")
    dataset = _common_folder(request.photographs, request.labels)
    places = _places(request, dataset)
    if request.holdout and "val" in places:
        raise WsssError(f"--holdout {request.holdout}: {places['val']} says which photographs are val; leave it out")
    values = {"kind": "coco", "name": request.dataset_name, **places, "masks": False}
    splits = read_splits(CocoSettings.read("data", values), dataset)
    values |= {"classes": _classes(request, splits["train"].instances), **_holdout(request, splits)}
    values |= {"max_pixels": MOST_PIXELS, "on_bad_image": "skip" if request.skip_bad else "stop"}
    # Without masks, nothing is written into the folder of the prepared dataset.
    listing = make_listing(CocoSettings.read("data", values), splits, dataset, Path(), 1)
    reason = _why_no_masks(splits)
    data = CocoSettings.read("data", {**values, "masks": not reason})
    odd = [*([reason] if reason else []), *_odd(splits), *([] if listing.splits["val"] else [NO_VAL])]
    told = " and ".join(str(dataset / file) for key, file in places.items() if key in ("train", "val"))
    return Found(data, dataset, None, told, listing, odd, 0 if reason else len(listing.photographs))


def _common_folder(photographs: Path, labels: Path) -> Path:
    """The folder that holds the photographs and the file. It is relative if both are, and it is below this folder."""
    folders = [os.path.abspath(path) for path in (photographs, labels.parent)]  # noqa: PTH100
    common = os.path.commonpath(folders)
    if Path(common) == Path(common).parent:
        raise WsssError(f"LABELS: {labels} and {photographs} have no folder in common: put them into one")
    relative = Path(os.path.relpath(common))
    return Path(common) if photographs.is_absolute() or ".." in relative.parts else relative


def _places(request: Request, dataset: Path) -> dict[str, str]:
    """The settings that name files and folders below the dataset's folder."""
    assert request.labels is not None
    train, photographs = _below(request.labels, dataset), _below(request.photographs, dataset)
    places = {"train": train} | ({} if photographs == "." else {"train_images": photographs})
    val = request.labels.with_name(request.labels.name.replace("train", "val"))
    if val == request.labels or not val.is_file():
        return places
    places["val"] = _below(val, dataset)
    folder = request.photographs.with_name(request.photographs.name.replace("train", "val"))
    if folder != request.photographs and folder.is_dir():
        return {**places, "val_images": _below(folder, dataset)}
    usual = dataset / val.stem.removeprefix("instances_")
    return places if usual.is_dir() or photographs == "." else {**places, "val_images": photographs}


def _below(path: Path, folder: Path) -> str:
    return os.path.relpath(os.path.abspath(path), os.path.abspath(folder))  # noqa: PTH100


def _classes(request: Request, instances: Instances) -> dict[str, int] | None:
    """The classes that the user names, with their ids. Raises WsssError for an unknown one."""
    for name in request.classes:
        if name not in instances.categories:
            raise WsssError(f"--classes: {name!r} is none of {', '.join([*instances.categories][:100])}")
    return {name: instances.categories[name] for name in request.classes} or None


def _holdout(request: Request, splits: Mapping[str, Split]) -> dict[str, float | int]:
    """The settings of the draw of val; empty if there is none."""
    enough = len(splits["train"].images) >= FEWEST_FOR_VAL
    share = (USUAL_HOLDOUT if enough else 0) if request.holdout is None else request.holdout
    return {"holdout": share, "seed": request.seed} if share and "val" not in splits else {}


def _why_no_masks(splits: Mapping[str, Split]) -> str:
    """Why no masks can be made of the annotations; empty if they can."""
    for split in splits.values():
        with split.instances.path.open("rb") as file:
            for start, end in split.instances.spans[:LOOKED_AT].tolist():
                file.seek(start)
                if not json.loads(file.read(end - start)).get("segmentation"):
                    return f"{split.instances.path} has boxes without segmentations: no masks are made, and no scores"
    try:
        pycocotools_masks()
    except WsssError:
        return "pycocotools is not installed, so there are no scores: pip install -e '.[coco]', then data.masks: true"
    return ""


def _odd(splits: Mapping[str, Split]) -> list[str]:
    """What is odd about the images of the files."""
    lines = []
    for split in splits.values():
        without = len(split.instances.file_names) - len(split.images)
        if without:
            lines.append(
                f"{split.instances.path}: {without} images have no annotation and are left out; with "
                "data.unannotated: keep they are examples without any class"
            )
    return lines
