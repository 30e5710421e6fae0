"""Values of classes in masks and label images, and the numbers that computations use.

The n classes of a dataset have the numbers 1..n in the order of their values. 0 is the background. Label images on disk
hold the values of the config: if `cat` is 8 there, a pixel of a cat is 8.

Where every pixel belongs to a class, 0 stands for no class. In label images such pixels are 255.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np

from wsss.data.images import IGNORE, read_labels, voc_palette
from wsss.errors import WsssError

BACKGROUND = "background"
# The number that stands for a value without a meaning. It is never in a label image.
UNKNOWN = 254


@dataclass(frozen=True)
class LabelValues:
    """The value of each class.

    Parameters
    ----------
    classes : Mapping[str, int]
        Values by class name, in the order of the class numbers 1..n.
    ignored_classes : Mapping[str, int]
        Values of known classes that are ignored.
    has_background : bool
        Whether the value 0 is the background.
    """

    classes: Mapping[str, int]
    ignored_classes: Mapping[str, int]
    has_background: bool = True

    @cached_property
    def numbers(self) -> np.ndarray:
        """The number of each value 0..255, uint8 (256,): 0 background, 1..n, 255 ignored, 254 unknown."""
        table = np.full(256, UNKNOWN, np.uint8)
        table[IGNORE] = IGNORE
        if self.has_background:
            table[0] = 0
        for number, value in enumerate(self.classes.values(), 1):
            table[value] = number
        for value in self.ignored_classes.values():
            table[value] = IGNORE
        return table

    @property
    def first(self) -> int:
        """The lowest number that a pixel may have: 0, or 1 where every pixel belongs to a class."""
        return 0 if self.has_background else 1

    @cached_property
    def values(self) -> np.ndarray:
        """The value of each number 0..255, uint8 (256,); a number that is no class keeps its value.

        Without a background the value of 0 is 255, because a pixel without a class says nothing.
        """
        table = np.arange(256, dtype=np.uint8)
        if not self.has_background:
            table[0] = IGNORE
        for number, value in enumerate(self.classes.values(), 1):
            table[number] = value
        return table

    def read(self, path: Path, content: bytes | None = None) -> np.ndarray:
        """Class numbers of a label image.

        Parameters
        ----------
        path : Path
            An indexed or grey image of 8 bits that holds values.
        content : bytes or None
            The file's content, if it has been read.

        Returns
        -------
        np.ndarray
            uint8 (height, width): 0 background, 1..n classes, 255 ignored.

        Raises
        ------
        WsssError
            If the file cannot be read, or holds a value without a meaning.
        """
        labels = read_labels(path, content)
        numbers: np.ndarray = self.numbers[labels]
        unknown = labels[numbers == UNKNOWN]
        if unknown.size:
            raise WsssError(
                f"{path} holds the value {unknown[0]} ({unknown.size} pixels), which is {self._allowed}: correct the "
                "file, or name the value in data.classes or data.ignored_classes"
            )
        return numbers

    def legend(self) -> dict[str, dict[str, object]]:
        """Name and RGB colour of each value that a label image may hold, by the value as text."""
        names = {0: BACKGROUND} if self.has_background else {}
        names |= {value: name for name, value in sorted(self.classes.items(), key=lambda item: item[1])}
        names[IGNORE] = "ignored"
        palette = voc_palette()
        return {str(value): {"name": name, "colour": palette[value].tolist()} for value, name in names.items()}

    @property
    def _allowed(self) -> str:
        ground = "0 (background), " if self.has_background else ""
        return f"neither {ground}a class, an ignored class nor 255 (ignored)"
