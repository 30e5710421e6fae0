"""Jobs of one host get a device each: how many run at once, what they tell, and when they end with a clear line."""

import re
import subprocess
import sys
from collections import defaultdict
from itertools import pairwise
from pathlib import Path

import pytest

from tests.runtime.made_devices import made_host
from tests.workflow.conftest import PROJECT, Workplace, on_host
from wsss.runtime.device_lock import take_devices

STAMPED = re.compile(r"^(\d{4}-\d\d-\d\d \S+) (.*)$", re.MULTILINE)
SCRIPT = """
import os, sys
from types import SimpleNamespace
from step import step

with step(SimpleNamespace(log=[sys.argv[1]], rule="make_cams", resources={"gpu": int(sys.argv[2])})):
    print(os.environ.get("CUDA_VISIBLE_DEVICES"), "torch" in sys.modules)
"""


def spans(workplace: Workplace) -> dict[str, list[tuple[str, str]]]:
    """For each device, the times of the first and the last line in the logs of the jobs that used it."""
    found = defaultdict(list)
    for log in workplace.work.glob("logs/**/*.log"):
        lines = STAMPED.findall(log.read_text())
        if lines and (used := re.search(r" uses (.+)$", lines[0][1])):
            found[used[1]].append((lines[0][0], lines[-1][0]))
    return {device: sorted(times) for device, times in found.items()}


def devices_used(workplace: Workplace) -> set[str]:
    """The devices that the logs of a workflow name."""
    return set(spans(workplace))


def test_jobs_at_once_have_different_devices(finished: Workplace) -> None:
    found = spans(finished)
    assert len(found) == 2
    # Of eight rules with a network, three have two jobs for each split.
    assert sum(map(len, found.values())) == 11
    for device, times in found.items():
        assert all(before[1] <= after[0] for before, after in pairwise(times)), device


def planned_classifier(workplace: Workplace, *arguments: str, host: Path | None = None) -> tuple[int, int]:
    """Threads and devices of the classifier's training, in a dry run where it asks for four devices."""
    listed = workplace.snakemake("-n", "--set-resources", "train_classifier:gpu=4", *arguments, host=host)
    found = re.search(r"^rule train_classifier:\n(?:    .*\n)*?    threads: (\d+)\n    resources: .*gpu=(\d+)", listed.output, re.MULTILINE)
    assert found, listed.output
    return int(found[1]), int(found[2])
