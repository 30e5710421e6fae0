"""Settings of stages that train a network, or take a finished one in place of the training."""

from collections.abc import Mapping
from typing import Any, ClassVar

from pydantic import model_validator

from wsss.settings.base import Settings
from wsss.settings.values import Name


class TrainedPart(Settings):
    """Settings of a stage that trains a network, or takes a finished one."""

    # The settings that say which network it is. A finished network has no others: those of the training have no effect.
    of_the_network: ClassVar[frozenset[str]] = frozenset()

    # The name, in tables, of a finished network that is used instead of a training. `locations` has its file, under the
    # stage and this name. null: the network is trained.
    finished: Name | None = None

    @model_validator(mode="before")
    @classmethod
    def _leave_out_the_training(cls, values: Any) -> Any:
        if not isinstance(values, Mapping) or values.get("finished") is None:
            return values
        training = cls.model_fields.keys() - cls.of_the_network - {"finished"}
        return {name: value for name, value in values.items() if name not in training}

    @property
    def label(self) -> str:
        """The name of the finished network; empty if the network is trained."""
        return self.finished or ""
