"""Settings that several of these tests start from."""

from typing import Any, get_args

from wsss.settings.base import Settings
from wsss.settings.classifier import ClassifierSettings

BACKBONE: dict[str, Any] = {"name": "resnet50", "weights": "imagenet"}
FOLDER: dict[str, Any] = {"kind": "folder", "name": "mine", "classes": {"cat": 1, "dog": 2}}


def classifier(**changes: Any) -> ClassifierSettings:
    """A classifier's settings, with these changes."""
    return ClassifierSettings.read("classifier", {"backbone": BACKBONE} | changes)


def members(union: Any) -> list[type[Settings]]:
    """The classes of settings that a field of several methods takes."""
    return list(get_args(get_args(union)[0]))


def of_method(model: type[Settings]) -> Settings:
    """Settings of one method, with all its defaults."""
    (method,) = get_args(model.model_fields["method"].annotation)
    return model.model_validate({"method": method})
