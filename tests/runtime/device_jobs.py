"""Processes that hold devices."""

import multiprocessing
import os
import time
from collections.abc import Callable
from pathlib import Path

from wsss.runtime.device_lock import Held, take_devices
from wsss.runtime.devices import Devices

FORKS = multiprocessing.get_context("fork")


def until(condition: Callable[[], object]) -> None:
    """Wait until something holds. It takes no longer than a minute."""
    end = time.monotonic() + 60
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.005)


class Job:
    """A process that takes devices and keeps them until it is ended."""

    def __init__(self, folder: Path, count: int, devices: Devices, name: str = "job") -> None:
        self.count, self.devices, self.name, self.told = count, devices, name, folder / f"{name}.txt"
        self.process = FORKS.Process(target=self._run)
        self.process.start()
        self.pid = self.process.pid

    def _run(self) -> None:
        held = take_devices(self.count, self.name, self._tell, self.devices)
        self._tell(f"visible: {os.environ.get('CUDA_VISIBLE_DEVICES')}")
        self.go_on(held)

    def _tell(self, line: str) -> None:
        with self.told.open("a") as file:
            file.write(line + "\n")

    def go_on(self, held: Held) -> None:
        """What the job does with its devices."""
        time.sleep(600)

    @property
    def lines(self) -> list[str]:
        """What the job has told so far."""
        return self.told.read_text().splitlines() if self.told.exists() else []

    @property
    def visible(self) -> str | None:
        """CUDA_VISIBLE_DEVICES of the job; None while it waits."""
        return next((line.split(": ")[1] for line in self.lines if line.startswith("visible")), None)

    def kill(self) -> None:
        """End the job as the system does when memory runs out."""
        self.process.kill()
        self.process.join()
