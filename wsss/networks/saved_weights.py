"""Reads weights that an earlier step saved or a user brings, with clear errors for damaged files and other networks."""

import shutil
from collections.abc import Sequence
from pathlib import Path

from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import Tensor, nn

from wsss.errors import WsssError, brief, reason_of
from wsss.files import atomic_path
from wsss.networks.finite import require_finite_weights

REMEDY = "delete it and run the workflow again"


def read_weights(path: Path) -> dict[str, Tensor]:
    """The tensors of a .safetensors, on the CPU. Raises WsssError if the file is missing or damaged, or holds NaN."""
    if not path.is_file():
        raise WsssError(f"missing weights: {path}; run the workflow again")
    try:
        state = dict(load_file(path))
    except (SafetensorError, OSError) as error:
        raise WsssError(f"{path} is damaged ({reason_of(error)}): {REMEDY}") from None
    require_finite_weights(str(path), state, REMEDY)
    return state


def load_weights(network: nn.Module, state: dict[str, Tensor], path: Path) -> None:
    """Load `state`, which was read from `path`. Raises WsssError if names or shapes differ from those of `network`."""
    wanted = network.state_dict()
    strange = [name for name in {**wanted, **state} if name not in wanted or name not in state]
    strange += [name for name in wanted if name in state and state[name].shape != wanted[name].shape]
    if strange:
        more = f" and {len(strange) - 1} more" if len(strange) > 1 else ""
        raise WsssError(f"{path} is of another network ({brief(strange[0])}{more}): {REMEDY}")
    network.load_state_dict(state)


def take_weights(source: Path, network: nn.Module, out: Path, optional: str | None = None) -> None:
    """Copy a user's weights, if they are those of a network.

    Parameters
    ----------
    source : Path
        The user's .safetensors.
    network : nn.Module
        The network that they must fit, in names and shapes.
    out : Path
        The file to write. It gets the same bytes.
    optional : str or None
        Entries whose names start with this may be missing. If it is given, the file may also have other branches than
        the network.

    Raises
    ------
    WsssError
        If the file is missing, damaged, or of another network. The message names the entries.
    """
    if not source.is_file():
        raise WsssError(f"no weights at {source}: correct the path in locations")
    try:
        state = load_file(source)
    except (SafetensorError, OSError) as error:
        raise WsssError(
            f"{source} cannot be read as safetensors ({reason_of(error)}): `wsss import-weights` makes them of "
            "released weights"
        ) from None
    wanted = network.state_dict()
    missing = [name for name in wanted if name not in state and not (optional and name.startswith(optional))]
    misfit = [
        f"{name} is {shape_text(state[name])}, not {shape_text(wanted[name])}"
        for name in wanted
        if name in state and state[name].shape != wanted[name].shape
    ]
    unknown = [] if optional else [name for name in state if name not in wanted]
    faults = [f"{what} {_some(names)}" for what, names in (("missing", missing), ("unknown", unknown)) if names]
    if misfit:
        faults.append(_some(misfit))
    if faults:
        raise WsssError(
            f"{source} is not the network of these settings: {'; '.join(faults)}: correct backbone, words or classes"
        )
    require_finite_weights(str(source), state, "name the weights of a training that did not fail")
    with atomic_path(out) as temporary:
        shutil.copyfile(source, temporary)


def _some(names: Sequence[str]) -> str:
    first = brief(names[0])
    return first if len(names) == 1 else f"{first} and {len(names) - 1} more"


def shape_text(value: Tensor) -> str:
    """The shape of a tensor for messages: `3 x 4`."""
    return " x ".join(map(str, value.shape)) or "a number"
