"""What the campaign of small disks calls wrong. Its runs are in `make faults`, single ones in tests/workflow."""

import pytest

from tests.faults.small_disks import OF_DISKS, OF_SHARED_MEMORY, wrong_end
from tests.workflow.conftest import Outcome
from wsss.runtime.failures import SHARED_MEMORY

FULL = "error: no space left while writing results/a: free some space and run the same command again\n"


@pytest.mark.parametrize(
    ("code", "output", "wrong"),
    [
        (0, "Nothing to be done", []),
        (1, FULL, []),
        (1, f"{FULL}error in train: {FULL[7:]}", []),
        (1, "", ["fails without a line"]),
        (1, f"{FULL}error: unexpected OSError", ["says: unexpected OSError"]),
        (124, FULL, ["hangs"]),
        (1, f"{FULL}LockException", ["locked"]),
    ],
)
def test_a_command_without_space_ends_well_or_says_so(code: int, output: str, wrong: list[str]) -> None:
    assert wrong_end(Outcome(code, output), OF_DISKS) == wrong


def test_a_line_about_shared_memory_names_the_way_out() -> None:
    assert wrong_end(Outcome(1, f"error: {SHARED_MEMORY}\n"), OF_SHARED_MEMORY) == []
    assert wrong_end(Outcome(1, "error: Bus error\n"), OF_SHARED_MEMORY) == ["says: Bus error"]
