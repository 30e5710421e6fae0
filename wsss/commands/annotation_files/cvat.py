"""Masks in the form of "CVAT for images 1.1": XML with one mask for each class of a photograph.

A mask has the run lengths of its bounding box, row after row, first those of the pixels outside the region. See "XML
annotation format" in CVAT's documentation.
"""

from collections.abc import Sequence
from pathlib import Path
from xml.etree.ElementTree import Element, SubElement, tostring

from wsss.commands.annotation_files.regions import Labelled, bounding_box, regions, run_lengths
from wsss.data.images import read_labels, voc_palette
from wsss.data.label_values import LabelValues
from wsss.files import atomic_path
from wsss.progress import track


def write_cvat(path: Path, photographs: Sequence[Labelled], values: LabelValues) -> None:
    """Write the regions of the classes as masks of CVAT.

    Parameters
    ----------
    path : Path
        The .xml. It is written completely or not at all.
    photographs : Sequence[Labelled]
        The photographs with their label images, which are read one at a time.
    values : LabelValues
        The values of the classes.

    Raises
    ------
    WsssError
        If a label image cannot be read.
    """
    with atomic_path(path) as temporary, temporary.open("w", encoding="utf-8") as file:
        file.write('<?xml version="1.0" encoding="utf-8"?>\n<annotations>\n<version>1.1</version>\n')
        file.write(tostring(_task(len(photographs), values), "unicode") + "\n")
        shown = track(photographs, len(photographs), f"writing {path.name}", "photograph")
        for number, photograph in enumerate(shown):
            file.write(tostring(_image(number, photograph, values), "unicode") + "\n")
        file.write("</annotations>\n")


def _task(images: int, values: LabelValues) -> Element:
    """What CVAT needs to know of the task: the number of images, and the classes with their colours."""
    meta, palette = Element("meta"), voc_palette()
    task = SubElement(meta, "task")
    SubElement(task, "size").text = str(images)
    SubElement(task, "mode").text = "annotation"
    labels = SubElement(task, "labels")
    for name, value in sorted(values.classes.items(), key=lambda item: item[1]):
        label = SubElement(labels, "label")
        SubElement(label, "name").text = name
        SubElement(label, "color").text = "#" + palette[value].tobytes().hex()
        SubElement(label, "type").text = "mask"
        SubElement(label, "attributes")
    return meta


def _image(number: int, photograph: Labelled, values: LabelValues) -> Element:
    """A photograph with its regions."""
    labels = read_labels(photograph.labels)
    height, width = labels.shape
    image = Element("image", id=str(number), name=photograph.name, width=str(width), height=str(height))
    for region in regions(labels, values):
        rows, columns = bounding_box(region.mask)
        SubElement(
            image,
            "mask",
            label=region.name,
            source="auto",
            occluded="0",
            rle=", ".join(map(str, run_lengths(region.mask[rows, columns]).tolist())),
            left=str(columns.start),
            top=str(rows.start),
            width=str(columns.stop - columns.start),
            height=str(rows.stop - rows.start),
            z_order="0",
        )
    return image
