"""The tests' own SLURM: nothing of it goes on after the process that has started it."""

import subprocess
import sys
from pathlib import Path

import psutil

from tests.cluster.slurm import Cluster
from tests.conftest import PROJECT

STARTING = """
import sys, time
from pathlib import Path
from tests.cluster.slurm import running_cluster

with running_cluster(Path(sys.argv[1])) as cluster:
    started = cluster.folder / "started"
    cluster.run("sbatch", "--output=/dev/null", "--wrap", f"sleep 600 & touch {started}; wait")
    while not started.exists():
        time.sleep(0.1)
    print("running", flush=True)
    time.sleep(600)
"""


def test_a_cluster_ends_with_the_process_that_started_it(cluster: Cluster, tmp_path: Path) -> None:
    """Also a second one at the same time, with a job, whose process is killed."""
    starting = subprocess.Popen(
        [sys.executable, "-c", STARTING, tmp_path], cwd=PROJECT, stdout=subprocess.PIPE, text=True
    )
    assert starting.stdout is not None
    assert starting.stdout.readline() == "running\n"
    processes = psutil.Process(starting.pid).children(recursive=True)
    names = {process.name() for process in processes}
    assert {"munged", "slurmctld", "slurmd", "slurmstepd", "sleep"} <= names
    starting.kill()
    starting.wait()
    _, alive = psutil.wait_procs(processes, timeout=30)
    assert not alive
    assert cluster.run("sinfo", "--noheader")
