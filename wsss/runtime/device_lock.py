"""Holding devices: each job takes as many as it asks for, and no other job of the host uses them until it has ended.

A device is held by a lock on a file (flock). The kernel frees it when the process has ended, however it ended. A child
that was forked from the process keeps the lock as long as it runs, because it may still use the device.
"""

import fcntl
import os
import random
import stat
import tempfile
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

from wsss.errors import WsssError
from wsss.runtime.devices import Device, Devices, usable_devices

# A folder that all users of a host share, whatever TMPDIR says. Lock files stay in it: if they were removed, two
# processes could lock two files of the same name.
LOCKS = Path("/tmp")
# Seconds between two looks for a free device, on average.
PAUSE = 0.5


@dataclass(frozen=True)
class Held:
    """Devices that this process holds until it ends.

    Attributes
    ----------
    names
        Their names, as in CUDA_VISIBLE_DEVICES. Empty if there are no devices, or none was asked for.
    descriptors
        The files that hold them. A child that is forked keeps the devices while it runs. A child that is started anew
        does so if it is given these (`pass_fds`).
    """

    names: tuple[str, ...] = ()
    descriptors: tuple[int, ...] = ()


def take_devices(count: int, job: str, tell: Callable[[str], None], devices: Devices | None = None) -> Held:
    """Take `count` devices for the rest of this process's life, and show it no others. Call it before CUDA is used.

    CUDA_VISIBLE_DEVICES is set to the devices that are taken. If too few are free, it waits for others to end. In jobs
    of a scheduler, only processes of the same job wait for each other. Where there are no devices, nothing is taken.

    Parameters
    ----------
    count
        How many devices the job asks for.
    job
        What others are told of this process, such as the name of its rule.
    tell
        Is called with a line when the process starts to wait, and when it has got its devices.
    devices
        The devices to choose from; those of `usable_devices` if None.

    Returns
    -------
    Held
        The devices.

    Raises
    ------
    WsssError
        If there are devices, but fewer than the job asks for, or if a lock file cannot be used.
    """
    devices = usable_devices() if devices is None else devices
    if not count or not devices.devices:
        return Held()
    if count > len(devices.devices):
        labels = ", ".join(device.label for device in devices.devices)
        raise WsssError(
            f"{job} asks for {count} devices, and there are {len(devices.devices)}: {labels} ({devices.source}); "
            f"lower resources: gpu of the rule, such as by --set-resources {job}:gpu={len(devices.devices)}"
        )
    # All processes take devices in the same order.
    ordered = sorted(devices.devices, key=lambda device: device.name)
    held = _wait_for(count, [(device, lock_file(device, devices)) for device in ordered], job, tell)
    taken = [device for device in devices.devices if device in held]
    # What a scheduler has set stays as it is, if this job takes all of it.
    if not devices.scheduled_job or count < len(devices.devices):
        os.environ["CUDA_VISIBLE_DEVICES"] = ",".join(device.name for device in taken)
    tell(f"{job} uses {', '.join(device.label for device in taken)}")
    return Held(tuple(device.name for device in taken), tuple(held[device] for device in taken))


def lock_file(device: Device, devices: Devices) -> Path:
    """The file whose lock holds a device. A job of a scheduler has files of its own."""
    name = f"{devices.scheduled_job} {device.name}" if devices.scheduled_job else device.name
    return LOCKS / f"wsss-device-{quote(name, safe='')}.lock"


def holder_of(file: Path) -> str | None:
    """What the holder of a lock file says of itself; None if nobody holds it."""
    descriptor = _opened(file) if file.exists() else None
    if descriptor is None:
        return None
    try:
        fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        said = os.pread(descriptor, 200, 0).decode(errors="replace")
        return "".join(letter if letter.isprintable() else "?" for letter in said) or "another process"
    finally:
        os.close(descriptor)
    return None


def _wait_for(
    count: int, candidates: list[tuple[Device, Path]], job: str, tell: Callable[[str], None]
) -> Mapping[Device, int]:
    """Lock `count` of the candidates. Returns the open file of each.

    While it waits, it keeps what it has got, so that a job that needs several devices gets them although others come
    and go. It keeps a device only if those after it are enough for the rest. So of all waiting processes, the one with
    the last device that is kept can get what it needs, and they cannot wait for each other in a circle.
    """
    held: dict[Device, int] = {}
    looks = 0
    while True:
        for device, file in candidates:
            if len(held) < count and device not in held and (descriptor := _lock(file, job)) is not None:
                held[device] = descriptor
        if len(held) == count:
            return held
        _let_go(held, count, [device for device, _ in candidates])
        looks += 1
        # A look of another process locks a free device for a moment. So one look is not enough to tell of waiting.
        if looks == 2:
            holders = [f"{device.label}: {holder_of(file) or 'free'}" for device, file in candidates]
            tell(f"{job} waits until {count} of these devices are free: {'; '.join(holders)}")
        time.sleep(PAUSE * random.SystemRandom().uniform(0.5, 1.5))


def _let_go(held: dict[Device, int], count: int, order: list[Device]) -> None:
    """Keep the devices that may be kept while waiting; see `_wait_for`."""
    kept = 0
    for place, device in enumerate(order, 1):
        if device in held:
            if count - kept - 1 <= len(order) - place:
                kept += 1
            else:
                os.close(held.pop(device))


def _lock(file: Path, job: str) -> int | None:
    """Lock a file if nobody else has. Returns the open file, which holds the lock; None if another process has it."""
    descriptor = _opened(file)
    if descriptor is None:
        return None
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        # The file that was opened may have been removed since, and another be in its place.
        if os.path.samestat(os.fstat(descriptor), file.lstat()):
            # On a full disk others cannot be told who holds it, and nothing else is lost.
            with suppress(OSError):
                os.ftruncate(descriptor, 0)
                os.pwrite(descriptor, f"process {os.getpid()}, {job}".encode(), 0)
            return descriptor
    except (BlockingIOError, FileNotFoundError):
        pass
    os.close(descriptor)
    return None


def _opened(file: Path) -> int | None:
    """Open a lock file, and make it first if there is none. None if it was removed at this moment.

    Any user of the host can put something under the name of a lock file. So no link is followed, and nothing is waited
    for.
    """
    try:
        if not os.path.lexists(file):
            _make(file)
        with suppress(FileNotFoundError):
            descriptor = os.open(file, os.O_RDWR | os.O_NOFOLLOW | os.O_CLOEXEC | os.O_NONBLOCK)
            if stat.S_ISREG(os.fstat(descriptor).st_mode):
                return descriptor
            os.close(descriptor)
            raise OSError("not a file")
    except OSError as error:
        why = error.strerror or error
        raise WsssError(f"lock of a device cannot be used: {file} ({why}); remove it, or ask its owner to") from None
    return None


def _make(file: Path) -> None:
    """Make a lock file that all users may lock. It gets its name last, so that nobody meets it without its mode."""
    descriptor, temporary = tempfile.mkstemp(prefix=".wsss-device-", dir=file.parent)
    try:
        os.fchmod(descriptor, 0o666)
        with suppress(FileExistsError):
            os.link(temporary, file)
    finally:
        os.close(descriptor)
        Path(temporary).unlink()
