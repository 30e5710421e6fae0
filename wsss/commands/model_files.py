"""Where a model lies that a user names by its file, its folder or its run."""

from pathlib import Path

from wsss.errors import WsssError

MODEL = "segmenter.safetensors"
RUNS = Path("results") / "runs"


def model_file(named: str | Path) -> Path:
    """The file of a model.

    Parameters
    ----------
    named : str or Path
        The file, its folder, the folder of a run, or the name of a run below results/runs.

    Returns
    -------
    Path
        The .safetensors.

    Raises
    ------
    WsssError
        If there is none. The message says whether the run has no model yet.
    """
    place = Path(named)
    if place.is_file():
        return place
    places = run_places(place)
    for folder in places:
        for file in (folder / MODEL, folder / "model" / MODEL):
            if file.is_file():
                return file
    if run := next((folder for folder in places if (folder / "metrics.json").is_file()), None):
        raise WsssError(f"the run {run} has no model yet: `snakemake model` with its config makes one")
    there = ", ".join(sorted(path.name for path in RUNS.glob("*") if (path / "model" / MODEL).is_file())[:20])
    known = f"runs with a model: {there}" if there else f"no run below {RUNS} has a model; `snakemake model` makes one"
    raise WsssError(f"no model at {named}: name its {MODEL}, its folder or its run ({known})")


def run_places(named: str | Path) -> list[Path]:
    """The places where a run that a user names may lie. Only a plain name is looked for among the runs too."""
    place = Path(named)
    return [place, RUNS / place] if len(place.parts) == 1 else [place]
