"""The version of this package."""

import tomllib
from importlib.metadata import PackageNotFoundError
from importlib.metadata import version as version_of
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
        return version_of("wsss")
    except PackageNotFoundError:
        return "unknown"
