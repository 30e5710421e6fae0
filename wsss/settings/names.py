"""Names that become parts of paths."""

from typing import Annotated

from pydantic import Field

# A name in paths and tables.
Name = Annotated[str, Field(pattern="^[A-Za-z0-9_.-]+$")]
