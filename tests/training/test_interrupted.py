"""Trainings that are asked to end, and checkpoints that are damaged."""

import logging
import multiprocessing.process
import os
import random
import re
import signal
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import nn

from tests.training.test_loop import Killed, assert_same, killed_at, losses, run
from wsss.errors import WsssError
from wsss.runtime.failures import KILLED_LOADER, one_line
from wsss.runtime.signals import SIGNALS, Interrupted, end_on_signals
from wsss.training import loop as training_loop
from wsss.training.checkpoint import Checkpoint
from wsss.training.loop import Batch, Losses, Machine


@pytest.fixture(autouse=True)
def own_handlers() -> Iterator[None]:
    """The handlers of a job, and pytest's again after the test."""
    before = {number: signal.getsignal(number) for number in (*SIGNALS, signal.SIGCHLD)}
    # What a shell has started in the background ignores Ctrl-C, and under nohup SIGHUP. A job would go on to ignore it.
    for number in SIGNALS:
        signal.signal(number, signal.SIG_DFL)
    end_on_signals()
    yield
    for number, handler in before.items():
        signal.signal(number, handler)


@pytest.fixture
def rare(machine: Machine, monkeypatch: pytest.MonkeyPatch) -> Machine:
    """No checkpoint falls due by time."""
    monkeypatch.setattr(training_loop, "SECONDS_BETWEEN_CHECKPOINTS", 3600.0)
    return machine


def signalled(step: int, *numbers: signal.Signals) -> Callable[[nn.Module, Batch], Losses]:
    """Losses; in the midst of a step the process gets signals."""
    calls = iter(range(1000))

    def compute(network: nn.Module, batch: Batch) -> Losses:
        if next(calls) == step:
            for number in numbers:
                os.kill(os.getpid(), number)
        return losses(network, batch)

    return compute


@pytest.mark.parametrize("workers", [0, 2])
@pytest.mark.parametrize("number", SIGNALS)
@pytest.mark.parametrize("step", [0, 9, 23, 36])
def test_a_training_goes_on_from_the_very_step(
    rare: Machine, caplog: pytest.LogCaptureFixture, number: signal.Signals, step: int, workers: int
) -> None:
    """A checkpoint holds the sums of the losses since the last row of the log, so the log has no gap."""
    caplog.set_level(logging.INFO, "wsss")
    with pytest.raises(Interrupted, match=rf"^{number.name} after {step + 1} of 37 steps of tiny$"):
        run(signalled(step, number), machine=replace(rare, workers=workers))
    assert_same(run(killed_at(37 - step - 1), machine=rare), run())
    assert f"resuming from step {step + 1} of {rare.checkpoint}" in caplog.text
    assert rare.checkpoint is not None
    assert list(rare.checkpoint.parent.iterdir()) == []


def test_sigterm_again_does_not_break_the_step_off(rare: Machine) -> None:
    with pytest.raises(Interrupted, match="SIGTERM after 6 of 37"):
        run(signalled(5, signal.SIGTERM, signal.SIGTERM), machine=rare)
    assert_same(run(machine=rare), run())


def test_ctrl_c_again_ends_at_once_and_saves_no_half_step(rare: Machine) -> None:
    with pytest.raises(Interrupted, match="SIGINT after 5 of 37"):
        run(signalled(5, signal.SIGINT, signal.SIGINT), machine=rare)
    assert rare.checkpoint is not None
    assert not rare.checkpoint.exists()


def test_a_signal_that_is_ignored_stays_ignored() -> None:
    signal.signal(signal.SIGHUP, signal.SIG_IGN)
    end_on_signals()
    assert signal.getsignal(signal.SIGHUP) is signal.SIG_IGN


def test_a_loss_that_is_not_finite_reaches_no_checkpoint(rare: Machine) -> None:
    compute = signalled(5, signal.SIGTERM)
    with pytest.raises(Interrupted):
        run(lambda network, batch: {"bad": sum(compute(network, batch).values()) * float("nan")}, machine=rare)
    assert rare.checkpoint is not None
    assert not rare.checkpoint.exists()


def test_a_loader_process_that_is_killed_is_one_line(rare: Machine) -> None:
    """What was trained before is in a checkpoint, unless a step was broken off."""
    calls = iter(range(1000))

    def compute(network: nn.Module, batch: Batch) -> Losses:
        if next(calls) == 12:
            loader = torch.multiprocessing.active_children()[0]
            os.kill(loader.pid, signal.SIGKILL)
            os.waitid(os.P_PID, loader.pid, os.WEXITED | os.WNOWAIT)
        return losses(network, batch)

    # torch notices it by a signal, or as it reads from the process.
    with pytest.raises((RuntimeError, ConnectionResetError)) as caught:
        run(compute, machine=replace(rare, workers=2))
    told = one_line(caught.value)
    assert told is not None
    assert told.startswith(KILLED_LOADER)
    assert "\n" not in told
    assert_same(run(machine=rare), run())


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="no /dev/full")
def test_a_full_disk_is_one_line_and_leaves_the_old_checkpoint(tmp_path: Path) -> None:
    path = tmp_path / "tiny.checkpoint"
    path.write_text("the old one")
    # Where the new one is written, there is no space.
    (tmp_path / f".{path.name}.{os.getpid()}.tmp").symlink_to("/dev/full")
    with pytest.raises(WsssError, match=rf"^no space left while writing {re.escape(str(path))}: free some space"):
        Checkpoint("f", 1, [], 0, {"w": torch.zeros(1000)}, {}, {}).write(path)
    assert path.read_text() == "the old one"


@pytest.mark.parametrize("number", SIGNALS)
def test_a_signal_to_everything_saves_a_checkpoint_too(rare: Machine, number: signal.Signals) -> None:
    """Loader processes that the same signal ends, before or after, are not told as an error."""
    calls = iter(range(1000))

    def compute(network: nn.Module, batch: Batch) -> Losses:
        if next(calls) == 12:
            loaders = torch.multiprocessing.active_children()
            for process in (loaders[0].pid, os.getpid(), loaders[1].pid):
                os.kill(process, number)
            # Some versions of torch let loader processes ignore Ctrl-C.
            end = time.monotonic() + 2
            while time.monotonic() < end and any(map(is_running, loaders[:2])):
                time.sleep(0.05)
        return losses(network, batch)

    with pytest.raises(Interrupted, match=f"^{number.name} after 13 of 37"):
        run(compute, machine=replace(rare, workers=2))
    assert_same(run(killed_at(24), machine=rare), run())


def is_running(child: multiprocessing.process.BaseProcess) -> bool:
    """Whether a child goes on. It is not waited for, which is torch's part."""
    return os.waitid(os.P_PID, child.pid or 0, os.WEXITED | os.WNOWAIT | os.WNOHANG) is None


def truncated(path: Path) -> None:
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])


def emptied(path: Path) -> None:
    path.write_bytes(b"")


def of_another_kind(path: Path) -> None:
    torch.save([1, 2], path)


class Harmful:
    """Runs code when it is unpickled."""

    def __reduce__(self) -> tuple[Any, ...]:
        return (exec, ("raise SystemExit('code of the checkpoint was run')",))


def harmful(path: Path) -> None:
    torch.save({"fingerprint": "code, settings, inputs", "step": Harmful()}, path)


@pytest.mark.parametrize("damage", [truncated, emptied, of_another_kind, harmful])
def test_a_damaged_checkpoint_is_passed_over(
    machine: Machine,
    caplog: pytest.LogCaptureFixture,
    damage: Callable[[Path], None],
) -> None:
    with pytest.raises(Killed):
        run(killed_at(25), machine=machine)
    assert machine.checkpoint is not None
    damage(machine.checkpoint)
    assert_same(run(machine=machine), run())
    assert f"checkpoint {machine.checkpoint} is damaged: starting over" in caplog.text


def test_no_flipped_byte_of_a_checkpoint_is_used(machine: Machine) -> None:
    with pytest.raises(Killed):
        run(killed_at(25), machine=machine)
    assert machine.checkpoint is not None
    content = machine.checkpoint.read_bytes()
    assert Checkpoint.read(machine.checkpoint, machine.fingerprint) is not None
    rng = random.Random(5)
    for place in [0, len(content) - 1, *(rng.randrange(len(content)) for _ in range(400))]:
        flipped = bytearray(content)
        flipped[place] ^= rng.randrange(1, 256)
        machine.checkpoint.write_bytes(flipped)
        assert Checkpoint.read(machine.checkpoint, machine.fingerprint) is None
