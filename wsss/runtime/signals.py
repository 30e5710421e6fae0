"""Signals that ask this process to end: Ctrl-C, the SIGTERM of a scheduler, the SIGHUP of a closed terminal."""

import os
import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType
from typing import Any

SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


class Interrupted(KeyboardInterrupt):
    """This process was asked to end. The text says by what, and how far it had come."""


class _Held:
    """What signals do now: in which process, how many blocks hold them back, and the one that waits."""

    process = 0
    blocks = 0
    waiting: signal.Signals | None = None


def end_on_signals() -> None:
    """Let each of these signals raise `Interrupted` in the main thread, where Python's own SIGTERM ends at once.

    A signal that this process was started to ignore, as by nohup, stays ignored. Forks of this process end without a
    word.
    """
    _Held.process = os.getpid()
    for number in SIGNALS:
        if signal.getsignal(number) is not signal.SIG_IGN:
            signal.signal(number, _received)


@contextmanager
def signals_held() -> Iterator[None]:
    """Let signals wait for the end of the block. Ctrl-C for the second time does not wait.

    SIGTERM for the second time waits too: a scheduler may send it to the group and to the process.
    """
    _Held.blocks += 1
    try:
        yield
    finally:
        _Held.blocks -= 1
    if _Held.waiting and not _Held.blocks:
        number, _Held.waiting = _Held.waiting, None
        raise Interrupted(number.name)


def ignore_signals() -> None:
    """Let nothing disturb this process any more: no request to end, and no loader process that has ended."""
    for number in SIGNALS:
        signal.signal(number, signal.SIG_IGN)
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)


def end_in_a_thread(scheduler: Any) -> None:
    """Let SIGTERM end the workflow as Snakemake's own handler does, but in another thread.

    That handler waits for a lock. If the signal came while the interrupted thread held it, the workflow would wait for
    ever.

    Parameters
    ----------
    scheduler : JobScheduler
        Snakemake's scheduler. If SIGTERM does not lead to it, nothing is changed.
    """
    if signal.getsignal(signal.SIGTERM) == scheduler.exit_gracefully:
        signal.signal(signal.SIGTERM, lambda number, frame: threading.Thread(target=scheduler.exit_gracefully).start())


def _received(number: int, frame: FrameType | None) -> None:
    if os.getpid() != _Held.process:
        # As torch's loader processes do: with another code, the process that has started them would fail.
        os._exit(0)
    # The signal may have ended loader processes too, of which torch would make an error at any place.
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    insists = number == signal.SIGINT and _Held.waiting is not None
    if _Held.blocks and not insists:
        _Held.waiting = signal.Signals(number)
        return
    _Held.waiting = None
    raise Interrupted(signal.Signals(number).name)
