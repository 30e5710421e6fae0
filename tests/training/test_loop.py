"""The loop itself, on a tiny network: rates, batches, parts, checkpoints and what it says when it fails."""

import logging
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from safetensors.torch import load_file
from torch import Tensor, nn

from wsss.errors import WsssError
from wsss.settings.training import OptimiserSettings
from wsss.training import loop as training_loop
from wsss.training.checkpoint import Checkpoint
from wsss.training.loop import Batch, LogRow, Losses, Machine, Plan, rng_for, save_training, steps_per_epoch, train

PLAN = Plan(
    name="tiny",
    batch=4,
    steps=37,
    total_steps=50,
    optimiser=OptimiserSettings(momentum=0.9, weight_decay=0.01),
    precision="float32",
    seed=3,
)


class Draws:
    """Eleven samples of (2, 3, 3) values that follow from epoch and index, and a target."""

    def __len__(self) -> int:
        return 11

    def __getitem__(self, key: tuple[int, int]) -> tuple[Tensor, Tensor]:
        values = rng_for(0, *key).standard_normal((2, 3, 3)).astype(np.float32)
        return torch.from_numpy(values), torch.tensor([float(key[1])])


class Places:
    """Samples that say which they are."""

    def __init__(self, count: int) -> None:
        self.count = count

    def __len__(self) -> int:
        return self.count

    def __getitem__(self, key: tuple[int, int]) -> tuple[Tensor]:
        return (torch.tensor(key),)


def tiny() -> nn.Module:
    """A convolution, dropout that draws from torch's generator, and a linear head."""
    torch.manual_seed(1)
    return nn.Sequential(nn.Conv2d(2, 3, 2), nn.ReLU(), nn.Dropout(0.3), nn.Flatten(), nn.Linear(12, 1))


def losses(network: nn.Module, batch: Batch) -> Losses:
    scores = network(batch[0])
    return {"square": (scores - 0.1 * batch[1]).square().mean(), "size": 0.01 * scores.abs().mean()}


def run(
    compute: Callable[[nn.Module, Batch], Losses] = losses, plan: Plan = PLAN, machine: Machine | None = None
) -> tuple[dict[str, Tensor], list[LogRow]]:
    """Train a tiny network anew: its weights and the log."""
    network = tiny()
    parameters = list(network.parameters())
    groups = [{"params": parameters[:2], "lr": 0.01}, {"params": parameters[2:], "lr": 0.03}]
    log = train(network, groups, compute, Draws(), plan, machine or Machine())
    return {name: value.clone() for name, value in network.state_dict().items()}, log


def assert_same(ours: tuple[dict[str, Tensor], list[LogRow]], wanted: tuple[dict[str, Tensor], list[LogRow]]) -> None:
    for name, value in wanted[0].items():
        torch.testing.assert_close(ours[0][name], value, rtol=0, atol=0)
    assert ours[1] == wanted[1]


class Killed(BaseException):
    """What no handler of the loop may catch."""


def killed_at(step: int) -> Callable[[nn.Module, Batch], Losses]:
    """Losses that end the training when it has come to `step` steps more."""
    calls = iter(range(1000))

    def compute(network: nn.Module, batch: Batch) -> Losses:
        if next(calls) == step:
            raise Killed
        return losses(network, batch)

    return compute


@pytest.mark.parametrize("decay_every", [1, 4, 50])
@pytest.mark.parametrize("power", [0.9, 0.0, 2.0])
def test_rates_follow_the_polynomial(decay_every: int, power: float) -> None:
    """With a loss of w and neither momentum nor decay, w falls by the rate at every step."""
    network = nn.Linear(1, 1, bias=False, dtype=torch.float64)
    nn.init.zeros_(network.weight)
    seen = []

    def falling(module: nn.Module, batch: Batch) -> Losses:
        seen.append(network.weight.item())
        return {"w": network.weight.sum()}

    settings = OptimiserSettings(momentum=0, weight_decay=0, power=power, decay_every=decay_every)
    plan = replace(PLAN, optimiser=settings)
    log = train(network, [{"params": [network.weight], "lr": 0.5}], falling, Draws(), plan, Machine())
    seen.append(network.weight.item())
    wanted = [0.5 * (1 - (step - step % decay_every) / 50) ** power for step in range(37)]
    np.testing.assert_allclose(-np.diff(seen), wanted, rtol=1e-9)
    assert [row["step"] for row in log] == [10, 20, 30, 37]
    spans = [range(10), range(10, 20), range(20, 30), range(30, 37)]
    for row, span in zip(log, spans, strict=True):
        assert row["lr"] == pytest.approx(wanted[span[-1]], rel=1e-12)
        assert row["w"] == pytest.approx(np.mean([seen[step] for step in span]), rel=1e-6)


def test_updates_are_those_of_sgd_with_momentum_and_decay() -> None:
    """w <- w - rate v, v <- 0.9 v + (gradient + 0.01 w), each group at its own rate; the loss is the sum of all."""
    network = nn.ParameterList([nn.Parameter(torch.tensor([2.0])), nn.Parameter(torch.tensor([-3.0]))])

    def two(module: nn.Module, batch: Batch) -> Losses:
        return {"a": network[0].square().sum(), "b": (network[0] * network[1]).sum()}

    groups = [{"params": [network[0]], "lr": 0.01}, {"params": [network[1]], "lr": 0.04}]
    train(network, groups, two, Draws(), replace(PLAN, steps=12), Machine())
    values, speeds = np.array([2.0, -3.0]), np.zeros(2)
    for step in range(12):
        gradients = np.array([2 * values[0] + values[1], values[0]])
        speeds = 0.9 * speeds + gradients + 0.01 * values
        values = values - np.array([0.01, 0.04]) * (1 - step / 50) ** 0.9 * speeds
    np.testing.assert_allclose([float(one.detach()) for one in network], values, rtol=1e-5)


def keys_seen(images: int, plan: Plan, machine: Machine) -> list[list[tuple[int, int]]]:
    network = nn.Linear(1, 1)
    seen: list[list[tuple[int, int]]] = []

    def note(module: nn.Module, batch: Batch) -> Losses:
        seen.append([(int(epoch), int(index)) for epoch, index in batch[0]])
        return {"w": network.weight.sum()}

    train(network, [{"params": list(network.parameters()), "lr": 0.1}], note, Places(images), plan, machine)
    return seen


@pytest.mark.parametrize("workers", [0, 2])
def test_every_epoch_shows_whole_batches_in_an_order_of_its_own(workers: int) -> None:
    plan = replace(PLAN, steps=6)
    seen = keys_seen(11, plan, Machine(workers=workers))
    assert [len(batch) for batch in seen] == [4] * 6
    assert [{epoch for epoch, _ in batch} for batch in seen] == [{0}, {0}, {1}, {1}, {2}, {2}]
    epochs = [[index for _, index in seen[2 * e] + seen[2 * e + 1]] for e in range(3)]
    for indices in epochs:
        assert len(set(indices)) == 8
        assert set(indices) <= set(range(11))
    assert len({tuple(indices) for indices in epochs}) == 3
    assert seen == keys_seen(11, plan, Machine())
    assert seen != keys_seen(11, replace(plan, seed=4), Machine())


def test_two_trainings_are_equal_and_another_seed_differs() -> None:
    assert_same(run(), run())
    other, _ = run(plan=replace(PLAN, seed=4))
    assert any(bool((value != run()[0][name]).any()) for name, value in other.items())


def test_loader_processes_change_nothing() -> None:
    assert_same(run(machine=Machine(workers=2)), run())


def test_dropout_draws_anew_at_every_step() -> None:
    drawn = []

    def note(network: nn.Module, batch: Batch) -> Losses:
        drawn.append(float(torch.rand(())))
        return losses(network, batch)

    run(note)
    assert len(set(drawn)) == 37


@pytest.mark.parametrize("workers", [0, 2])
@pytest.mark.parametrize("steps", [12, 20, 29, 36])
def test_a_resumed_training_equals_an_unbroken_one(
    machine: Machine, caplog: pytest.LogCaptureFixture, steps: int, workers: int
) -> None:
    caplog.set_level(logging.INFO, "wsss")
    machine = replace(machine, workers=workers)
    with pytest.raises(Killed):
        run(killed_at(steps), machine=machine)
    assert machine.checkpoint is not None
    assert machine.checkpoint.is_file()
    assert_same(run(machine=machine), run())
    assert f"resuming from step {steps // 10 * 10} of {machine.checkpoint}" in caplog.text
    # Neither the checkpoint nor a temporary file is left behind.
    assert list(machine.checkpoint.parent.iterdir()) == []


def test_a_training_may_be_killed_again_and_again(machine: Machine) -> None:
    for steps in (15, 3, 12, 14):
        with pytest.raises(Killed):
            run(killed_at(steps), machine=machine)
    assert_same(run(machine=machine), run())


def test_a_training_killed_after_its_last_step_is_complete(machine: Machine, monkeypatch: pytest.MonkeyPatch) -> None:
    with monkeypatch.context() as context:
        context.setattr(training_loop._Progress, "discard", lambda state: None)
        run(machine=machine)
    assert machine.checkpoint is not None
    assert machine.checkpoint.is_file()
    assert_same(run(killed_at(0), machine=machine), run())
    assert not machine.checkpoint.exists()


def test_checkpoints_keep_their_distance(machine: Machine, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(training_loop, "SECONDS_BETWEEN_CHECKPOINTS", 3600.0)
    with pytest.raises(Killed):
        run(killed_at(35), machine=machine)
    assert machine.checkpoint is not None
    assert not machine.checkpoint.exists()


def test_a_checkpoint_of_other_code_settings_or_inputs_is_discarded(
    machine: Machine, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO, "wsss")
    with pytest.raises(Killed):
        run(killed_at(25), machine=machine)
    other = replace(PLAN, optimiser=OptimiserSettings(momentum=0.5, weight_decay=0))
    assert_same(run(plan=other, machine=replace(machine, fingerprint="other settings")), run(plan=other))
    assert "belongs to other code, settings or inputs: starting over" in caplog.text


@pytest.mark.parametrize("parts", [2, 4])
def test_parts_of_a_batch_give_the_gradient_of_the_whole(parts: int) -> None:
    def plain(network: nn.Module, batch: Batch) -> Losses:
        return losses(network.eval(), batch)

    whole, log = run(plain)
    ours, our_log = run(plain, replace(PLAN, accumulate=parts))
    for name, value in whole.items():
        torch.testing.assert_close(ours[name], value, rtol=1e-5, atol=1e-6)
    for row, wanted in zip(our_log, log, strict=True):
        assert row == pytest.approx(wanted, rel=1e-5)


def test_a_batch_larger_than_the_list_is_refused() -> None:
    with pytest.raises(WsssError, match=r"tiny: a batch of 12 is larger than the train list \(11 images\): make"):
        run(plan=replace(PLAN, batch=12))
    assert [steps_per_epoch(images, 4, "x") for images in (4, 7, 8, 11)] == [1, 1, 2, 2]


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
@pytest.mark.parametrize("step", [0, 14, 36])
def test_a_loss_that_is_not_finite_ends_the_training(machine: Machine, value: float, step: int) -> None:
    calls = iter(range(100))

    def failing(network: nn.Module, batch: Batch) -> Losses:
        found = dict(losses(network, batch))
        return found | {"bad": found["size"] * (value if next(calls) == step else 1.0)}

    told = (
        rf"tiny: the loss is no longer finite at step {step + 1}, at a learning rate of 0\.0\d+ .*bad.*lower the lear"
    )
    with pytest.raises(WsssError, match=told):
        run(failing, machine=machine)
    if machine.checkpoint is not None and machine.checkpoint.is_file():
        saved = Checkpoint.read(machine.checkpoint, machine.fingerprint)
        assert saved is not None
        assert all(bool(weights.isfinite().all()) for weights in saved.network.values())


class LastStep(torch.autograd.Function):
    """The identity, with gradients that are too large for float32."""

    @staticmethod
    def forward(ctx: Any, values: Tensor) -> Tensor:
        return values.clone()

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> Tensor:
        return torch.full_like(gradient, float("inf"))


def test_weights_that_explode_in_the_last_step_end_the_training(machine: Machine) -> None:
    """No later loss shows it. The checkpoint before it stays."""
    calls = iter(range(100))

    def failing(network: nn.Module, batch: Batch) -> Losses:
        found = losses(network, batch)
        return found if next(calls) < 36 else {name: LastStep.apply(loss) for name, loss in found.items()}

    with pytest.raises(WsssError, match=r"^not finite: .*: after step 37, at a learning rate of 0\.003\d+, .*: "):
        run(failing, machine=machine)
    assert machine.checkpoint is not None
    saved = Checkpoint.read(machine.checkpoint, machine.fingerprint)
    assert saved is not None
    assert saved.step == 30
    assert all(bool(weights.isfinite().all()) for weights in saved.network.values())


def test_no_weights_are_saved_that_are_not_finite(tmp_path: Path) -> None:
    network = nn.Linear(2, 1)
    with torch.no_grad():
        network.bias.fill_(float("nan"))
    with pytest.raises(WsssError, match=r"^not finite: the trained tiny, bias: nan at \[0\]; lower the learning rate"):
        save_training(tmp_path, "tiny", network, [], {})
    assert not (tmp_path / "tiny.safetensors").exists()


def test_bfloat16_is_near_and_not_equal() -> None:
    plain, ours = run()[0], run(plan=replace(PLAN, precision="bfloat16"))[0]
    assert {value.dtype for value in ours.values()} == {torch.float32}
    assert any(bool((ours[name] != value).any()) for name, value in plain.items())
    for name, value in plain.items():
        torch.testing.assert_close(ours[name], value, rtol=0.05, atol=0.02)


def test_what_is_saved_is_what_was_trained(tmp_path: Path) -> None:
    network = tiny()
    log = [{"step": 10, "lr": 0.1, "img": 0.5}]
    for folder in ("a", "b"):
        save_training(tmp_path / folder, "classifier", network, log, {"classifier": {"seed": 3}})
    names = ["classifier.safetensors", "settings.json", "training.csv"]
    assert sorted(path.name for path in (tmp_path / "a").iterdir()) == names
    for name in names:
        assert (tmp_path / "a" / name).read_bytes() == (tmp_path / "b" / name).read_bytes()
    # Who may read the settings may read the weights.
    assert len({(tmp_path / "a" / name).stat().st_mode for name in names}) == 1
    assert (tmp_path / "a" / "training.csv").read_text() == "step,lr,img\n10,0.1,0.5\n"
    state = load_file(tmp_path / "a" / "classifier.safetensors")
    assert set(state) == set(network.state_dict())
    for name, value in network.state_dict().items():
        assert torch.equal(state[name], value)
