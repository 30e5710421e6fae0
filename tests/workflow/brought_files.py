"""Files of users in place of stages, made of a finished run."""

import shutil
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from tests.workflow.conftest import Workplace
from wsss.stores.cam_store import CamStore


def stage_folder(place: Workplace, stage: str) -> Path:
    """The one folder of a stage in the finished workplace."""
    return place.only(f"results/data-*/**/{stage}-*/").resolve()


def write_irn(cams: Path, folder: Path) -> None:
    """The CAMs in a folder of CAMs, as IRNet writes them."""
    folder.mkdir(parents=True)
    for path in cams.glob("stores/*.zarr.zip"):
        image_id = path.name.removesuffix(".zarr.zip")
        store = CamStore.read(path, image_id)
        content: Any = {"keys": store.keys, "cam": store.strided(), "high_res": store.full()}
        np.save(folder / f"{image_id}.npy", content, allow_pickle=True)


def write_masks(labels: Path, folder: Path) -> None:
    """Two boxes as masks of objects, for each label image."""
    folder.mkdir(parents=True)
    for path in labels.glob("*.png"):
        masks = np.zeros(Image.open(path).size[::-1], np.uint8)
        masks[:20, :20], masks[20:40, 10:50] = 1, 2
        Image.fromarray(masks).save(folder / path.name)


def bring_files(finished: Workplace, folder: Path) -> None:
    """Write label images, masks and networks of a finished run into a folder, as a user brings them."""
    shutil.copytree(stage_folder(finished, "pseudo_labels") / "labels", folder / "labels")
    write_masks(folder / "labels", folder / "sam")
    for stage, name in (("classifier", "classifier"), ("irnet", "edges"), ("segmentation", "segmenter")):
        shutil.copy(stage_folder(finished, stage) / f"{name}.safetensors", folder / f"{stage}.safetensors")


def places(folder: Path) -> dict[str, Any]:
    """The settings that say where these files lie."""
    networks = {
        stage: {"mine": str(folder / f"{stage}.safetensors")} for stage in ("classifier", "irnet", "segmentation")
    }
    labels = {"pseudo_labels": {"mine": str(folder / "labels")}, "merged_labels": {"sam": str(folder / "sam")}}
    return {"locations": labels | networks}
