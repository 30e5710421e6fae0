"""What `wsss init` takes from the log while it looks at photographs."""

import logging

from wsss.commands.init.found import notes


def test_afterwards_the_log_is_as_it_was() -> None:
    logger = logging.getLogger("wsss")
    before = logger.isEnabledFor(logging.INFO)
    with notes():
        logger.info("a note")
    assert logger.isEnabledFor(logging.INFO) == before
