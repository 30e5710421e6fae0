"""A job whose ranks fail: `python failing_ranks.py FOLDER HOW`. Its log and the ranks' ids are then in FOLDER.

`refuse`: rank 1 raises a WsssError. `kill`: rank 1 is killed. `train`: both train until somebody ends them.
"""

import os
import signal
import sys
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

sys.path[:0] = [str(Path(__file__).parents[2]), str(Path(__file__).parents[2] / "workflow_scripts")]

from step import training  # noqa: E402 (only the path that was set now leads there)

FOLDER, HOW = Path(sys.argv[1]), sys.argv[2]
JOB = SimpleNamespace(log=[FOLDER / "job.log"], input=[], output=[], resources={"gpu": 2}, threads=2, rule="failing")

with training(JOB):
    import torch

    from wsss.errors import WsssError
    from wsss.training.ranks import rank, summed_over_all

    summed_over_all(torch.ones(1))
    (FOLDER / f"{rank()}.tmp").write_text(str(os.getpid()))
    (FOLDER / f"{rank()}.tmp").rename(FOLDER / f"{rank()}.pid")
    if HOW == "train":
        from tests.training.two_ranks import TRAININGS, Samples
        from wsss.training.loop import Machine, train

        network, compute_losses, plan = TRAININGS["none released"]()
        groups = [{"params": list(network.parameters()), "lr": 1e-4}]
        plan = replace(plan, steps=100_000, total_steps=100_000)
        train(network, groups, compute_losses, Samples(False), plan, Machine(checkpoint=FOLDER / "of.checkpoint"))
    if rank() == 1 and HOW == "refuse":
        raise WsssError("the file x is damaged: copy it again")
    if rank() == 1:
        os.kill(os.getpid(), signal.SIGKILL)
    # Rank 0 waits here for the other.
    summed_over_all(torch.ones(1))
