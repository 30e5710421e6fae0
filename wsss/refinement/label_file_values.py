"""What the pixels of label images stand for that were made elsewhere."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Self

import numpy as np

from wsss.data.images import read_colours, read_labels, voc_palette
from wsss.data.label_values import UNKNOWN, LabelValues
from wsss.errors import WsssError
from wsss.settings.data import VOC_VALUES
from wsss.settings.label_files import LabelFileSettings

# Messages name so many values of a file, and so many classes.
MOST_VALUES = 5
MOST_CLASSES_NAMED = 30


@dataclass(frozen=True)
class PixelMeaning:
    """The class of each value or colour.

    Parameters
    ----------
    values : LabelValues
        The value of each class.
    coloured : bool
        Whether pixels hold the colours that VOC's palette gives to the values.
    """

    values: LabelValues
    coloured: bool = False

    @classmethod
    def of(cls, known: LabelValues, settings: LabelFileSettings) -> Self:
        """The meaning that settings give to pixels, for a dataset with the classes and ignored classes of `known`.

        Raises WsssError if the values do not fit the classes.
        """
        match settings.values:
            case "config" | "palette":
                return cls(known, coloured=settings.values == "palette")
            case "numbers":
                own = {name: number for number, name in enumerate(known.classes, 1)}
            case "voc":
                own = VOC_VALUES
            case dict() as own:
                _check_table(known, own)
        _check_classes(known, own, settings.values == "voc")
        classes, ignored = (
            {name: own[name] for name in names if name in own} for names in (known.classes, known.ignored_classes)
        )
        return cls(LabelValues(classes, ignored, known.has_background))

    @property
    def legend(self) -> str:
        """What pixels may hold."""
        named = self.values.legend()
        told = [f"{one['colour'] if self.coloured else value} {one['name']}" for value, one in named.items()]
        more = [f"{len(told) - MOST_CLASSES_NAMED} more"] if len(told) > MOST_CLASSES_NAMED else []
        return ", ".join([*told[:MOST_CLASSES_NAMED], *more])

    def numbers(self, path: Path) -> tuple[np.ndarray, str]:
        """Class numbers of a label image, and what it holds that is no class.

        Parameters
        ----------
        path : Path
            The label image.

        Returns
        -------
        tuple[np.ndarray, str]
            Numbers, uint8 (height, width): 0 background, 1..n classes, 255 ignored, 254 no class. A text that names the
            values or colours that are no class; it is empty if there are none.

        Raises
        ------
        WsssError
            If the file cannot be read.
        """
        pixels = _codes(read_colours(path)) if self.coloured else read_labels(path)
        numbers: np.ndarray = self._table[pixels]
        strange, counts = np.unique(pixels[numbers == UNKNOWN], return_counts=True)
        return numbers, self._told(strange.tolist(), counts.tolist())

    @cached_property
    def _table(self) -> np.ndarray:
        """The number of each value, uint8 (256,), or of each colour's code, uint8 (2**24,)."""
        if not self.coloured:
            return self.values.numbers
        table = np.full(2**24, UNKNOWN, np.uint8)
        table[_codes(voc_palette())] = self.values.numbers
        return table

    def _told(self, strange: list[int], counts: list[int]) -> str:
        if not strange:
            return ""
        pairs = zip(strange[:MOST_VALUES], counts[:MOST_VALUES], strict=True)
        shown = [f"{_colour(one) if self.coloured else one} ({count} pixels)" for one, count in pairs]
        more = [f"{len(strange) - MOST_VALUES} more"] if len(strange) > MOST_VALUES else []
        what = "colours" if self.coloured else "values"
        return f"{what} that are no class: {', '.join([*shown, *more])}"


def _codes(colours: np.ndarray) -> np.ndarray:
    """Colours, uint8 (..., 3), as one number each, uint32 (...)."""
    red, green, blue = np.moveaxis(colours.astype(np.uint32), -1, 0)
    codes: np.ndarray = red << 16 | green << 8 | blue
    return codes


def _colour(code: int) -> list[int]:
    return [code >> 16, code >> 8 & 255, code & 255]


def _check_table(known: LabelValues, own: Mapping[str, int]) -> None:
    """Raise WsssError if a table gives values to what is no class, or the background's value to a class."""
    for name, value in own.items():
        if name not in {*known.classes, *known.ignored_classes}:
            raise WsssError(
                f"config: pseudo_labels.values: the dataset has no class {name!r}; its classes are: "
                f"{', '.join([*known.classes][:MOST_CLASSES_NAMED])}"
            )
        if value == 0 and known.has_background:
            raise WsssError(f"config: pseudo_labels.values: {name} = 0, and 0 is the background: correct the value")


def _check_classes(known: LabelValues, own: Mapping[str, int], are_vocs: bool) -> None:
    """Raise WsssError if a class has no value."""
    if missing := [name for name in known.classes if name not in own]:
        names = ", ".join(missing[:MOST_CLASSES_NAMED])
        if are_vocs:
            raise WsssError(
                f"config: pseudo_labels.values = 'voc': PASCAL VOC has no class {names}: say with a table such as "
                "{cow: 3, dog: 5} which values the classes have"
            )
        raise WsssError(f"config: pseudo_labels.values: no value for {names}: give every class of the dataset one")
