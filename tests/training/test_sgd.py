"""The optimiser beside torch's class of the same name."""

import subprocess
import sys

import pytest
import torch
from torch import nn

from wsss.training.sgd import Sgd

RATES = (0.5, 0.125)
STEPS = 6


def make_parameters() -> list[nn.Parameter]:
    """Two parameters of the first group and one of the second."""
    generator = torch.Generator().manual_seed(0)
    return [nn.Parameter(torch.randn(shape, generator=generator)) for shape in [(3, 4), (5,), (2, 2)]]


def make_groups(parameters: list[nn.Parameter]) -> list[dict[str, object]]:
    """The first group takes the decay that all are given."""
    return [
        {"params": parameters[:2], "lr": RATES[0]},
        {"params": parameters[2:], "lr": RATES[1], "weight_decay": 0.03},
    ]


def give_gradients(parameters: list[nn.Parameter], step: int) -> None:
    """The same at the same step; the second parameter has none at first, and the last has none at step 3."""
    generator = torch.Generator().manual_seed(step)
    for place, parameter in enumerate(parameters):
        gradient = torch.randn(parameter.shape, generator=generator)
        absent = (place == 1 and step < 2) or (place == 2 and step == 3)
        parameter.grad = None if absent else gradient


@pytest.mark.parametrize("momentum", [0.0, 0.9])
@pytest.mark.parametrize("decay", [0.0, 0.01])
def test_steps_are_torchs_to_the_last_bit(momentum: float, decay: float) -> None:
    ours, theirs = make_parameters(), make_parameters()
    optimiser = Sgd(make_groups(ours), momentum, decay)
    reference = torch.optim.SGD(make_groups(theirs), momentum=momentum, weight_decay=decay)
    for step in range(STEPS):
        optimiser.share = 1 - step / STEPS
        for group, rate in zip(reference.param_groups, RATES, strict=True):
            group["lr"] = rate * optimiser.share
        for parameters, one in ((ours, optimiser), (theirs, reference)):
            give_gradients(parameters, step)
            one.step()
        for mine, wanted in zip(ours, theirs, strict=True):
            torch.testing.assert_close(mine, wanted, rtol=0, atol=0)


def test_a_state_goes_on_where_it_was_saved() -> None:
    """Saved after 2 of 6 steps, where a parameter has had no gradient yet, and after 4."""
    for saved_at in (2, 4):
        unbroken, first = make_parameters(), make_parameters()
        optimiser, before = Sgd(make_groups(unbroken), 0.9, 0.01), Sgd(make_groups(first), 0.9, 0.01)
        after = Sgd(make_groups(first), 0.9, 0.01)
        for step in range(STEPS):
            if step == saved_at:
                after.load_state_dict(before.state_dict())
            for parameters, one in ((unbroken, optimiser), (first, before if step < saved_at else after)):
                give_gradients(parameters, step)
                one.step()
        for mine, wanted in zip(first, unbroken, strict=True):
            torch.testing.assert_close(mine, wanted, rtol=0, atol=0)


def test_gradients_are_forgotten() -> None:
    parameters = make_parameters()
    give_gradients(parameters, 5)
    Sgd(make_groups(parameters), 0.9, 0).zero_grad()
    assert all(parameter.grad is None for parameter in parameters)


def test_a_step_leaves_torchs_compiler_unloaded() -> None:
    """What this is for: the compiler takes as long to load as torch does."""
    code = (
        "import sys, torch; from wsss.training.sgd import Sgd; "
        "w = torch.nn.Parameter(torch.ones(3)); w.grad = torch.ones(3); "
        "one = Sgd([{'params': [w], 'lr': 0.1}], 0.9, 0.0); one.step(); one.zero_grad(); "
        "sys.exit('torch._dynamo' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
