"""Devices are held by one job at a time. Every job here is a process of its own, and ends in all ways."""

import os
import random
import re
import signal
import stat
import subprocess
import sys
import tempfile
import time
from collections import defaultdict
from collections.abc import Callable, Iterator
from itertools import pairwise
from multiprocessing.process import BaseProcess
from pathlib import Path

import pytest

from tests.runtime.device_jobs import FORKS, Job, until
from tests.runtime.made_devices import made
from wsss.errors import WsssError
from wsss.runtime import device_lock
from wsss.runtime.device_lock import Held, holder_of, lock_file, take_devices
from wsss.runtime.devices import Devices

TWO = made("a", "b")
# What each of two workflows at once may use.
FAMILIES = [made("a", "b", "c"), made("d", "c", "b")]
NOBODY = 65534


@pytest.fixture(autouse=True)
def locks(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder for the locks of a test. Processes look for devices often."""
    monkeypatch.setattr(device_lock, "LOCKS", tmp_path)
    monkeypatch.setattr(device_lock, "PAUSE", 0.01)
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)
    return tmp_path


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Callable[..., Job]]:
    """Start jobs; those that are left are ended."""
    jobs = []

    def started(count: int, devices: Devices, name: str = "job", kind: type[Job] = Job) -> Job:
        jobs.append(kind(tmp_path, count, devices, name))
        return jobs[-1]

    yield started
    for job in jobs:
        job.kill()


def holders(devices: Devices) -> list[str | None]:
    return [holder_of(lock_file(device, devices)) for device in devices.devices]


def test_two_jobs_get_different_devices_and_a_third_waits(start: Callable[..., Job]) -> None:
    first = start(1, TWO, "first")
    until(lambda: first.visible)
    second = start(1, TWO, "second")
    until(lambda: second.visible)
    assert (first.visible, second.visible) == ("a", "b")
    assert holders(TWO) == [f"process {first.pid}, first", f"process {second.pid}, second"]
    third = start(1, TWO, "third")
    until(lambda: third.lines)
    assert third.lines == [
        f"third waits until 1 of these devices are free: a: process {first.pid}, first; b: process {second.pid}, second"
    ]
    second.kill()
    until(lambda: third.visible)
    assert third.lines[1:] == ["third uses b", "visible: b"]
    first.kill()
    third.kill()
    assert holders(TWO) == [None, None]


def test_a_job_with_two_devices_gets_them_although_others_come_and_go(start: Callable[..., Job]) -> None:
    first = start(1, TWO, "first")
    until(lambda: first.visible)
    other = start(1, TWO, "other")
    until(lambda: other.visible)
    pair = start(2, TWO, "pair")
    until(lambda: pair.lines)
    first.kill()
    # It keeps the first of the two, so that one that comes later does not get it.
    until(lambda: holders(TWO)[0] == f"process {pair.pid}, pair")
    late = start(1, TWO, "late")
    until(lambda: late.lines)
    assert pair.visible is late.visible is None
    late.kill()
    other.kill()
    until(lambda: pair.visible)
    assert pair.visible == "a,b"


def test_a_job_keeps_no_device_that_could_stop_another(start: Callable[..., Job]) -> None:
    """Two jobs that each kept one device of two would wait for each other for ever."""
    first = start(1, TWO, "first")
    until(lambda: first.visible)
    pair = start(2, TWO, "pair")
    until(lambda: pair.lines)
    late = start(1, TWO, "late")
    until(lambda: late.visible)
    assert late.visible == "b"


def take_and_end(count: int, devices: Devices, log: Path, seconds: float) -> None:
    held = take_devices(count, "job", lambda line: None, devices)
    record(log, f"take {os.getpid()} {','.join(held.names)}")
    time.sleep(seconds)
    record(log, f"end {os.getpid()}")


def record(log: Path, line: str) -> None:
    with log.open("a") as file:
        file.write(f"{time.monotonic_ns()} {line}\n")


def run_family(number: int, log: Path) -> None:
    """A workflow of 20 jobs: a third ends by itself, a third is killed with its devices, and a third at any time."""
    draw = random.Random(number)
    jobs: dict[str, list[BaseProcess]] = {"ends": [], "has devices": [], "any": []}
    for job in range(20):
        fate = list(jobs)[job % 3]
        seconds = 600 if fate == "has devices" else draw.uniform(0, 0.05)
        process = FORKS.Process(target=take_and_end, args=(1 + (job % 5 == 0), FAMILIES[number], log, seconds))
        process.start()
        jobs[fate].append(process)
    while jobs["has devices"] or jobs["any"]:
        time.sleep(draw.uniform(0, 0.02))
        taken = set(re.findall(r" take (\d+) ", log.read_text()))
        ready = [process for process in jobs["has devices"] if str(process.pid) in taken]
        for process in [*ready[:1], *jobs["any"][:1]]:
            record(log, f"kill {process.pid}")
            process.kill()
            process.join()
        jobs["has devices"] = [process for process in jobs["has devices"] if process not in ready[:1]]
        del jobs["any"][:1]
    for process in jobs["ends"]:
        process.join(60)
        assert process.exitcode == 0


def intervals(log: Path) -> dict[str, list[tuple[int, int]]]:
    """When each device was held, from a moment when the job had it to one when it had it still."""
    taken: dict[str, tuple[int, list[str]]] = {}
    found = defaultdict(list)
    for line in log.read_text().splitlines():
        moment, what, pid, *names = line.split()
        if what == "take":
            taken[pid] = int(moment), names[0].split(",")
        elif pid in taken:
            since, devices = taken.pop(pid)
            for device in devices:
                found[device].append((since, int(moment)))
    assert not taken
    return {device: sorted(spans) for device, spans in found.items()}


def test_no_device_has_two_holders_while_two_workflows_run_and_jobs_are_killed(tmp_path: Path) -> None:
    log = tmp_path / "log.txt"
    log.touch()
    families = [FORKS.Process(target=run_family, args=(number, log)) for number in range(len(FAMILIES))]
    for family in families:
        family.start()
    for family in families:
        family.join(120)
    assert [family.exitcode for family in families] == [0, 0]
    text = log.read_text()
    # 14 of the 20 jobs of each workflow end by themselves or are killed as holders.
    assert len(re.findall(" take ", text)) >= 28
    assert len(re.findall(" kill ", text)) == 26
    held = intervals(log)
    assert set(held) == {"a", "b", "c", "d"}
    for device, spans in held.items():
        assert all(before[1] <= after[0] for before, after in pairwise(spans)), device
    assert [holders(devices) for devices in FAMILIES] == [[None] * 3] * 2


class WithLoader(Job):
    """A job with a child that was forked, as loader processes are."""

    def go_on(self, held: Held) -> None:
        loader = FORKS.Process(target=time.sleep, args=(600,))
        loader.start()
        self._tell(f"loader: {loader.pid}")
        super().go_on(held)


class WithRank(Job):
    """A job with a child that was started anew, and that was given the locks."""

    def go_on(self, held: Held) -> None:
        command = [sys.executable, "-S", "-c", "import time; time.sleep(600)"]
        rank = subprocess.Popen(command, pass_fds=held.descriptors)
        self._tell(f"rank: {rank.pid}")
        super().go_on(held)


@pytest.mark.parametrize("kind", [WithLoader, WithRank])
def test_a_child_that_outlives_its_job_keeps_the_device(start: Callable[..., Job], kind: type[Job]) -> None:
    one = made("a")
    job = start(1, one, "first", kind)
    until(lambda: len(job.lines) == 3)
    child = int(job.lines[-1].split(": ")[1])
    try:
        os.kill(job.pid or 0, signal.SIGKILL)
        job.process.join()
        late = start(1, one, "late")
        until(lambda: late.lines)
        assert late.lines == [f"late waits until 1 of these devices are free: a: process {job.pid}, first"]
    finally:
        os.kill(child, signal.SIGKILL)
    until(lambda: late.visible)


def test_more_devices_than_there_are_is_one_line() -> None:
    with pytest.raises(WsssError, match=r"^train_irnet asks for 3 devices, and there are 2: a, b \(made\); lower .+$"):
        take_devices(3, "train_irnet", pytest.fail, TWO)
    assert holders(TWO) == [None, None]


@pytest.mark.parametrize(("count", "devices"), [(0, TWO), (1, made()), (2, made())])
def test_nothing_is_taken_where_nothing_is_asked_for_or_there(count: int, devices: Devices, locks: Path) -> None:
    assert take_devices(count, "job", pytest.fail, devices) == Held()
    assert "CUDA_VISIBLE_DEVICES" not in os.environ
    assert list(locks.iterdir()) == []


def test_a_link_in_place_of_a_lock_is_not_followed(start: Callable[..., Job], locks: Path) -> None:
    victim = locks / "victim"
    victim.write_text("a file of somebody")
    one = made("a")
    lock_file(one.devices[0], one).symlink_to(victim)
    with pytest.raises(WsssError, match=r"^lock of a device cannot be used: \S+ \(.+\); remove it, or ask"):
        take_devices(1, "job", pytest.fail, one)
    assert victim.read_text() == "a file of somebody"


@pytest.mark.parametrize("make", [Path.mkdir, os.mkfifo])
def test_what_is_no_file_is_refused_in_place_of_a_lock(make: Callable[[Path], None]) -> None:
    one = made("a")
    make(lock_file(one.devices[0], one))
    with pytest.raises(WsssError, match=r"^lock of a device cannot be used: "):
        take_devices(1, "job", pytest.fail, one)


def test_names_stay_in_the_folder_of_the_locks(locks: Path) -> None:
    odd = made("GPU-../../x", "GPU-" + "/" * 9, scheduled_job="_CONDOR_SCRATCH_DIR=/var/lib/condor/dir_7")
    assert {lock_file(device, odd).parent for device in odd.devices} == {locks}


def test_any_user_can_use_the_locks(start: Callable[..., Job], locks: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    before = os.umask(0o077)
    try:
        job = start(1, TWO)
        until(lambda: job.visible)
    finally:
        os.umask(before)
    file = lock_file(TWO.devices[0], TWO)
    assert stat.S_IMODE(file.stat().st_mode) == 0o666
    assert [path.name for path in locks.glob("*device*")] == [file.name]


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can be another user")
def test_another_users_device_is_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    class OfAnother(Job):
        def _run(self) -> None:
            os.setuid(NOBODY)
            super()._run()

    with tempfile.TemporaryDirectory() as folder:
        shared = Path(folder)
        shared.chmod(0o1777)
        monkeypatch.setattr(device_lock, "LOCKS", shared)
        job = Job(shared, 1, TWO, "first")
        until(lambda: job.visible)
        other = OfAnother(shared, 2, TWO, "other")
        until(lambda: other.lines)
        assert other.lines[0].startswith("other waits until 2 of these devices are free: a: process ")
        job.kill()
        until(lambda: other.visible)
        assert other.visible == "a,b"
        other.kill()


def test_jobs_of_a_scheduler_wait_only_for_their_own(start: Callable[..., Job]) -> None:
    """In one job of a scheduler, several of the workflow share the devices that it was given."""
    seventh, eighth = (made("0", "1", scheduled_job=f"SLURM_JOB_ID={number}") for number in (7, 8))
    first = start(2, seventh, "first")
    until(lambda: first.visible)
    # What the scheduler has set stays as it is, if a job takes all of it.
    assert first.visible == "None"
    second = start(1, eighth, "second")
    until(lambda: second.visible)
    third = start(1, eighth, "third")
    until(lambda: third.visible)
    assert (second.visible, third.visible) == ("0", "1")
    fourth = start(1, eighth, "fourth")
    until(lambda: fourth.lines)
    assert fourth.visible is None
