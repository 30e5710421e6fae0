"""Loads parts. A part is the module of a method, which settings name in `code`.

The settings of a part do not import torch, so planning does not need it. The module of a part has its code. The
settings of a step say which parts it uses. Only the code of these parts is in the digest of the step
(`wsss.plan.provenance`). What `import wsss` offers is loaded in the same way, when it is used.
"""

from importlib import import_module
from typing import Any


def load_part(module: str) -> Any:
    """A part's module, by its full name. It has a function `build`, which the interface of the method describes."""
    return import_module(module)
