"""What a job asks for grows with each attempt."""

from wsss.plan.resources import growing


def test_a_resource_grows_with_each_attempt() -> None:
    memory = growing(4000)
    assert [memory(None, attempt) for attempt in (1, 2, 3)] == [4000, 8000, 12000]
