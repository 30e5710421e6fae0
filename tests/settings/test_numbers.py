"""Every number of a config has bounds, and switches are true or false."""

import inspect
import math
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path
from typing import Annotated, Any, get_args, get_origin

import pytest
from pydantic import TypeAdapter, ValidationError

from tests.settings.samples import BACKBONE
from wsss import settings
from wsss.errors import WsssError, printable, shown
from wsss.settings.base import Settings
from wsss.settings.classifier import ClassifierSettings
from wsss.settings.config import read_config
from wsss.settings.numbers import Batch, Rate, Real, Share, Switch, Whole
from wsss.settings.report import ReportSettings

# Settings whose numbers are checked by a validator of the whole value, tested in test_own_images.py and
# test_label_files.py.
CHECKED_WHOLE = {"ImagesSettings.classes", "ImagesSettings.ignored_classes", "LabelFileSettings.values"}


def every_class() -> list[type[Settings]]:
    names = [path.stem for path in sorted(Path(settings.__file__ or "").parent.glob("[a-z]*.py"))]
    modules = [import_module(f"wsss.settings.{name}") for name in names]
    found = [one for module in modules for _, one in inspect.getmembers(module, inspect.isclass)]
    return list(dict.fromkeys(one for one in found if issubclass(one, Settings)))


def numbers(annotation: Any, beside: tuple[Any, ...] = ()) -> Iterator[tuple[type, tuple[Any, ...]]]:
    """Every int, float and bool inside an annotation, with what stands beside it in Annotated."""
    if get_origin(annotation) is Annotated:
        inner, *own = get_args(annotation)
        yield from numbers(inner, tuple(own))
    elif annotation in (int, float, bool):
        yield annotation, beside
    else:
        for part in get_args(annotation):
            if not isinstance(part, int | str):
                yield from numbers(part)


def all_numbers() -> list[tuple[str, type, tuple[Any, ...]]]:
    return [
        (f"{model.__name__}.{name}", kind, beside)
        for model in every_class()
        for name, field in model.model_fields.items()
        for kind, beside in numbers(field.annotation, tuple(field.metadata))
        if f"{model.__name__}.{name}" not in CHECKED_WHOLE
    ]


def test_there_are_many() -> None:
    assert len(all_numbers()) > 80


def test_every_number_has_bounds_and_every_switch_is_one() -> None:
    loose = [
        f"{where}: {kind.__name__}"
        for where, kind, beside in all_numbers()
        if not any(isinstance(one, Whole | Real) for one in beside) and not (kind is bool and beside)
    ]
    assert loose == []


@pytest.mark.parametrize("value", [True, False, 10**30, -1, 0, 2.5, math.inf, math.nan, "many", "9" * 5000, None, []])
def test_what_is_no_batch_is_refused(value: Any) -> None:
    with pytest.raises(WsssError) as caught:
        ClassifierSettings.read("classifier", {"backbone": BACKBONE, "batch": value})
    message = str(caught.value)
    assert message.startswith("config: classifier.batch = ")
    assert message.endswith(": a whole number from 1 to 65536 is needed")
    assert len(message) < 300


@pytest.mark.parametrize("value", [True, 0, -1, 1001, 10**400, "x", math.nan, {}])
def test_what_is_no_rate_is_refused(value: Any) -> None:
    with pytest.raises(ValidationError, match="a number above 0 to 1000 is needed"):
        TypeAdapter(Rate).validate_python(value)


@pytest.mark.parametrize(
    ("kind", "value", "read"),
    [(Batch, "8", 8), (Batch, 8.0, 8), (Rate, "1e-4", 1e-4), (Rate, 1, 1.0), (Share, 0, 0.0), (Share, 1, 1.0)],
)
def test_texts_of_the_command_line_and_of_yaml_are_numbers(kind: Any, value: Any, read: float) -> None:
    found = TypeAdapter(kind).validate_python(value)
    assert found == read
    assert type(found) is type(read)


@pytest.mark.parametrize("value", [1, 0, "yes", "no", None, 1.0])
def test_a_switch_is_true_or_false(value: Any) -> None:
    with pytest.raises(WsssError, match=r"config: report\.masks = .*: true or false is needed"):
        ReportSettings.read("report", {"masks": value})


def test_a_switch_is_read_from_a_text() -> None:
    assert [TypeAdapter(Switch).validate_python(one) for one in ("true", "False", True)] == [True, False, True]


def test_a_number_of_a_million_digits_is_told_without_writing_it() -> None:
    assert shown(1 << 4_000_000) == "int too large to show"
    with pytest.raises(WsssError, match="unknown key"):
        read_config({1 << 4_000_000: 1})


def test_no_text_reaches_a_terminal_raw() -> None:
    assert printable("a\x1b[31mb\nc\u202ed\ud800é") == "a\\x1b[31mb\\nc\\u202ed\\ud800é"
    with pytest.raises(WsssError) as caught:
        read_config({"\x1b[31mred\n": 1})
    assert "\x1b" not in str(caught.value)
    assert "\n" not in str(caught.value)
