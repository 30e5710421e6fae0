"""The package as people meet it: its version, `python -m wsss`, `wsss info`, and an import that takes no time."""

import os
import re
import subprocess
import sys
import tomllib
from dataclasses import replace
from pathlib import Path

import pytest

import wsss
from tests.conftest import PROJECT
from tests.runtime.device_jobs import Job, until
from tests.runtime.made_devices import made_host
from wsss.commands.info import lines as info_lines
from wsss.runtime.devices import usable_devices

VERSION = tomllib.loads((PROJECT / "pyproject.toml").read_text())["project"]["version"]


def run(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([sys.executable, *arguments], cwd=PROJECT, capture_output=True, text=True, check=True)


def test_the_version_is_that_of_the_project() -> None:
    assert run("-m", "wsss", "--version").stdout == f"wsss {VERSION}\n"
    assert wsss.__version__ == VERSION


def test_info_is_for_reports_of_bugs() -> None:
    lines = dict(line.split(": ", 1) for line in run("-m", "wsss", "info").stdout.splitlines())
    assert lines["wsss"] == VERSION
    assert lines["Python"] == ".".join(map(str, sys.version_info[:3]))
    assert all(re.match(r"\d+\.\d+", lines[name]) for name in ("torch", "numpy", "snakemake"))
    assert lines["devices"].endswith("CPU")
    assert lines["cores"].endswith(f"of {os.cpu_count()}")
    assert re.fullmatch(r"\d+\.\d GiB|unknown", lines["memory"])


def test_info_tells_who_holds_which_device(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)
    with made_host(2) as host:
        monkeypatch.setenv("PATH", str(host))
        first, second = (device.label for device in usable_devices().devices)
        job = Job(tmp_path, 1, replace(usable_devices(), devices=usable_devices().devices[1:]), "make_cams")
        until(lambda: job.visible)
        found = dict(line.split(": ", 1) for line in info_lines())
        job.kill()
    assert found["GPU jobs of `snakemake` at once"] == "2 (nvidia-smi)"
    assert (found[first], found[second]) == ("free", f"held by process {job.pid}, make_cams")


def test_the_import_loads_nothing_heavy() -> None:
    """It takes under 0.2 s where torch takes seconds."""
    code = "import sys; before = set(sys.modules); import wsss; print(*sorted(set(sys.modules) - before))"
    loaded = {name for name in run("-c", code).stdout.split() if not name.startswith("_")}
    assert {name.split(".")[0] for name in loaded} <= {"wsss", "typing", "collections", "re", "contextlib"}


def test_the_command_starts_without_torch() -> None:
    code = "import sys, wsss.cli, wsss.commands.evaluate, wsss.commands.info; print('torch' in sys.modules)"
    assert run("-c", code).stdout == "False\n"


def test_what_the_package_offers_is_there() -> None:
    for name in wsss.__all__:
        assert getattr(wsss, name)
    with pytest.raises(AttributeError, match="has no attribute 'gone'"):
        getattr(wsss, "gone")  # noqa: B009 (mypy knows that it is not there)
