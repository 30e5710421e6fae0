"""Weakly-supervised semantic segmentation from image-level labels.

`wsss.load_segmenter(path).predict("cow.jpg")` uses a model that `snakemake model` made.
"""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from wsss.commands.segmenter import Segmented, Segmenter, load_segmenter

    __version__: str

__all__ = ["Segmented", "Segmenter", "__version__", "load_segmenter"]


def __getattr__(name: str) -> Any:
    """What this package offers is loaded when it is used: torch alone takes seconds."""
    if name == "__version__":
        from wsss.commands.version import version

        return version()
    if name in __all__:
        from wsss.commands import segmenter

        return getattr(segmenter, name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
