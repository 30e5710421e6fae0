"""The Python that runs the jobs."""

from pathlib import Path

from wsss.errors import WsssError


def check_interpreter(python: Path) -> None:
    """Raise WsssError if no job can be started, because Snakemake does not quote the path of its Python."""
    if any(one.isspace() for one in str(python)):
        raise WsssError(
            f"{python}: snakemake starts no job from a folder with a space in its name: make the environment in "
            "another folder (data and results may be in any)"
        )
