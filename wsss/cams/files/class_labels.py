"""Which class of a dataset a name or number in a file of CAMs means."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import get_args

from wsss.data.dataset import Dataset
from wsss.settings.cam_files import Numbers

SHOWN = 10
# COCO's values go up to 90.
MOST_VALUES = 100


@dataclass(frozen=True)
class ClassLabels:
    """The classes of a dataset, by name and by number.

    Parameters
    ----------
    dataset : Dataset
        The dataset.
    numbers : {"from_0", "from_1", "values", "values_from_0"}
        What a number means; see `CamFileSettings`.
    """

    dataset: Dataset
    numbers: Numbers

    @cached_property
    def by_number(self) -> dict[int, int]:
        """Classes from 0 by their number in files."""
        values = self.dataset.values.classes.values()
        first = {"from_0": 0, "from_1": 1, "values": 0, "values_from_0": -1}[self.numbers]
        numbers = values if self.numbers.startswith("values") else range(len(values))
        return {number + first: position for position, number in enumerate(numbers)}

    @cached_property
    def rows(self) -> int:
        """How many maps an array of all classes has, at least: the largest number and 1."""
        return max(self.by_number) + 1

    @property
    def most_rows(self) -> int:
        """How many it may have. Values may go beyond the classes of the dataset, which may be some of VOC's."""
        return max(self.rows, MOST_VALUES) if self.numbers.startswith("values") else self.rows

    def find(self, label: str | int) -> int | None:
        """The class of a name or number, from 0; None if there is none. A name comes before a number."""
        if isinstance(label, str) and label in self.dataset.classes:
            return self.dataset.classes.index(label)
        if isinstance(label, str) and not (label.isascii() and label.isdigit() and len(label) < 10):
            return None
        return self.by_number.get(int(label))

    def faults(self, labels: Sequence[str | int], present: Iterable[int]) -> list[str]:
        """What is wrong with the classes of a file.

        Parameters
        ----------
        labels : Sequence[str | int]
            The classes of the file.
        present : Iterable[int]
            The classes of the image, from 0.

        Returns
        -------
        list[str]
            One text for each kind of fault; empty if the file has each class of the image once, and no other.
        """
        found, wanted, names = [self.find(label) for label in labels], set(present), self.dataset.classes
        unknown = [label for label, one in zip(labels, found, strict=True) if one is None]
        others = sorted({one for one in found if one is not None} - wanted)
        missing = sorted(wanted - set(found))
        twice = sorted({one for one in found if one is not None and found.count(one) > 1})
        faults = [
            *([f"no class of the dataset: {_listed(unknown)}"] if unknown else []),
            *([f"not in the image-level label: {_listed([names[one] for one in others])}"] if others else []),
            *([f"no map of {_listed([names[one] for one in missing])}"] if missing else []),
            *([f"two maps of {_listed([names[one] for one in twice])}"] if twice else []),
        ]
        fitting = [other for other in get_args(Numbers) if faults and self._fits(other, labels, wanted)]
        return [*faults, *([f"all fits with cams.numbers: {fitting[0]}"] if fitting else [])]

    def _fits(self, numbers: Numbers, labels: Sequence[str | int], wanted: set[int]) -> bool:
        """Whether the classes are those of the image if numbers are counted in another way."""
        other = ClassLabels(self.dataset, numbers)
        return len(labels) == len(wanted) and {other.find(label) for label in labels} == wanted


def _listed(names: Sequence[str | int]) -> str:
    more = f" and {len(names) - SHOWN} more" if len(names) > SHOWN else ""
    return ", ".join(str(name)[:60] for name in names[:SHOWN]) + more
