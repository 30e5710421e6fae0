"""What the tests of the training loop share."""

from pathlib import Path

import pytest

from wsss.training import loop as training_loop
from wsss.training.loop import Machine


@pytest.fixture
def machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Machine:
    """A checkpoint at every row of the log."""
    monkeypatch.setattr(training_loop, "SECONDS_BETWEEN_CHECKPOINTS", -1.0)
    return Machine(checkpoint=tmp_path / "folder" / "tiny.checkpoint", fingerprint="code, settings, inputs")
