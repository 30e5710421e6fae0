"""Work in a thread beside the caller's: order, overlap, how far ahead, and what happens when it fails."""

import threading
from collections.abc import Iterator

import pytest

from wsss.stores.pipelining import in_background


@pytest.mark.parametrize("count", [0, 1, 2, 7])
def test_results_come_in_order_and_from_one_other_thread(count: int) -> None:
    threads = set()

    def squared(item: int) -> int:
        threads.add(threading.get_ident())
        return item * item

    assert list(in_background(squared, range(count))) == [item * item for item in range(count)]
    assert len(threads) == min(count, 1)
    assert threading.get_ident() not in threads


def test_the_next_item_is_worked_on_while_the_caller_has_the_one_before() -> None:
    begun = [threading.Event() for _ in range(5)]

    def work(item: int) -> int:
        begun[item].set()
        return item

    for item in in_background(work, range(5)):
        # Not before: one item at a time, and no further ahead.
        assert item == 4 or begun[item + 1].wait(10)
        assert not any(event.is_set() for event in begun[item + 2 :])


def test_items_are_drawn_in_the_callers_thread_while_the_one_before_is_worked_on() -> None:
    drawn = [threading.Event() for _ in range(4)]

    def items() -> Iterator[int]:
        for item in range(4):
            assert threading.current_thread() is threading.main_thread()
            drawn[item].set()
            yield item

    def work(item: int) -> bool:
        return item == 3 or drawn[item + 1].wait(10)

    assert list(in_background(work, items())) == [True] * 4


def test_failures_come_out_and_end_the_work() -> None:
    worked: list[int] = []

    def work(item: int) -> int:
        worked.append(item)
        if item == 2:
            raise OSError("no space left")
        return item

    done: list[int] = []
    with pytest.raises(OSError, match="no space left"):
        done.extend(in_background(work, range(6)))
    assert done == [0, 1]
    assert worked == [0, 1, 2]


def test_a_failing_source_leaves_begun_work_finished() -> None:
    worked: list[int] = []

    def items() -> Iterator[int]:
        yield from (0, 1)
        raise ValueError("damaged")

    with pytest.raises(ValueError, match="damaged"):
        list(in_background(worked.append, items()))
    assert worked == [0, 1]
