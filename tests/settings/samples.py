"""Settings that several of these tests start from."""

from typing import Any

from wsss.settings.classifier import ClassifierSettings

BACKBONE: dict[str, Any] = {"name": "resnet50", "weights": "imagenet"}
FOLDER: dict[str, Any] = {"kind": "folder", "name": "mine", "classes": {"cat": 1, "dog": 2}}


def classifier(**changes: Any) -> ClassifierSettings:
    """A classifier's settings, with these changes."""
    return ClassifierSettings.read("classifier", {"backbone": BACKBONE} | changes)
