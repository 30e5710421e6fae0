"""Readers of the tables of a prepared dataset. Each compares its file with its sum, and says what makes it again."""

import io
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from wsss.data.index import maker_of, remake
from wsss.errors import WsssError
from wsss.manifests.single_files import content_of

DESCRIPTION = {"classes": dict, "ignored_classes": dict, "has_background": bool}


def read_description(path: Path) -> dict[str, Any]:
    """Classes and ignored classes with their values, and whether there is a background. Raises WsssError."""
    try:
        content = json.loads(content_of(path, maker_of(path)))
        found = {name: content[name] for name in DESCRIPTION}
    except (ValueError, KeyError, TypeError) as error:
        raise WsssError(f"{path} cannot be read ({error!r}); {remake(path)}") from None
    for name, kind in DESCRIPTION.items():
        if not isinstance(found[name], kind):
            raise WsssError(f"{path}: {name} is {found[name]!r}; {remake(path)}")
    return found


def read_ids(path: Path) -> list[str]:
    """The ids of a list, in its order. Raises WsssError."""
    try:
        return content_of(path, maker_of(path)).decode().split("\n")[:-1]
    except ValueError as error:
        raise WsssError(f"{path} cannot be read ({error}); {remake(path)}") from None


def read_image_labels(path: Path, classes: Sequence[str]) -> dict[str, np.ndarray]:
    """Image-level labels: image id to float32 zeros and ones of shape (n,). Raises WsssError."""
    # Imported here, because importing pandas takes a third of a second and most steps read no image-level label.
    import pandas as pd

    try:
        content = io.BytesIO(content_of(path, maker_of(path)))
        # An image may be called NA.
        table = pd.read_csv(content, dtype={"image_id": str}, keep_default_na=False).set_index("image_id")
        labels = table[list(classes)].to_numpy(np.float32)
    except (ValueError, KeyError) as error:
        raise WsssError(f"{path} cannot be read ({error}); {remake(path)}") from None
    strange = np.argwhere((labels != 0) & (labels != 1))
    if len(strange):
        row, column = strange[0]
        raise WsssError(
            f"{path}: {table.index[row]}, {classes[column]} is {labels[row, column]:g}, neither 0 nor 1; {remake(path)}"
        )
    return dict(zip(table.index, labels, strict=True))
