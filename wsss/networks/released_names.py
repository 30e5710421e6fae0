"""Names of the entries of released networks, and this project's names for them.

These entries are left out silently, because they repeat other entries or nothing reads them:

- classifiers: stage1-4, backbone and newly_added; for VWL-M also fc_a, which is never trained;
- irnet: stage1-5, backbone, edge_layers, dp_layers and fc_dp7.4, path_indices and disp_target;
- deeplab_start: fc, the outputs for the classes of COCO.

A leading `module.` (for DeepLab also `base.`) is removed from names. Old files lack the number of batches that a
BatchNorm has seen; it is then 0.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

TRUNK = "backbone.network"
BANK = "words.bank"
DEEPLAB_BLOCKS, DEEPLAB_RATES = (3, 4, 23, 3), (6, 12, 18, 24)
DEEPLAB_UNITS = {"reduce": ("conv1", "bn1"), "conv3x3": ("conv2", "bn2"), "increase": ("conv3", "bn3")}


class Released(StrEnum):
    """The released networks whose weights can be imported."""

    VWE = "vwe"
    VWL_L = "vwl_l"
    VWL_M = "vwl_m"
    IRNET = "irnet"
    DEEPLAB = "deeplab"
    DEEPLAB_START = "deeplab_start"


@dataclass(frozen=True)
class Names:
    """How a released network names its entries: first parts of names, by our names, and a pattern of ignored names."""

    places: Mapping[str, str]
    left_out: str
    prefix: str = r"(module\.)?"

    def ours(self, released: str) -> str | None:
        """Our name of a released entry, or None."""
        return _renamed(released, {theirs: ours for ours, theirs in self.places.items()})

    def released(self, ours: str) -> str:
        """The released name of an entry of ours."""
        return _renamed(ours, self.places) or ours


def _renamed(name: str, places: Mapping[str, str]) -> str | None:
    """`name` with its first part replaced as in `places`. If several first parts are there, the longest counts."""
    parts = name.split(".")
    for count in range(len(parts), 0, -1):
        renamed = places.get(".".join(parts[:count]))
        if renamed is not None:
            return ".".join(filter(None, [renamed, *parts[count:]]))
    return None


def _deeplab_places() -> dict[str, str]:
    places = {f"{TRUNK}.conv1": "layer1.conv1.conv", f"{TRUNK}.bn1": "layer1.conv1.bn"}
    for layer, blocks in enumerate(DEEPLAB_BLOCKS, 1):
        for block in range(blocks):
            ours, theirs = f"{TRUNK}.layer{layer}.{block}", f"layer{layer + 1}.block{block + 1}"
            units = DEEPLAB_UNITS | ({"shortcut": ("downsample.0", "downsample.1")} if block == 0 else {})
            for unit, (convolution, norm) in units.items():
                places |= {f"{ours}.{convolution}": f"{theirs}.{unit}.conv", f"{ours}.{norm}": f"{theirs}.{unit}.bn"}
    return places


_WORDS = {TRUNK: "resnet", "classifier": "classifier", "words.word": "fc_b"}
_LEARNT_WORDS = _WORDS | {"words.word_to_image": "fc_a", "words.codebook": "VWE.centroid"}
_CLASSIFIERS_REPEAT = r"(stage[1-4]|backbone|newly_added)\..+"
_DEEPLAB_TRUNK = _deeplab_places()
NAMES = {
    Released.VWE: Names(_LEARNT_WORDS, _CLASSIFIERS_REPEAT),
    Released.VWL_L: Names(_LEARNT_WORDS, _CLASSIFIERS_REPEAT),
    Released.VWL_M: Names(_WORDS, rf"{_CLASSIFIERS_REPEAT}|fc_a\.weight"),
    Released.IRNET: Names(
        {
            TRUNK: "resnet50",
            **{f"edge_branch.blocks.{number}": f"fc_edge{number + 1}" for number in range(5)},
            "edge_branch.head": "fc_edge6",
            **{f"displacement_branch.blocks.{number}": f"fc_dp{number + 1}" for number in range(5)},
            "displacement_branch.deep": "fc_dp6",
            "displacement_branch.joined": "fc_dp7",
            "displacement_branch.mean": "mean_shift.running_mean",
        },
        r"(stage[1-5]|backbone|edge_layers|dp_layers|fc_dp7\.4)\..+|path_indices\d+|disp_target",
    ),
    Released.DEEPLAB: Names(
        _DEEPLAB_TRUNK | {f"aspp.{branch}": f"aspp.c{branch}" for branch in range(len(DEEPLAB_RATES))},
        "",
        r"(module\.)?(base\.)?",
    ),
    Released.DEEPLAB_START: Names(
        {ours.removeprefix(f"{TRUNK}."): theirs for ours, theirs in _DEEPLAB_TRUNK.items()},
        r"fc\..+",
        r"(module\.)?(base\.)?",
    ),
}
