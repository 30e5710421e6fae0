"""Compiled loops, where numba can keep them on disk and where it cannot."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.conftest import PROJECT

# The first use of a compiled loop of a training, and the number of what numba keeps of it.
CODE = """
import logging, sys
logging.basicConfig(stream=sys.stdout, level=logging.INFO, format="%(message)s")
import numpy as np
from wsss.data.normalising import scale_lines
out = np.zeros((3, 1, 2), np.float32)
pixels = np.arange(6, dtype=np.uint8).reshape(1, 3, 2)
scale_lines(pixels, np.full(3, 2, np.float32), np.ones(3, np.float32), np.arange(3), out, 0, 0)
print(out.ravel().tolist())
"""
TOLD = "set NUMBA_CACHE_DIR to a folder of yours"


@pytest.fixture
def package(tmp_path: Path) -> Path:
    """A copy of the package, in a folder of its own."""
    shutil.copytree(PROJECT / "wsss", tmp_path / "copy/wsss", ignore=shutil.ignore_patterns("__pycache__"))
    return tmp_path / "copy"


def first_use(package: Path, **environment: str) -> str:
    inherited = {key: value for key, value in os.environ.items() if not key.startswith("NUMBA")}
    values = inherited | {"PYTHONPATH": str(package), "PYTHONDONTWRITEBYTECODE": "1"} | environment
    command = [sys.executable, "-c", CODE]
    return subprocess.run(command, cwd=package, env=values, check=True, capture_output=True, text=True).stdout


def test_what_is_compiled_is_kept_beside_the_module(package: Path) -> None:
    assert first_use(package) == "[-1.0, 1.0, 3.0, 5.0, 7.0, 9.0]\n"
    assert list((package / "wsss/data/__pycache__").glob("normalising.scale_lines-*.nbi"))


def test_it_is_compiled_where_neither_the_package_nor_the_home_can_be_written(package: Path, tmp_path: Path) -> None:
    """Files in the place of the folders refuse root too, as a read-only file system does."""
    for folder in (package / "wsss").rglob("*/"):
        (folder / "__pycache__").touch()
    (package / "wsss/__pycache__").touch()
    (tmp_path / "home").touch()
    closed = {"HOME": str(tmp_path / "home"), "XDG_CACHE_HOME": str(tmp_path / "home")}
    told, values = first_use(package, **closed).splitlines()
    assert told.endswith(TOLD)
    assert values == "[-1.0, 1.0, 3.0, 5.0, 7.0, 9.0]"
    kept = tmp_path / "kept"
    assert TOLD not in first_use(package, **closed, NUMBA_CACHE_DIR=str(kept))
    assert list(kept.rglob("normalising.scale_lines-*.nbi"))
