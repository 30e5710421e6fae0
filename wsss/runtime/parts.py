"""Methods as parts: the module that settings name in `code`, loaded only when it is asked for.

A part's settings are light, so that the work can be planned without torch; its module holds the code. Which parts a
step uses is known from its settings, and only their code enters the digest of the step (`wsss.plan.provenance`).
"""

from importlib import import_module
from typing import Any


def load_part(module: str) -> Any:
    """A part's module, from its full name; each seam says what its `build` takes and gives."""
    return import_module(module)
