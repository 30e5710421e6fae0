"""Types of numbers and switches. Each number has bounds, so that a slip of the hand is told at once."""

import math
from dataclasses import dataclass
from typing import Annotated, Any

from pydantic import BeforeValidator, GetCoreSchemaHandler
from pydantic_core import CoreSchema, PydanticCustomError, core_schema

# Longer texts are no numbers that somebody writes. Reading them would take long.
LONGEST_TEXT = 40


@dataclass(frozen=True)
class Whole:
    """Whole numbers from `lowest` to `highest`. True and false are no numbers.

    A text is read as a number: `--config` gives texts.
    """

    lowest: int
    highest: int

    def __get_pydantic_core_schema__(self, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        return core_schema.no_info_before_validator_function(self._check, handler(source))

    def _check(self, value: Any) -> Any:
        number = _number(value)
        if number is None or number != math.floor(number) or not self.lowest <= number <= self.highest:
            raise PydanticCustomError("number", f"a whole number from {self.lowest} to {self.highest} is needed")
        return int(number)


@dataclass(frozen=True)
class Real:
    """Numbers from `lowest` to `highest`, without `lowest` if `above`, without `highest` if `below`.

    True and false are no numbers. A text is read as a number: YAML takes `1e-4`, without a dot, for a text.
    """

    lowest: float
    highest: float
    above: bool = False
    below: bool = False

    def __get_pydantic_core_schema__(self, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        return core_schema.no_info_before_validator_function(self._check, handler(source))

    def _check(self, value: Any) -> Any:
        number = _number(value)
        if number is None or not self._holds(number):
            first = f"above {self.lowest:.12g}" if self.above else f"from {self.lowest:.12g}"
            last = f"below {self.highest:.12g}" if self.below else f"{self.highest:.12g}"
            raise PydanticCustomError("number", f"a number {first} to {last} is needed")
        return number

    def _holds(self, number: float) -> bool:
        low = self.lowest < number if self.above else self.lowest <= number
        high = number < self.highest if self.below else number <= self.highest
        return low and high


def _number(value: Any) -> int | float | None:
    """A finite number, also from a text; None for anything else."""
    if isinstance(value, str) and len(value) <= LONGEST_TEXT:
        try:
            value = float(value) if any(one in value for one in ".eE") else int(value)
        except ValueError:
            return None
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    return value if isinstance(value, int) or math.isfinite(value) else None


def _true_or_false(value: Any) -> Any:
    """A switch. The texts `true` and `false` are read too: `--config` gives texts."""
    known = {"true": True, "false": False}
    if isinstance(value, str) and value.lower() in known:
        return known[value.lower()]
    if not isinstance(value, bool):
        raise PydanticCustomError("switch", "true or false is needed")
    return value


Switch = Annotated[bool, BeforeValidator(_true_or_false)]
# Every seed that all random generators of the libraries take.
Seed = Annotated[int, Whole(0, 2**32 - 1)]
Share = Annotated[float, Real(0, 1)]
# A first learning rate.
Rate = Annotated[float, Real(0, 1000, above=True)]
# A factor of the size of images.
Factor = Annotated[float, Real(0, 16, above=True)]
# A weight of a loss or of a kernel, or the exponent of a formula.
Weight = Annotated[float, Real(0, 1_000_000)]
# The same without 0.
PositiveWeight = Annotated[float, Real(0, 1_000_000, above=True)]
# The width of a kernel, in pixels or in grey levels.
Width = Annotated[float, Real(0, 10_000, above=True)]
# A side or a distance, in pixels or in cells.
Side = Annotated[int, Whole(1, 8192)]
# The images of a batch.
Batch = Annotated[int, Whole(1, 65_536)]
# Passes through a list of images.
Epochs = Annotated[int, Whole(1, 100_000)]
# Steps of a training.
Steps = Annotated[int, Whole(1, 100_000_000)]
# How often a method repeats its step.
Iterations = Annotated[int, Whole(1, 1000)]
# A radius, in cells.
Radius = Annotated[int, Whole(2, 64)]
