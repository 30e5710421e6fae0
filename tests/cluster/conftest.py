"""A SLURM for the tests of this folder, and the miniature on it. They are skipped where no SLURM can be started."""

import subprocess
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.cluster.slurm import Cluster, running_cluster, why_not
from tests.workflow.conftest import Outcome, Workplace, environment

OFTEN = Path(__file__).with_name("often.py")


@dataclass(frozen=True)
class Submitting:
    """A workplace whose workflow is submitted to a cluster by the profile."""

    place: Workplace
    cluster: Cluster

    def start(self, *arguments: str | Path, python: Path | str = sys.executable) -> subprocess.Popen[bytes]:
        """Start snakemake through the project's profile. `python` runs the jobs."""
        profile = self.place.project / "profiles" / "slurm"
        files = ["--snakefile", self.place.project / "Snakefile", "--directory", self.place.work]
        command = [OFTEN, python, *arguments, "--workflow-profile", profile, *files]
        with self.output.open("wb") as output:
            return subprocess.Popen(
                [sys.executable, *map(str, command)],
                cwd=self.place.work,
                env=environment() | {"PATH": self.cluster.path},
                stdout=output,
                stderr=subprocess.STDOUT,
            )

    def snakemake(self, *arguments: str | Path, python: Path | str = sys.executable) -> Outcome:
        """Run it to its end."""
        code = self.start(*arguments, python=python).wait(timeout=900)
        return Outcome(code, self.output.read_text())

    @property
    def output(self) -> Path:
        """What snakemake has printed."""
        return self.place.root / "output.txt"


@pytest.fixture(scope="package")
def cluster() -> Iterator[Cluster]:
    """A running SLURM of this test process alone."""
    if reason := why_not():
        pytest.skip(reason)
    # A socket's path has at most 107 characters, and pytest's own folders may be deep.
    with tempfile.TemporaryDirectory(prefix="slurm-") as folder, running_cluster(Path(folder)) as running:
        yield running
