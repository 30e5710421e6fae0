"""A short campaign of kills. The long one is `make faults`, and its counts are in docs/reliability.md."""

import random
import shutil
from pathlib import Path

from tests.faults.kills import Storm, differing
from tests.workflow.conftest import Workplace

# What a storm makes again: two shards of labels, their list, and a training on them.
MADE = "results/data-synthetic-*/classifier-*/cams-*/confident_labels-*"
KILLS, SEED = 4, 1


def test_a_workflow_that_is_killed_again_and_again_makes_the_same(
    copy_of_finished: Workplace, finished: Workplace
) -> None:
    place = copy_of_finished
    folder = place.only(MADE)
    weights = place.only(f"{MADE}/irnet-*/edges.safetensors")
    shutil.rmtree(folder)
    storm = Storm(place, place.command(str(weights.relative_to(place.work))), random.Random(SEED), longest=5.0)
    for kill in storm.kills(KILLS):
        assert kill.faults == (), place.output.read_text()
    done = storm.finish()
    assert done.code == 0, done.output
    made = str(folder.relative_to(place.work))
    wanted = [name for name in differing(place.work, finished.work, made) if is_of_the_target(name)]
    assert wanted == []
    assert place.leftovers() == []


def is_of_the_target(name: str) -> bool:
    """Whether a file is one of the labels or of the training on them, and not of a later stage."""
    return not any(part.startswith(("pseudo_labels-", "cam_crf")) for part in Path(name).parts)
