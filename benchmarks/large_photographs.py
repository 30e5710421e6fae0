"""Peak memory of every step over photographs of 12 and of 50 megapixels, against what its rule declares.

python benchmarks/large_photographs.py    # runs the whole workflow in a folder of its own: some ten minutes

The photographs are generated scenes, enlarged, with a camera's noise. There are 20 classes, as many as VOC has.
"""

import csv
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import yaml
from demo_overhead import copy_project
from PIL import Image
from record import Row, command_line, write_record

from wsss.data.sources.synthetic.scenes import draw_scene
from wsss.settings.data import SyntheticSettings

# Height and width, and the number of photographs.
SIZES = {(3000, 4000): 3, (6120, 8160): 3, (240, 320): 6}
CLASSES = 20
CONFIG = {
    "data": {"kind": "images", "name": "large"},
    "classifier": {
        "backbone": {"name": "efficientnet_lite0", "weights": "imagenet"},
        "vocabulary": 32,
        "long_side": [320, 512],
        "crop": 320,
        "batch": 4,
        "epochs": 1,
    },
    "irnet": {
        "backbone": {"name": "efficientnet_lite0", "weights": "imagenet"},
        "crop": 256,
        "batch": 4,
        "epochs": 1,
    },
    "segmentation": {
        "backbone": {"name": "efficientnet_lite0", "weights": "imagenet"},
        "output_stride": 16,
        "dilated": False,
        "crop": 256,
        "batch": 4,
        "steps": 2,
    },
    "report": {"panels": 4, "masks": True},
}


def make_photographs(folder: Path) -> None:
    """Write the photographs and a table of labels: two classes each."""
    rng = np.random.default_rng(0)
    scene = SyntheticSettings(kind="synthetic", image_size=512)
    rows = ["filename,labels"]
    for (height, width), count in SIZES.items():
        for number in range(count):
            drawn, _ = draw_scene(scene, rng, number)
            pixels = np.asarray(Image.fromarray(np.asarray(drawn)).resize((width, height), Image.Resampling.BICUBIC))
            noise = rng.integers(-12, 13, (height, width, 1), dtype=np.int16)
            name = f"{height * width // 10**6} MP {number}.jpg"
            Image.fromarray(np.clip(pixels + noise, 0, 255).astype(np.uint8)).save(folder / name, quality=92)
            first = len(rows) % CLASSES
            rows.append(f"{name},class_{first:02d};class_{(first + 7) % CLASSES:02d}")
    (folder / "labels.csv").write_text("\n".join(rows) + "\n")


def run_workflow(folder: Path) -> None:
    """Run the workflow to its report and masks, one job at a time."""
    copy_project(folder)
    config = {**CONFIG, "locations": {"dataset": str(folder / "photographs")}}
    (folder / "large.yaml").write_text(yaml.safe_dump(config))
    command = ["snakemake", "--configfile", "large.yaml", "--jobs", "1", "--cores", str(os.cpu_count())]
    subprocess.run([sys.executable, "-m", *command, "--benchmark-extended"], cwd=folder, check=True)


def peaks(logs: Path) -> dict[str, tuple[float, float]]:
    """Peak memory and declared memory of each rule in MB, from the benchmark files of its jobs."""
    found: dict[str, tuple[float, float]] = {}
    for file in sorted(logs.rglob("*.benchmark.tsv")):
        with file.open(newline="") as lines:
            (row,) = csv.DictReader(lines, delimiter="\t")
        declared = float(json.loads(row["resources"].replace("'", '"')).get("mem_mb", 0))
        # Jobs of less than a second are not measured by Snakemake.
        peak = 0.0 if row["max_rss"] in ("NA", "-", "") else float(row["max_rss"])
        if declared:
            found[row["rule_name"]] = (max(peak, found.get(row["rule_name"], (0.0, 0.0))[0]), declared)
    return found


def summary(found: Mapping[str, tuple[float, float]]) -> Row:
    """One row: the largest share of its declared memory that a rule needs, and the memory of each rule."""
    shares = {rule: peak / declared for rule, (peak, declared) in found.items()}
    largest = max(shares, key=lambda rule: shares[rule])
    told = ", ".join(f"{rule} {peak:,.0f} of {declared:,.0f}" for rule, (peak, declared) in found.items())
    return Row(
        claim="memory of a step, as a share of what its rule declares: the largest",
        sizes="whole workflow; 3 photographs of 12 megapixels, 3 of 50, 6 small ones; 20 classes",
        ours=100 * shares[largest],
        unit="%",
        threads=os.cpu_count() or 1,
        memory=f"{largest}: {found[largest][0]:,.0f} MB",
        goal="at most 100%",
        met=shares[largest] <= 1,
        note=f"peak and declared MB: {told}",
    )


def main() -> None:
    arguments = command_line(__doc__).parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "photographs").mkdir()
        make_photographs(folder / "photographs")
        run_workflow(folder)
        row = summary(peaks(folder / "logs"))
    print(f"{row.claim}: {row.ours:.0f}%, {row.memory}; {row.note}")
    write_record(arguments.record, [row])


if __name__ == "__main__":
    main()
