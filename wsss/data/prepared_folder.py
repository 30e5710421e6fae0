"""Where a prepared dataset lies that a user names by its folder or by a finished run."""

from pathlib import Path

from wsss.data.run_artifacts import ARTIFACTS, stage_folder
from wsss.errors import WsssError

# One of these is in every prepared dataset, a damaged one included.
OWN_FILES = ("images.tsv", "dataset.json", "lists")


def prepared_folder(place: Path) -> Path:
    """The prepared dataset at a place: the folder itself, or that of the run whose folder it is."""
    if (place / ARTIFACTS).is_file():
        return stage_folder(place, "data")
    if not place.is_dir():
        raise WsssError(f"no folder {place}: name results/data-<name>-<hash>, or a finished run's results/runs/<run>")
    if not any((place / name).exists() for name in OWN_FILES):
        raise WsssError(
            f"{place} is neither a prepared dataset nor a finished run: name results/data-<name>-<hash>, or "
            f"results/runs/<run> with its {ARTIFACTS}"
        )
    return place
