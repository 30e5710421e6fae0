"""Snakemake as a user runs it: a copy of the project's files, a folder to work in, and one finished run for all."""

import compileall
import os
import re
import shutil
import subprocess
import sys
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
import yaml
from filelock import FileLock

from tests.runtime.made_devices import made_host
from tests.workflow.forks import run_snakemake
from tests.workflow.warm_python import warm_python
from wsss.data.augmentation import Normalisation, augmented_pair
from wsss.data.sources.synthetic.scenes import CLASS_NAMES
from wsss.refinement.random_walk import random_walk
from wsss.settings.config import merge

PROJECT = Path(__file__).parents[2]
WORKFLOW = ("Snakefile", "config.yaml", "configs", "envs", "profiles", "rules", "workflow_scripts", "wsss")
TINY = Path(__file__).with_name("tiny.yaml")
CORES = 2
# The classes of the miniature's scenes.
CLASSES = CLASS_NAMES[:4]


@dataclass(frozen=True)
class Outcome:
    """What a command left: its exit code, and its output and errors together."""

    code: int
    output: str


@dataclass(frozen=True)
class Workplace:
    """A folder holding `project`, a copy of the workflow's files, and `work`, where snakemake runs."""

    root: Path

    @property
    def project(self) -> Path:
        """The copy of the project: Snakefile, rules, library and configs."""
        return self.root / "project"

    @property
    def work(self) -> Path:
        """The working directory, with results/ and logs/."""
        return self.root / "work"

    @property
    def output(self) -> Path:
        """The file with the output and the errors of the last command."""
        return self.root / "output.txt"

    def command(
        self, *arguments: str | Path, config: Path | None = TINY, cores: int = CORES, threads: int = 1
    ) -> list[str]:
        """The arguments of snakemake for this workplace, with at most so many cores for each job."""
        command = [*arguments, "--cores", cores, "--max-threads", threads, "--snakefile", self.project / "Snakefile"]
        command += ["--directory", self.work, *([] if config is None else ["--configfile", config])]
        return list(map(str, command))

    def snakemake(self, *arguments: str | Path, config: Path | None = TINY, host: Path | None = None) -> Outcome:
        """Run `snakemake <arguments>` with two cores, one for each job, and this config; None leaves it to the profile.

        Jobs run with a Python that starts fast (tests/workflow/warm_python.py). `host` is the folder of an nvidia-smi,
        which says what devices there are. Without it none may be used.
        """
        variables = environment() if host is None else on_host(host)
        code = run_snakemake(self.command(*arguments, config=config), self.work, variables, self.output, warm_python())
        return Outcome(code, self.output.read_text())

    def planned(self, *arguments: str | Path, config: Path | None = TINY) -> Counter[str]:
        """Rules that `snakemake -n` lists, with the number of their jobs."""
        found = self.snakemake("-n", *arguments, config=config)
        assert found.code == 0, found.output
        return jobs_of(found.output)

    def write_config(self, changes: Mapping[str, Any], without: tuple[str, ...] = ()) -> Path:
        """A new config file: the miniature one without some keys and with some changes."""
        base = {key: value for key, value in yaml.safe_load(TINY.read_text()).items() if key not in without}
        number = len(list(self.root.glob("config-*.yaml")))
        path = self.root / f"config-{number}.yaml"
        path.write_text(yaml.safe_dump(merge(base, changes)))
        return path

    def only(self, pattern: str) -> Path:
        """The one file or folder of the work folder that fits a pattern."""
        (found,) = self.work.glob(pattern)
        return found

    def leftovers(self) -> list[Path]:
        """Temporary files that something has left behind."""
        return list(self.work.glob("results/**/*.tmp"))


def environment() -> dict[str, str]:
    """The environment of commands under test. The number of threads is left to the workflow, and no GPU is used.

    Threads that wait give up their core, because several workflows share the cores. Modules are compiled once.
    """
    without = {"PYTHONDONTWRITEBYTECODE", *(key for key in os.environ if key.endswith("_NUM_THREADS"))}
    inherited = {key: value for key, value in os.environ.items() if key not in without}
    return inherited | {"OMP_WAIT_POLICY": "PASSIVE", "CUDA_VISIBLE_DEVICES": ""}


def on_host(host: Path) -> dict[str, str]:
    """The environment of commands on a host whose devices are told by the nvidia-smi in the folder `host`."""
    variables = environment() | {"PATH": f"{host}{os.pathsep}{os.environ['PATH']}"}
    del variables["CUDA_VISIBLE_DEVICES"]
    return variables


def run(arguments: list[Any], folder: Path, python: Path | str = sys.executable, **more: str) -> Outcome:
    """Run a Python with `arguments` in `folder`, and with `more` in the environment."""
    done = subprocess.run(
        [python, *map(str, arguments)],
        cwd=folder,
        env=environment() | more,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=600,
    )
    return Outcome(done.returncode, done.stdout)


def rewrite(file: Path, text: str) -> None:
    """Write a file, which is then newer than anything that was made."""
    file.write_text(text)
    os.utime(file)


def jobs_of(output: str) -> Counter[str]:
    """The table of jobs in a dry-run's output: rule names and counts, without the total."""
    if "Nothing to be done" in output:
        return Counter()
    table = re.search(r"^Job stats:\njob +count\n[- ]+\n((?:\w+ +\d+\n)+)", output, re.MULTILINE)
    assert table, output
    rows = (line.split() for line in table[1].splitlines())
    return Counter({name: int(count) for name, count in rows if name != "total"})


def unfinished(folder: str, names: list[str]) -> set[str]:
    """Files in a folder of compiled code that another process is just writing."""
    finished = (".pyc", ".nbi", ".nbc", ".json")
    return {name for name in names if not name.endswith(finished)} if Path(folder).name == "__pycache__" else set()


def new_workplace(root: Path) -> Workplace:
    """A workplace in the empty folder `root`, where nothing has run yet."""
    place = Workplace(root)
    place.work.mkdir(parents=True)
    for name in WORKFLOW:
        source, target = PROJECT / name, place.project / name
        if source.is_dir():
            shutil.copytree(source, target, ignore=unfinished)
        else:
            target.parent.mkdir(exist_ok=True)
            shutil.copy2(source, target)
    return place


@pytest.fixture
def workplace(tmp_path: Path) -> Workplace:
    """A workplace where nothing has run yet."""
    return new_workplace(tmp_path / "place")


def made_once(factory: pytest.TempPathFactory, name: str, make: Callable[[Path], None]) -> Path:
    """A folder that all processes of a test run share. The first that asks for it makes it; the others wait."""
    base = factory.getbasetemp()
    folder = (base.parent if "PYTEST_XDIST_WORKER" in os.environ else base) / name
    done = folder.with_suffix(".done")
    with FileLock(folder.with_suffix(".lock")):
        if not done.exists():
            shutil.rmtree(folder, ignore_errors=True)
            make(folder)
            done.touch()
    return folder


@pytest.fixture(scope="session", autouse=True)
def compiled(tmp_path_factory: pytest.TempPathFactory) -> None:
    """Compile modules and loops and find the digests of code once in the project. A workplace takes them along."""

    def make(folder: Path) -> None:
        folder.mkdir()
        for name in ("wsss", "workflow_scripts"):
            compileall.compile_dir(PROJECT / name, quiet=1)
        plan = ["-n", "--cores", "1", "--snakefile", PROJECT / "Snakefile", "--configfile", TINY]
        planned = folder / "planned.txt"
        code = run_snakemake([*map(str, plan)], folder, environment(), planned, sys.executable)
        assert code == 0, planned.read_text()
        size, rng = (8, 8), np.random.default_rng(0)
        normalisation = Normalisation((0.5,) * 3, (0.5,) * 3)
        augmented_pair(np.zeros((*size, 3), np.uint8), np.zeros(size, np.uint8), 1.5, 8, normalisation, rng)
        random_walk(torch.ones(1, *size), torch.zeros(size))

    made_once(tmp_path_factory, "compiled", make)


@pytest.fixture(scope="session")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Workplace:
    """A workplace where the miniature config has run from nothing to its report, on a host with two devices.

    They are made up, so networks run on the CPU. To be read only.
    """

    def make(folder: Path) -> None:
        with made_host(2) as host:
            outcome = new_workplace(folder).snakemake(host=host)
        assert outcome.code == 0, outcome.output

    return Workplace(made_once(tmp_path_factory, "finished", make))


def folder_config(dataset: Path, **changes: Any) -> dict[str, Any]:
    """Changes of the miniature config, made `without=("data",)`: a folder of its scenes, no val, and one shard."""
    classes = {name: value for value, name in enumerate(CLASSES, 1)}
    data = {"kind": "folder", "name": "moved", "classes": classes, "lists": {"val": None}}
    return {"data": data, "locations": {"dataset": str(dataset)}, "shards": 1, **changes}


@pytest.fixture(scope="session")
def folder_run(finished: Workplace, tmp_path_factory: pytest.TempPathFactory) -> Workplace:
    """A workplace where the miniature has run on a folder without masks and val to its report. To be read only.

    The folder is `dataset`, beside the project. There is no device, so jobs of networks run one by one.
    """

    def make(folder: Path) -> None:
        place = new_workplace(folder)
        shutil.copytree(finished.only("results/data-synthetic-*/dataset"), folder / "dataset")
        shutil.rmtree(folder / "dataset" / "SegmentationClass")
        config = place.write_config(folder_config(folder / "dataset"), without=("data",))
        outcome = place.snakemake(config=config)
        assert outcome.code == 0, outcome.output

    return Workplace(made_once(tmp_path_factory, "folder_run", make))


@pytest.fixture
def copy_of_finished(finished: Workplace, tmp_path: Path) -> Workplace:
    """A copy of the finished workplace, with its time stamps, to change at will."""
    shutil.copytree(finished.root, tmp_path / "copy", symlinks=True)
    return Workplace(tmp_path / "copy")


@pytest.fixture
def copy_of_folder_run(folder_run: Workplace, tmp_path: Path) -> Workplace:
    """A copy of it in another folder: project, results and dataset have moved together."""
    shutil.copytree(folder_run.root, tmp_path / "moved", symlinks=True)
    return Workplace(tmp_path / "moved")
