"""Types of values that every kind of dataset has."""

from typing import Annotated

from pydantic import Field

from wsss.settings.numbers import Whole

# Names are parts of the names of folders, which hold at most 255 bytes.
LONGEST_NAME = 100
Name = Annotated[str, Field(pattern="^[A-Za-z0-9_.-]+$", max_length=LONGEST_NAME)]
# Masks and label images are bytes. 255 is ignored, and 254 as a number stands for values without a meaning.
LARGEST_VALUE = 254
MOST_CLASSES = 253
MaskValue = Annotated[int, Whole(1, LARGEST_VALUE)]
