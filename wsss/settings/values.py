"""Types of values that every kind of dataset has."""

from typing import Annotated

from pydantic import Field

Name = Annotated[str, Field(pattern="^[A-Za-z0-9_.-]+$")]
MaskValue = Annotated[int, Field(ge=1, le=254)]
