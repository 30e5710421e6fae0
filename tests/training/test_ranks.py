"""Several processes that train together: the losses of one process, step by step, and equal states."""

import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file
from torch import Tensor, nn

from tests.training.two_ranks import BEGUN_BY_ONE, BEGUN_BY_TWO, PLAN, RESUMED, STEPS, TRAININGS, trained
from wsss.errors import WsssError
from wsss.training import ranks, spread
from wsss.training.ranks import Division, divided

SCRIPT = Path(__file__).with_name("two_ranks.py")
Found = dict[str, dict[str, Tensor]]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where two ranks have run all trainings, with a checkpoint of each number of processes at half of its steps."""
    folder = tmp_path_factory.mktemp("ranks")
    trained(RESUMED, folder / BEGUN_BY_ONE, stop=STEPS // 2)
    subprocess.run([sys.executable, SCRIPT, folder], check=True, timeout=300)
    return folder


@pytest.fixture(scope="module")
def together(folder: Path) -> list[Found]:
    """What each rank has found, by training."""
    found: list[Found] = [{}, {}]
    for rank, one in enumerate(found):
        for key, value in load_file(folder / f"{rank}.safetensors").items():
            name, _, entry = key.partition("/")
            one.setdefault(name, {})[entry] = value
    return found


def assert_near(ours: Mapping[str, Tensor], wanted: Mapping[str, Tensor]) -> None:
    assert ours.keys() == wanted.keys()
    for name, value in wanted.items():
        if name != "seen":
            torch.testing.assert_close(
                ours[name], value, rtol=1e-5, atol=1e-6, msg=lambda text, name=name: f"{name}: {text}"
            )


@pytest.mark.parametrize("name", TRAININGS)
def test_two_ranks_have_the_losses_of_one_process(together: list[Found], name: str) -> None:
    alone = trained(name)
    losses = [value for key, value in alone.items() if key.startswith("loss ")]
    assert all(len(loss) == STEPS and float(loss.min()) < float(loss.max()) for loss in losses)
    assert_near(together[0][name], alone)
    images = torch.cat([found[name]["seen"].view(STEPS, -1) for found in together], 1)
    assert torch.equal(images.sort(1).values, alone["seen"].view(STEPS, -1).sort(1).values)


@pytest.mark.parametrize("name", TRAININGS)
def test_both_ranks_end_with_the_same_bytes(together: list[Found], name: str) -> None:
    first, second = (found[name] for found in together)
    assert [key for key in first if not torch.equal(first[key], second[key])] == ["seen"]


def test_two_ranks_go_on_from_the_checkpoint_of_one_process(together: list[Found]) -> None:
    assert len(together[0]["resumed"]["seen"]) == STEPS // 2 * PLAN.batch // 2
    assert_near(together[0]["resumed"], trained(RESUMED))


def test_one_process_goes_on_from_the_checkpoint_of_two_ranks(folder: Path) -> None:
    resumed = trained(RESUMED, folder / BEGUN_BY_TWO)
    assert len(resumed["seen"]) == STEPS // 2 * PLAN.batch
    assert_near(resumed, trained(RESUMED))
    assert not (folder / BEGUN_BY_TWO).exists()


@pytest.mark.parametrize(
    ("batch", "parts", "count", "wanted"),
    [
        (6, 1, 1, [[0, 1, 2, 3, 4, 5]]),
        (6, 3, 1, [[0, 1, 2, 3, 4, 5]]),
        (6, 1, 2, [[0, 1, 2], [3, 4, 5]]),
        (6, 2, 2, [[0, 1, 2], [3, 4, 5]]),
        (6, 3, 2, [[0, 2, 4], [1, 3, 5]]),
        (8, 4, 2, [[0, 1, 2, 3], [4, 5, 6, 7]]),
        (8, 2, 4, [[0, 4], [1, 5], [2, 6], [3, 7]]),
    ],
)
def test_each_rank_takes_its_share_of_a_batch(batch: int, parts: int, count: int, wanted: list[list[int]]) -> None:
    division = divided(batch, parts, count)
    assert [division.own(range(batch), rank) for rank in range(count)] == wanted
    assert division.parts * division.teams == parts


@pytest.mark.parametrize(
    ("batch", "parts", "count", "possible"), [(10, 2, 4, 2), (16, 1, 3, 2), (5, 1, 4, 1), (12, 4, 8, 4)]
)
def test_a_batch_that_cannot_be_shared_is_refused(batch: int, parts: int, count: int, possible: int) -> None:
    message = rf"^{count} devices cannot share a batch of {batch} in {parts} part\(s\) equally: ask for {possible} "
    with pytest.raises(WsssError, match=message):
        divided(batch, parts, count)
    divided(batch, parts, possible)


def test_a_normalisation_by_the_batch_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(spread, "world", lambda: 2)
    network = nn.Sequential(nn.Conv2d(3, 2, 1), nn.BatchNorm2d(2))
    with pytest.raises(WsssError, match=r"^1 normalises by the batch, .* train on one \(gpu: 1\)$"):
        spread.spread(network, lambda module, batch: {}, 1)


def test_with_one_process_nothing_is_exchanged() -> None:
    values = torch.arange(6.0).view(3, 2)
    assert (ranks.world(), ranks.rank(), ranks.sharers()) == (1, 0, 1)
    assert ranks.summed(values) is values
    assert ranks.summed_over_all(values) is values
    assert torch.equal(ranks.rows_of_part(values, torch.tensor([2, 0])), values[[2, 0]])
    assert ranks.divide(8, 2) == Division(2)
