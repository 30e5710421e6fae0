"""Where things lie in a folder in VOC layout; planning reads this, so nothing heavy is loaded."""

from pathlib import Path


def list_path(source: Path, name: str) -> Path:
    """The list of ids `name`."""
    return source / "ImageSets" / "Segmentation" / f"{name}.txt"


def image_labels_path(source: Path) -> Path:
    """The table of image-level labels."""
    return source / "image_labels.csv"
