"""Backbones for tests of the interface alone: a single small convolution, and one that shows what it is given."""

import torch
from torch import nn

from wsss.data.augmentation import Normalisation
from wsss.networks.backbones import Backbone

CHANNELS, STRIDE = 6, 8


def tiny_backbone() -> Backbone:
    """Six channels at stride 8, after ReLU; its weights follow torch's seed, and leave the generator as it was."""
    with torch.random.fork_rng(devices=[]):
        convolution = nn.Conv2d(3, CHANNELS, STRIDE, STRIDE)
    return _backbone(nn.Sequential(convolution, nn.ReLU()), CHANNELS, STRIDE)


def normalised_backbone() -> Backbone:
    """As `tiny_backbone`, with a BatchNorm that has seen images."""
    with torch.random.fork_rng(devices=[]):
        norm = nn.BatchNorm2d(CHANNELS)
        for statistic in (norm.running_mean, norm.running_var):
            assert statistic is not None
            statistic.uniform_(0.5, 1.5)
        convolution = nn.Conv2d(3, CHANNELS, STRIDE, STRIDE)
    return _backbone(nn.Sequential(convolution, norm, nn.ReLU()), CHANNELS, STRIDE)


def clear_backbone(channels: int) -> Backbone:
    """The features of the last stage are the images themselves, which have `channels` channels."""
    return _backbone(nn.Identity(), channels, 1)


def _backbone(network: nn.Module, channels: int, stride: int) -> Backbone:
    """All of it in the last stage."""
    stages = ([], [], [], [], [network])
    return Backbone(network, stages, (3, 3, 3, 3, channels), (1, 1, 1, 1, stride), Normalisation((0,) * 3, (1,) * 3))
