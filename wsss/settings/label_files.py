"""Settings of pseudo labels that were made elsewhere and are read from label images."""

from collections.abc import Mapping
from typing import Annotated, Any, ClassVar, Literal, get_args

from pydantic import BeforeValidator

from wsss.errors import shown
from wsss.settings.base import Settings
from wsss.settings.values import LARGEST_VALUE, Name

KindOfValues = Literal["config", "numbers", "voc", "palette"]


def _check_values(values: Any) -> Any:
    """A kind of values, or classes with their values. One message for each mistake, whatever form was meant."""
    if values in get_args(KindOfValues):
        return values
    if not isinstance(values, Mapping):
        raise ValueError(
            f"{shown(values)} is none of {', '.join(get_args(KindOfValues))}, and no table from classes to values such "
            "as {cow: 3, dog: 5}"
        )
    for name, value in values.items():
        # YAML reads yes, no, on, off and numbers as something else than words.
        if not isinstance(name, str):
            raise ValueError(f"{shown(name)} is no name of a class: write it in quotes")
        if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value <= LARGEST_VALUE:
            raise ValueError(f"{name} = {shown(value)}: the value of a class is a whole number of 1..{LARGEST_VALUE}")
    if not values:
        raise ValueError("the table names no class: name each class of the dataset with its value")
    if twice := [value for value in values.values() if [*values.values()].count(value) > 1]:
        raise ValueError(f"two classes have the value {twice[0]}: give each its own")
    return dict(values)


class LabelFileSettings(Settings):
    """Pseudo labels of any method, in label images of a folder. docs/label-files.md describes them."""

    # The stages that these labels need besides CAMs: none. They need no CAMs either.
    needs: ClassVar[tuple[str, ...]] = ()

    # Pseudo labels are read from files.
    method: Literal["files"]
    # The name of the method for paths and tables. `locations.pseudo_labels` has the folder of this name.
    name: Name
    # What pixels hold. config: the values that this dataset's masks have. numbers: 1..n in the order of the classes.
    # voc: the values of PASCAL VOC, by the names of the classes. palette: the colours that VOC's palette has for the
    # values of `config`. A table such as {cow: 3, dog: 5}: values of your own, for every class. 0 is the background,
    # and 255 is ignored. Where every pixel belongs to a class, a class may have the value 0.
    values: Annotated[KindOfValues | dict[str, int], BeforeValidator(_check_values)] = "config"

    @property
    def label(self) -> str:
        """The name of the method, for paths."""
        return f"files_{self.name}"
