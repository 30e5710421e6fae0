"""What the campaign came to reaches its page."""

from tests.faults.campaign import Case, table, with_table


def test_tables_of_a_page_are_replaced_and_the_rest_stays() -> None:
    empty = "before\n<!-- kills: begin -->\n<!-- kills: end -->\nafter\n"
    first = with_table(empty, "kills", "| a |")
    assert first == "before\n<!-- kills: begin -->\n| a |\n<!-- kills: end -->\nafter\n"
    assert with_table(first, "kills", "| b |") == first.replace("| a |", "| b |")


def test_a_wrong_case_is_counted_and_told() -> None:
    cases = [Case("a kill", ""), Case("a kill", "hangs"), Case("a flip", "")]
    assert table(cases).splitlines()[2:] == ["| a flip | 1 | 0 | - |", "| a kill | 2 | 1 | 1 times hangs |"]
