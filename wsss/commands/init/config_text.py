"""The config that `wsss init` writes: complete, with a comment for what a user may want to change."""

import os
from collections.abc import Iterator, Mapping
from pathlib import Path
from string import Template
from typing import Any

import yaml

from wsss.commands.init.choices import Choices, Facts
from wsss.commands.init.found import Found

SHOWN_CLASSES = 20
LONGEST_LINE = 118
# Keys at the end of the block data, which every kind of dataset has.
LAST = ("max_pixels", "on_bad_image")
# Why and when to change a value of the block data.
DATA_COMMENTS = {
    "kind": "images: photographs with a table, lists or folders as labels; coco: annotations in COCO's form",
    "name": "the name in paths and tables; give each dataset its own",
    "labels": "folders: the class of a photograph is the name of its folder",
    "lists": "photographs of each split, one a line",
    "classes": "without this key: all classes of the labels",
    "holdout": "the share that is drawn as val, for scores; leave it out to train on all",
    "seed": "another seed draws another val",
    "ignored_classes": "classes that are not learned; their pixels are left out of scores",
    "split_column": "the column that says train, val or test",
    "train": "the annotations of train",
    "val": "the annotations of val",
    "val_images": "the folder of the photographs of val",
    "masks": "only scores and figures use masks, no training does",
    "train_images": "the folder of the photographs",
    "on_bad_image": "skip: photographs that cannot be read are left out and named in the report",
    "max_pixels": (
        "larger photographs are worked on at this size; their masks are made at full size. For small objects take "
        "more, with larger sides and crops below"
    ),
}
TEMPLATE = Template(
    """\
# Written by `wsss init` for $images photographs to train on, with a median long side of $side pixels.
# `wsss describe $output` tells what the trainings would do, in seconds.
# `snakemake --configfile $output` makes everything, and masks of all photographs.
# A setting belongs to one stage. When you change it, that stage and all later stages are made again. docs/api.md lists
# every setting and its default.

$classes
data:
$data

# A network that predicts the classes of an image. Masks are made from its class activation maps (CAMs).
classifier:
  # One backbone for all stages. It is small enough for a CPU, and a package contains its ImageNet weights. With a GPU,
  # { name: resnet50, weights: imagenet } is better and slower (docs/backbones.md).
  backbone: &backbone { name: efficientnet_lite0, weights: imagenet }
  words: vwl_l # none: the baseline without visual words; vwe, vwl_m: other ways to learn them
  pooling: hybrid # gap: global average pooling alone
  # Training images are resized to a random long side in this range, in pixels. Then a square of side `crop` is cut.
  # Choose both near the size of the images, or below it to save time on a CPU.
  long_side: [$low, $high]
  crop: $crop
  batch: $batch # lower it if memory runs out
  epochs: $epochs # take more if the report shows a loss that still falls
  lr: 0.01
  lr_heads: 0.01 # for a ResNet leave it out: the default is 0.1
  optimiser: { momentum: 0.9, weight_decay: 1.0e-4 }

# CAMs are summed over scales of the image.
cams:
  scales: $scales

# IRNet learns where objects end. It is trained on the pixels that the CAMs are sure of.
irnet:
  backbone: *backbone
  crop: $irnet_crop # a multiple of 16
  batch: $irnet_batch
  epochs: $irnet_epochs
  optimiser: { momentum: 0.0, weight_decay: 1.0e-4 }

# CAMs become pseudo labels by a random walk that stops at edges.
pseudo_labels:
  log2_steps: $log2_steps # the walk takes 2^log2_steps steps; lower it if labels spill over
  # Pixels up to the first score are background, pixels above the second are objects. What lies between is not learnt.
  # Lower both if labels miss parts of objects; raise both if they spill over.
  background_score: 0.05
  foreground_score: 0.30
  pad_to: $pad_to # near the size of most images

segmentation:
  backbone: *backbone
  output_stride: 16 # 8 is finer, but five times slower on a CPU
  dilated: false
  crop: $segmentation_crop
  input_scales: [1.0] # the papers train three scales together, which costs almost twice as much
  batch: $batch
  accumulate: 1 # 2 computes a batch in two halves, which takes less memory and more time; it must divide the batch
  steps: $steps # $passes passes through the photographs
  lr: 0.0005
  lr_head_weights: 0.005
  lr_head_biases: 0.01
  optimiser: { decay_every: 1 } # the learning rate falls at every step

report:
  panels: 8 # photographs of each split that the report shows
  masks: true # masks and overlays of all photographs, in results/runs/<run>/masks

# Named runs: changes to the settings above. `snakemake <name> --configfile $output` makes one.
runs:
  without_words: { classifier: { words: none, pooling: gap } } # the plain baseline, to compare with

# Where files are. A relative place counts from the folder of this file. Moving the photographs changes no result.
locations:
$locations
shards: $shards # jobs per split for steps that work image by image; more need more cores and memory
targets: [default] # runs that snakemake makes
"""
)


def config_text(found: Found, facts: Facts, choices: Choices, output: Path) -> str:
    """The text of the config.

    Parameters
    ----------
    found : Found
        The dataset.
    facts : Facts
        Number and size of its photographs.
    choices : Choices
        The settings that fit them.
    output : Path
        The file of the config. Relative places count from its folder.

    Returns
    -------
    str
        YAML with comments.
    """
    places = {"dataset": found.dataset, **({} if found.lists is None else {"lists": found.lists})}
    places = {key: place if place.is_absolute() else _from(output.parent, place) for key, place in places.items()}
    low, high = choices.long_side
    passes = choices.steps * choices.batch / facts.images
    values = {
        **vars(choices),
        "images": facts.images,
        "side": facts.long_side,
        "output": " ".join(str(output).split()),
        "classes": _class_comment(found),
        "data": "\n".join(_data_lines(found)),
        "locations": "\n".join(f"  {key}: {in_yaml(str(place))}" for key, place in places.items()),
        "low": low,
        "high": high,
        "scales": in_yaml(list(choices.scales or (1.0, 0.5, 1.5, 2.0))),
        "passes": f"{passes:.0f}",
    }
    return TEMPLATE.substitute(values)


def _from(folder: Path, place: Path) -> Path:
    """A place of the working directory, as counted from a folder."""
    return Path(os.path.relpath(Path.cwd() / place, folder.resolve()))


def in_yaml(value: Any) -> str:
    """A value in one line of YAML, with quotes where they are needed."""
    text: str = yaml.safe_dump(value, default_flow_style=True, allow_unicode=True, width=10**9, sort_keys=False)
    return text.removesuffix("\n").removesuffix("\n...")


def data_block(found: Found) -> Mapping[str, Any]:
    """The values of the block `data` that the config states."""
    stated = found.data.differences()
    own = {key: stated[key] for key in type(found.data).model_fields if key in stated and key not in LAST}
    return {**own, **{key: getattr(found.data, key) for key in LAST}}


def _data_lines(found: Found) -> Iterator[str]:
    for key, value in data_block(found).items():
        comment, lines = DATA_COMMENTS[key], [f"  {key}: {in_yaml(value)}"]
        if isinstance(value, Mapping) and len(lines[0]) > LONGEST_LINE:
            lines = [f"  {key}:", *(f"    {in_yaml(one)}: {in_yaml(own)}" for one, own in value.items())]
        if len(beside := f"{lines[0]} # {comment}") <= LONGEST_LINE and len(lines) == 1:
            yield beside
        else:
            yield from _comment_lines(f"{comment[0].upper()}{comment[1:]}.", "  # ")
            yield from lines


def _class_comment(found: Found) -> str:
    """A comment with the classes and their values in masks."""
    classes = found.listing.classes
    named = [f"{name} = {value}" for name, value in [*classes.items()][:SHOWN_CLASSES]]
    more = f" and {len(classes) - SHOWN_CLASSES} more" if len(classes) > SHOWN_CLASSES else ""
    text = f"The labels are from {found.labels}. Classes with their values in masks: {', '.join(named)}{more}."
    return "\n".join(_comment_lines(text, "# "))


def _comment_lines(text: str, start: str) -> Iterator[str]:
    """A comment in lines that are not too long, if its words allow it."""
    line = start.rstrip()
    for word in text.split():
        if len(line) + len(word) >= LONGEST_LINE and line != start.rstrip():
            yield line
            line = start.rstrip()
        line += f" {word}"
    yield line
