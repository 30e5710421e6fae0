"""Reads weights that an earlier step saved, with clear errors for damaged files and for other networks."""

from pathlib import Path

from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import Tensor, nn

from wsss.errors import WsssError

REMEDY = "delete it and run the workflow again"


def read_weights(path: Path) -> dict[str, Tensor]:
    """The tensors of a .safetensors, on the CPU. Raises WsssError if the file is missing or damaged."""
    try:
        return dict(load_file(path))
    except FileNotFoundError:
        raise WsssError(f"missing weights: {path}; run the workflow again") from None
    except (SafetensorError, OSError) as error:
        raise WsssError(f"{path} is damaged ({error}): {REMEDY}") from None


def load_weights(network: nn.Module, state: dict[str, Tensor], path: Path) -> None:
    """Load `state`, which was read from `path`. Raises WsssError if names or shapes differ from those of `network`."""
    wanted = network.state_dict()
    strange = [name for name in {**wanted, **state} if name not in wanted or name not in state]
    strange += [name for name in wanted if name in state and state[name].shape != wanted[name].shape]
    if strange:
        more = f" and {len(strange) - 1} more" if len(strange) > 1 else ""
        raise WsssError(f"{path} is of another network ({strange[0]}{more}): {REMEDY}")
    network.load_state_dict(state)
