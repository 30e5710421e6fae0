"""Messages that tell the key, its value and what is allowed."""

from typing import Any

import pytest

from tests.settings.samples import BACKBONE, FOLDER
from wsss.errors import WsssError
from wsss.settings.backbone import BackboneSettings
from wsss.settings.base import Settings
from wsss.settings.cam_curve import CamCurveSettings
from wsss.settings.cams import PlainCamSettings
from wsss.settings.classifier import ClassifierSettings
from wsss.settings.confident_labels import ConfidentLabelSettings
from wsss.settings.config import MachineSettings
from wsss.settings.data import FolderSettings, SyntheticSettings, Voc12Settings
from wsss.settings.irnet import IrnetSettings
from wsss.settings.locations import LocationSettings
from wsss.settings.pseudo_labels import IrnetWalkSettings
from wsss.settings.segmentation import SegmentationSettings

VOC12 = {"kind": "voc12"}
CRF_OF_OWN = {"gaussian_sxy": 1, "bilateral_sxy": 1, "bilateral_srgb": 1, "bilateral_weight": 1}


@pytest.mark.parametrize(
    ("model", "values", "parts"),
    [
        (
            PlainCamSettings,
            {"scale": [1]},
            ["unknown key x.scale", "allowed here: method, scales, precision, store_dtype"],
        ),
        (PlainCamSettings, {"scales": []}, ["x.scales = []", "at least 1 item"]),
        (PlainCamSettings, {"scales": [1, 0]}, ["x.scales.1 = 0", "a number above 0 to 16 is needed"]),
        (PlainCamSettings, {"scales": [1, float("inf")]}, ["x.scales.1 = inf", "a number above 0 to 16 is needed"]),
        (PlainCamSettings, {"store_dtype": "int8"}, ["x.store_dtype = 'int8'", "'float16' or 'float32'"]),
        (BackboneSettings, {"name": "vgg16", "weights": "scratch"}, ["x.name: 'vgg16' is none of", "resnet50"]),
        (BackboneSettings, {"name": "resnet50"}, ["x.weights is missing"]),
        (BackboneSettings, BACKBONE | {"seed": -1}, ["x.seed = -1", "a whole number from 0 to 4294967295 is needed"]),
        (BackboneSettings, BACKBONE | {"file_sha256": "abc"}, ["x.file_sha256 = 'abc'", "pattern"]),
        (
            BackboneSettings,
            {"name": "resnet18", "weights": "scratch", "caffe_style": True},
            ["x: caffe_style: resnet18 has no bottleneck blocks", "resnet50 and resnet101"],
        ),
        (BackboneSettings, BACKBONE | {"caffe_style": True}, ["weights: imagenet were trained without caffe_style"]),
        (
            BackboneSettings,
            BACKBONE | {"name": "resnet5"},
            ["x.name: 'resnet5' is none of efficientnet_lite0"],
        ),
        (BackboneSettings, BACKBONE | {"name": "timm/../x"}, ["x.name: 'timm/../x' is none of", "timm/convnext_tiny"]),
        (BackboneSettings, BACKBONE | {"name": "timm/"}, ["x.name: 'timm/' is none of"]),
        (BackboneSettings, BACKBONE | {"file_sha256": "0" * 64}, ["file_sha256 belongs", "weights is imagenet"]),
        (LocationSettings, {"dataset": ""}, ["x.dataset = ''", "at least 1 character"]),
        (BackboneSettings, BACKBONE | {"input": "caffe"}, ["on native input; use weights: file"]),
        (
            ClassifierSettings,
            {"backbone": BACKBONE | {"sed": 1}},
            ["x.backbone.sed", "name, weights, file_sha256, seed"],
        ),
        (
            ClassifierSettings,
            {"backbone": BACKBONE, "batch": "many"},
            ["x.batch = 'many'", "a whole number from 1"],
        ),
        (ClassifierSettings, {"backbone": BACKBONE, "batch": 2.5}, ["x.batch = 2.5", "a whole number from 1 to 65536"]),
        (ClassifierSettings, {"backbone": BACKBONE, "lr": 0}, ["x.lr = 0", "a number above 0 to 1000 is needed"]),
        (ClassifierSettings, {"backbone": BACKBONE, "long_side": [600, 500]}, ["long_side: 600 is above 500"]),
        (ClassifierSettings, {"backbone": BACKBONE, "stop_after_epoch": 7}, ["stop_after_epoch 7 is beyond the 6"]),
        (
            ClassifierSettings,
            {"backbone": BACKBONE, "words": "vwe", "tau": 0.8},
            ["tau and decov_weight", "words is vwe"],
        ),
        (
            ClassifierSettings,
            {"backbone": BACKBONE, "words": "vwl_m", "tau": 0.8},
            ["tau and decov_weight", "words is vwl_m"],
        ),
        (ClassifierSettings, {"backbone": BACKBONE, "rho": 0.01}, ["rho acts on words: vwl_m only", "words is vwl_l"]),
        (
            ClassifierSettings,
            {"backbone": BACKBONE, "words": "vwl_m", "rho": 0},
            ["x.rho = 0", "above 0 to 1 is needed"],
        ),
        (PlainCamSettings, {"mirrors": "mean"}, ["x.mirrors = 'mean'", "'max' or 'add'"]),
        (
            ClassifierSettings,
            {"backbone": BACKBONE, "objectives": [{"method": "recam"}] * 2},
            ["objectives: recam stands there twice"],
        ),
        (
            ClassifierSettings,
            {"backbone": BACKBONE, "objectives": [{"method": "recall"}]},
            ["x.objectives", "'recall'", "'recam'"],
        ),
        (
            ClassifierSettings,
            {"backbone": BACKBONE, "objectives": [{"method": "recam", "maps": "second"}]},
            ["maps = 'second'", "'product' or 'first_head'"],
        ),
        (
            ClassifierSettings,
            {"backbone": BACKBONE, "frozen_stages": 0},
            ["x.frozen_stages = 0", "a whole number from 1 to 5"],
        ),
        (
            ClassifierSettings,
            {"backbone": BACKBONE, "frozen_stages": 6},
            ["x.frozen_stages = 6", "a whole number from 1 to 5"],
        ),
        (ConfidentLabelSettings, {"foreground_score": 0.01}, ["foreground_score must not be below background_score"]),
        (ConfidentLabelSettings, {"label_probability": 0.5}, ["x.label_probability = 0.5", "above 0.5 to below 1"]),
        (ConfidentLabelSettings, {"crf": CRF_OF_OWN | {"x": 1}}, ["unknown key x.crf.x", "gaussian_sxy"]),
        (IrnetSettings, {"backbone": BACKBONE, "crop": 250}, ["crop: 250 is no multiple of 16"]),
        (IrnetSettings, {"backbone": BACKBONE, "crop": 80}, ["crop: 80 is too small for a radius of 10"]),
        (IrnetSettings, {"backbone": BACKBONE, "lr_displacement": 0.5}, ["lr_displacement: 0.5 acts on displacement"]),
        (IrnetWalkSettings, {"background_score": 1.5}, ["x.background_score = 1.5", "a number from 0 to 1"]),
        (IrnetWalkSettings, {"foreground_score": 0.2}, ["foreground_score must not be below background_score"]),
        (SegmentationSettings, {"backbone": BACKBONE, "batch": 9}, ["a batch of 9 does not split into 2 equal parts"]),
        (
            SegmentationSettings,
            {"backbone": BACKBONE, "output_stride": 32},
            ["x.output_stride = 32", "'native'"],
        ),
        (CamCurveSettings, {"thresholds": [0.5, 0.1, 0.1]}, ["thresholds: give (first, last, step)"]),
        (CamCurveSettings, {"thresholds": [0.1, 0.5, 0]}, ["thresholds: give (first, last, step)"]),
        (CamCurveSettings, {"thresholds": [0, 1, 1e-9]}, ["thresholds: a step of 1e-09 gives more than 1000 scores"]),
        (IrnetSettings, {"backbone": BACKBONE, "scale": [1.5, 0.5]}, ["scale: 1.5 is above 0.5"]),
        (SyntheticSettings, {"kind": "synthetic", "classes": 13}, ["x.classes = 13", "a whole number from 2 to 12"]),
        (FolderSettings, FOLDER | {"name": "a/b"}, ["x.name = 'a/b'", "pattern"]),
        (FolderSettings, FOLDER | {"classes": {}}, ["at least one class is needed"]),
        (FolderSettings, FOLDER | {"classes": {"cat": 255}}, ["x.classes.cat = 255", "a whole number from 1 to 254"]),
        (FolderSettings, FOLDER | {"classes": {"cat": 3, "dog": 3}}, ["a class or a mask value occurs twice"]),
        (FolderSettings, FOLDER | {"ignored_classes": {"cat": 7}}, ["a class or a mask value occurs twice"]),
        (Voc12Settings, VOC12 | {"classes": {"cat": 8, "zebra": 24}}, ["VOC 2012 has no class 'zebra'", "aeroplane"]),
        (Voc12Settings, VOC12 | {"classes": {"cat": 3}}, ["cat is 8 in the masks of VOC 2012, not 3"]),
        (Voc12Settings, VOC12 | {"classes": {}}, ["at least one class is needed"]),
        (Voc12Settings, VOC12 | {"lists": {"train": "lists/few.txt"}}, ["x.lists.train = 'lists/few.txt'", "pattern"]),
        (MachineSettings, {"shards": 0}, ["x.shards = 0", "a whole number from 1 to 1000"]),
        (MachineSettings, {"targets": []}, ["x.targets = []", "at least 1 item"]),
    ],
)
def test_mistakes_are_told_by_key_value_and_what_is_allowed(
    model: type[Settings], values: dict[str, Any], parts: list[str]
) -> None:
    with pytest.raises(WsssError) as caught:
        model.read("x", values)
    message = str(caught.value)
    assert message.startswith("config: ")
    assert len(message.splitlines()) == 1
    for part in parts:
        assert part in message


def test_every_mistake_has_a_line() -> None:
    with pytest.raises(WsssError) as caught:
        PlainCamSettings.read("cams", {"scales": [1, -1, 0], "precision": "float64", "speed": 3})
    places = [line.split(" ")[1] for line in str(caught.value).splitlines()]
    assert places == ["cams.scales.1", "cams.scales.2", "cams.precision", "unknown"]
