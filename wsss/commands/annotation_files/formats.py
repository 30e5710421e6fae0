"""The formats of annotation tools in which masks are also written, and the file of each."""

from collections.abc import Callable, Sequence
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from wsss.commands.annotation_files.regions import Labelled
    from wsss.data.label_values import LabelValues

    Writer = Callable[[Path, Sequence[Labelled], LabelValues], None]


class MaskFormat(StrEnum):
    """What is written besides the label images: nothing, or one file for an annotation tool."""

    PNG = "png"
    COCO = "coco"
    CVAT = "cvat"
    LABEL_STUDIO = "labelstudio"


FILES = {
    MaskFormat.COCO: "annotations.json",
    MaskFormat.CVAT: "annotations.xml",
    MaskFormat.LABEL_STUDIO: "tasks.json",
}


def writer_of(chosen: MaskFormat) -> "Writer | None":
    """What writes the file of a format; None for `png`, which has none.

    Parameters
    ----------
    chosen : MaskFormat
        The format.

    Returns
    -------
    Writer or None
        It takes the file to write, the photographs with their label images, and the values of the classes.

    Raises
    ------
    WsssError
        If the format needs a package that is not installed.
    """
    if chosen is MaskFormat.COCO:
        from wsss.commands.annotation_files.coco import write_coco
        from wsss.data.sources.coco_masks import pycocotools_masks

        pycocotools_masks()
        return write_coco
    if chosen is MaskFormat.CVAT:
        from wsss.commands.annotation_files.cvat import write_cvat

        return write_cvat
    if chosen is MaskFormat.LABEL_STUDIO:
        from wsss.commands.annotation_files.label_studio import write_label_studio

        return write_label_studio
    return None
