"""IRNet with the weights of the released state dict, by way of the import."""

from tests.reference import imported_weights
from wsss.networks.backbones import build_backbone
from wsss.refinement.irnet.network import EdgeNetwork


def released_irnet() -> EdgeNetwork:
    network = EdgeNetwork(build_backbone("resnet50"), displacement=True)
    network.load_state_dict(imported_weights("irnet"))
    return network.eval()
