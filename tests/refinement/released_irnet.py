"""IRNet's edge network with the weights of the released state dict, under the project's names."""

from torch import Tensor

from tests.reference import released_weights
from wsss.backbone import build_backbone
from wsss.refinement.irnet import EdgeNetwork

TRUNK = "resnet50."


def edge_branch_names() -> dict[str, str]:
    """The edge branch's parameters: ours to the released name."""
    names = {"head.weight": "fc_edge6.weight", "head.bias": "fc_edge6.bias"}
    for number in range(5):
        for part in ("0.weight", "1.weight", "1.bias"):
            names[f"blocks.{number}.{part}"] = f"fc_edge{number + 1}.{part}"
    return names


def released_edge_network() -> EdgeNetwork:
    released: dict[str, Tensor] = released_weights("irnet")
    network = EdgeNetwork(build_backbone("resnet50"))
    trunk = {name.removeprefix(TRUNK): value for name, value in released.items() if name.startswith(TRUNK)}
    network.backbone.network.load_state_dict(trunk)
    network.edge_branch.load_state_dict({ours: released[theirs] for ours, theirs in edge_branch_names().items()})
    return network.eval()
