"""The version of this package."""

import tomllib
from importlib import metadata
from pathlib import Path

PROJECT = Path(__file__).resolve().parents[2]


def version() -> str:
    """The version of the code that runs: that of the project's folder, or of the installed package."""
    try:
        with (PROJECT / "pyproject.toml").open("rb") as file:
            project = tomllib.load(file)["project"]
        if project["name"] == "wsss":
            return str(project["version"])
    except (OSError, ValueError, KeyError, TypeError):
        pass
    try:
        return metadata.version("wsss")
    except metadata.PackageNotFoundError:
        return "unknown"
