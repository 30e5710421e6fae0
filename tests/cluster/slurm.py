"""A SLURM of two nodes on this machine, from Debian's packages: its own folder, ports and key, and no systemd.

Both nodes are daemons here. One has two GPUs, which are devices that every machine has. The partition `urgent` takes
the GPUs from jobs of the partition `gpu`.
"""

import getpass
import os
import re
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

PROGRAMS = ("munged", "slurmctld", "slurmd")
COMMANDS = ("sbatch", "squeue", "srun", "sinfo", "scontrol", "scancel", "sacct")
KEEPER = Path(__file__).with_name("keeper.py")
NODES = ("cpu1", "gpu1")
# Daemons of Debian are not on the path of a plain user.
SEARCHED = os.pathsep.join([os.environ.get("PATH", ""), "/usr/sbin", "/sbin"])
CONF = """\
ClusterName=wsss
SlurmctldHost={host}(127.0.0.1)
SlurmctldPort={ports[0]}
SlurmUser={user}
SlurmdUser={user}
AuthInfo=socket={folder}/munge/socket,cred_expire=5
CommunicationParameters=NoCtldInAddrAny,NoInAddrAny
StateSaveLocation={folder}/state
SlurmdSpoolDir={folder}/%n
SlurmctldPidFile={folder}/slurmctld.pid
SlurmdPidFile={folder}/%n.pid
SlurmctldLogFile={folder}/slurmctld.log
SlurmdLogFile={folder}/%n.log
TaskProlog={folder}/bin/note
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
SelectType=select/cons_tres
SelectTypeParameters=CR_Core_Memory
SchedulerParameters=bf_interval=1,sched_interval=1,batch_sched_delay=0
PreemptType=preempt/partition_prio
PreemptMode=REQUEUE
JobAcctGatherType=jobacct_gather/linux
JobAcctGatherFrequency=1
JobAcctGatherParams=OverMemoryKill
AccountingStorageType=accounting_storage/none
MailProg=/bin/true
MpiDefault=none
ReturnToService=2
KillWait=5
MinJobAge=900
GresTypes=gpu
SlurmdParameters=config_overrides
NodeName=cpu1 NodeHostname={host} NodeAddr=127.0.0.1 Port={ports[1]} CPUs=8 RealMemory=64000
NodeName=gpu1 NodeHostname={host} NodeAddr=127.0.0.1 Port={ports[2]} CPUs=16 RealMemory=64000 Gres=gpu:2
PartitionName=cpu Nodes=cpu1 Default=YES MaxTime=600
PartitionName=gpu Nodes=gpu1 MaxTime=2400 PriorityTier=1
PartitionName=urgent Nodes=gpu1 MaxTime=2400 PriorityTier=2
"""
GRES = """\
AutoDetect=off
NodeName=gpu1 Name=gpu File=/dev/null
NodeName=gpu1 Name=gpu File=/dev/zero
"""
# Runs before each step of a job, as its user and in its environment.
NOTE = """\
#!/bin/sh
echo "$SLURM_JOB_ID ${{CUDA_VISIBLE_DEVICES:-none}}" >> {folder}/devices.txt
"""
# The plugin's steps lose SLURM_CONF, so each command brings it along.
WRAPPER = """\
#!/bin/sh
SLURM_CONF={folder}/slurm.conf exec {program} "$@"
"""


@dataclass(frozen=True)
class Job:
    """What `scontrol show job` tells of one job."""

    fields: dict[str, str]

    @property
    def rule(self) -> str:
        """The rule, or the group of rules, that the plugin writes into the comment."""
        return self.fields["Comment"].removeprefix("rule_").partition("_wildcards_")[0]

    @property
    def asked(self) -> tuple[str, int, str, str, str]:
        """Partition, cores, memory, GPUs and time."""
        keys = ("Partition", "NumCPUs", "MinMemoryNode", "TresPerJob", "TimeLimit")
        partition, cores, memory, gpus, minutes = (self.fields.get(key, "") for key in keys)
        return partition, int(cores), memory, gpus, minutes


@dataclass(frozen=True)
class Cluster:
    """A running SLURM, in a folder of its own."""

    folder: Path

    @property
    def path(self) -> str:
        """A PATH on which this cluster's commands come first."""
        return os.pathsep.join([str(self.folder / "bin"), os.environ["PATH"]])

    def run(self, command: str, *arguments: str) -> str:
        """What a command of SLURM prints."""
        program = self.folder / "bin" / command
        return subprocess.run([program, *arguments], check=True, capture_output=True, text=True, timeout=60).stdout

    def jobs(self) -> list[Job]:
        """All jobs of this cluster, also those that have ended."""
        lines = self.run("scontrol", "--oneliner", "show", "job").splitlines()
        return [Job(dict(re.findall(r"(\w+)=(\S*)", line))) for line in lines if "JobId=" in line]

    def devices(self) -> dict[str, set[str]]:
        """CUDA_VISIBLE_DEVICES of the steps of each job."""
        found: dict[str, set[str]] = {}
        for line in (self.folder / "devices.txt").read_text().splitlines():
            job, devices = line.split()
            found.setdefault(job, set()).add(devices)
        return found


def why_not() -> str:
    """Why no SLURM can be started here; empty if one can."""
    if missing := [name for name in PROGRAMS if shutil.which(name, path=SEARCHED) is None]:
        return f"no {', '.join(missing)}: apt-get install slurm-wlm munge"
    if find_spec("snakemake_executor_plugin_slurm") is None:
        return "no plugin of snakemake for SLURM: pip install -e '.[test]'"
    return ""


@contextmanager
def running_cluster(folder: Path) -> Iterator[Cluster]:
    """Start a cluster in an empty folder with a short name. It ends with this process, however that ends."""
    write_cluster(folder)
    with (folder / "daemons.txt").open("w") as output:
        keeper = subprocess.Popen(
            [sys.executable, KEEPER, *commands(folder)],
            stdin=subprocess.PIPE,
            stdout=output,
            stderr=subprocess.STDOUT,
            env={key: value for key, value in os.environ.items() if not key.startswith("SLURM_")}
            | {"SLURM_CONF": str(folder / "slurm.conf")},
        )
    try:
        cluster = Cluster(folder)
        wait_until_idle(cluster)
        yield cluster
    finally:
        assert keeper.stdin is not None
        keeper.stdin.close()
        keeper.wait(timeout=60)


def write_cluster(folder: Path) -> None:
    """The files of a cluster: its configuration, its key, and commands that know it."""
    for name in ("munge", "state", "bin", *NODES):
        (folder / name).mkdir()
    (folder / "munge").chmod(0o755)
    key = folder / "munge" / "key"
    key.write_bytes(os.urandom(1024))
    key.chmod(0o600)
    host = socket.gethostname().partition(".")[0]
    conf = CONF.format(folder=folder, host=host, user=getpass.getuser(), ports=free_ports(3))
    (folder / "slurm.conf").write_text(conf)
    (folder / "gres.conf").write_text(GRES)
    scripts = {name: WRAPPER.format(folder=folder, program=shutil.which(name, path=SEARCHED)) for name in COMMANDS}
    for name, text in (scripts | {"note": NOTE.format(folder=folder)}).items():
        (folder / "bin" / name).write_text(text)
        (folder / "bin" / name).chmod(0o755)


def commands(folder: Path) -> list[str]:
    """The keeper's arguments: the commands of all daemons."""
    munged, controller, node = (str(shutil.which(name, path=SEARCHED)) for name in PROGRAMS)
    places = {"socket": "socket", "key-file": "key", "pid-file": "pid", "seed-file": "seed", "log-file": "log"}
    options = [f"--{name}={folder}/munge/{file}" for name, file in places.items()]
    nodes = [word for name in NODES for word in ("--", node, "-D", "-N", name)]
    return [munged, "--foreground", "--force", *options, "--", controller, "-D", *nodes]


def free_ports(count: int) -> list[int]:
    """Ports that nothing listens on."""
    sockets = [socket.socket() for _ in range(count)]
    for each in sockets:
        each.bind(("127.0.0.1", 0))
    ports = [each.getsockname()[1] for each in sockets]
    for each in sockets:
        each.close()
    return ports


def wait_until_idle(cluster: Cluster) -> None:
    """Wait for all nodes. Raises TimeoutError with what the daemons have said."""
    for _ in range(300):
        try:
            states = cluster.run("sinfo", "--noheader", "--Node", "--format=%T").split()
        except subprocess.CalledProcessError:
            states = []
        if states and set(states) == {"idle"}:
            return
        time.sleep(0.1)
    raise TimeoutError(f"SLURM has not started: {(cluster.folder / 'daemons.txt').read_text()}")
