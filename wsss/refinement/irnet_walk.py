"""Refinement by IRNet (Ahn, Cho and Kwak, Weakly Supervised Learning of Instance Segmentation, CVPR 2019).

The trained network predicts the edges of an image. A random walk spreads the CAMs up to these edges.
"""

import numpy as np
import torch
from PIL import Image

from wsss.data.augmentation import to_tensor
from wsss.errors import WsssError
from wsss.refinement.irnet.network import EdgeNetwork, edges_of_image
from wsss.refinement.irnet.training import load_edge_network
from wsss.refinement.method import Trainings
from wsss.refinement.random_walk import pseudo_label
from wsss.runtime.device import move_to_device
from wsss.settings.pseudo_labels import IrnetWalkSettings
from wsss.stores.cam_store import CamStore


class IrnetWalk:
    """Edges by `network`, which must be ready for inference, then the walk. Both run on the network's device."""

    def __init__(self, settings: IrnetWalkSettings, network: EdgeNetwork) -> None:
        self.settings, self.network = settings, network
        self.device = move_to_device(network)

    def refine(self, image: np.ndarray, store: CamStore) -> np.ndarray:
        """Labels, uint8 (H, W); see `wsss.refinement.random_walk.pseudo_label`."""
        return pseudo_label(store.strided(), store.keys, self.edges(image), store.size, self.settings, self.device)

    def edges(self, image: np.ndarray) -> np.ndarray:
        """Edge strengths in 0..1, float32, at a quarter of the size of `image`."""
        pixels = to_tensor(Image.fromarray(image), self.network.backbone.normalisation).to(self.device)
        with torch.autocast(self.device.type, torch.bfloat16, enabled=self.settings.precision == "bfloat16"):
            return edges_of_image(self.network, pixels, self.settings.pad_to)


def build(settings: IrnetWalkSettings, trainings: Trainings) -> IrnetWalk:
    """Make this refinement from a trained IRNet. Raises WsssError if there is none."""
    trained = trainings.irnet
    if trained is None:
        raise WsssError("pseudo_labels.method irnet needs a trained IRNet: give its settings and both files of weights")
    return IrnetWalk(settings, load_edge_network(trained.settings, trained.initial_weights, trained.edge_weights))
