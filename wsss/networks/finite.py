"""Whether all weights of a network are finite."""

from collections.abc import Mapping

import torch
from torch import Tensor

from wsss.data.finite import require_finite
from wsss.errors import brief


def require_finite_weights(what: str, state: Mapping[str, Tensor], remedy: str) -> None:
    """Check that no tensor has a NaN or an infinity.

    Parameters
    ----------
    what : str
        What the tensors are, for messages.
    state : Mapping[str, Tensor]
        Tensors by name, on any device.
    remedy : str
        The way out, for messages.

    Raises
    ------
    WsssError
        If a value is not finite. The message names the tensor, and the first such value and its place.
    """
    floats = {name: tensor.detach() for name, tensor in state.items() if tensor.is_floating_point()}
    if not floats:
        return
    # The flags are read together, so that a GPU is waited for once.
    flags = torch.stack([tensor.isfinite().all() for tensor in floats.values()]).cpu()
    for (name, tensor), is_finite in zip(floats.items(), flags.tolist(), strict=True):
        if not is_finite:
            require_finite(f"{what}, {brief(name)}", tensor.float().cpu().numpy(), remedy)
