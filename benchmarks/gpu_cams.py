"""Multi-scale CAMs on a GPU against the released loop: the network alone, and from image files to stored files.

python benchmarks/gpu_cams.py    # ResNet50, 500 x 375, four scales with mirrors: a minute
"""

import tempfile
from functools import partial
from pathlib import Path

import numpy as np
import torch
from cams import SCALES, folded_network, network, pairs_of, released_maps
from gpu import card, gpu_mib, gpu_seconds, peak_gigaflops
from made_dataset import HEIGHT, WIDTH, make_dataset
from photographs import photograph
from record import Row, command_line, write_record
from safetensors.torch import save_file
from torch import Tensor
from torch.utils.data import DataLoader
from torch.utils.flop_counter import FlopCounterMode

from wsss.cams.plain import class_maps
from wsss.cams.shards import MOST_PIXELS, write_cam_shard
from wsss.classification.classifier import Classifier
from wsss.data.augmentation import Normalisation
from wsss.data.dataset import Dataset
from wsss.data.images import read_image
from wsss.settings.cams import PlainCamSettings

Released = tuple[str, tuple[int, int], list[Tensor], np.ndarray]
BACKBONE, IMAGES, WORKERS, REPETITIONS = "resnet50", 96, 8, 5
BATCH = MOST_PIXELS // (WIDTH * HEIGHT)
GOAL, PEAK_GOAL = 4, 0.4
SIZES = f"{BACKBONE}, {WIDTH}x{HEIGHT}, scales {', '.join(map(str, SCALES))} with mirrors"


def our_maps(classifier: Classifier, images: list[Tensor]) -> list[Tensor]:
    """Maps in CPU memory, one batch for each scale."""
    return [maps.cpu() for maps in [class_maps(classifier, one) for one in images]]


def network_rows() -> list[Row]:
    """Both methods start with images in GPU memory and end with maps in CPU memory."""
    plain = network(BACKBONE).cuda()
    pairs = [pair.cuda() for pair in pairs_of(photograph(WIDTH, HEIGHT), plain.backbone.normalisation)]

    def released() -> list[Tensor]:
        return [maps.cpu() for maps in released_maps(plain, pairs, (HEIGHT, WIDTH))]

    with FlopCounterMode(display=False) as counter:
        released()
    gigaflops = counter.get_total_flops() / 1e9
    torch.backends.cudnn.allow_tf32 = False
    exact = [maps[0] for maps in our_maps(plain.to(memory_format=torch.channels_last), [pair[:1] for pair in pairs])]
    torch.backends.cudnn.allow_tf32 = True
    plain.to(memory_format=torch.contiguous_format)
    rows = []
    for precision in (torch.float32, torch.bfloat16):
        classifier = folded_network(BACKBONE, precision)
        images = [pair[:1].to(precision).repeat(BATCH, 1, 1, 1) for pair in pairs]
        ours = partial(our_maps, classifier, images)
        seconds = gpu_seconds({"released": released, "ours": ours}, REPETITIONS)
        each, ratio = seconds["ours"] / BATCH, seconds["released"] / seconds["ours"] * BATCH
        peak = peak_gigaflops(precision, tf32=True)
        share = gigaflops / each / peak
        errors = [float((maps[0] - true).abs().max() / true.max()) for maps, true in zip(ours(), exact, strict=True)]
        name = str(precision).removeprefix("torch.")
        held = precision == torch.bfloat16
        rows.append(
            Row(
                f"CAMs on a GPU, {name}, the network against the released loop in float32",
                f"{SIZES}, {gigaflops:.0f} GFLOP; {BATCH} images at once",
                ours=1 / each,
                unit="images/s",
                threads=1,
                reference=1 / seconds["released"],
                ratio=ratio,
                error=f"{max(errors):.0e} of the largest value",
                peak=f"{share:.0%} of {peak / 1e3:.0f} TFLOP/s in {'TF32' if not held else name}",
                memory=f"{gpu_mib(ours):,.0f} MiB against {gpu_mib(released):,.0f}",
                goal=f"at least {GOAL} times, {PEAK_GOAL:.0%} of the peak" if held else f"at least {GOAL} times",
                met=ratio >= GOAL and (not held or share >= PEAK_GOAL),
                note="convolutions in float32 go by TF32, which torch allows by default, in both ways",
            )
        )
    return rows


class ReleasedImages(torch.utils.data.Dataset[Released]):
    """The samples of the released loader: the pairs and the classes of one image at a time."""

    def __init__(self, dataset: Dataset, normalisation: Normalisation) -> None:
        self.dataset, self.normalisation = dataset, normalisation
        self.ids = dataset.ids("train")

    def __len__(self) -> int:
        return len(self.ids)

    def __getitem__(self, index: int) -> Released:
        torch.set_num_threads(1)
        image_id = self.ids[index]
        image = read_image(self.dataset.image_path(image_id))
        pairs = pairs_of(image, self.normalisation)
        return image_id, (image.height, image.width), pairs, self.dataset.present(image_id)


def released_files(dataset: Dataset, classifier: Classifier, folder: Path) -> None:
    """The released method: loader processes resize, and the loop works image by image and saves results with numpy."""
    images = ReleasedImages(dataset, classifier.backbone.normalisation)
    loader: DataLoader[Released] = DataLoader(images, batch_size=None, num_workers=WORKERS, pin_memory=True)
    folder.mkdir(exist_ok=True)
    for image_id, size, pairs, keys in loader:
        kept = np.asarray(keys)
        maps = released_maps(classifier, [pair.cuda(non_blocking=True) for pair in pairs], size, kept)
        strided, full = (one.cpu().numpy() for one in maps)
        np.savez(folder / f"{image_id}.npz", keys=kept, cam=strided, high_res=full)


def files_row() -> Row:
    """Both methods, from JPEG files to the files that the next step reads."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        dataset = make_dataset(folder, IMAGES)
        classifier = network(BACKBONE)
        weights = folder / "classifier.safetensors"
        save_file(classifier.state_dict(), weights)
        settings = PlainCamSettings(precision="bfloat16")
        out = folder / "ours"

        def ours() -> None:
            # As in a new process, because `write_cam_shard` sets one thread.
            torch.set_num_threads(WORKERS)
            manifest = out / "shards" / "train" / "0-of-1.tsv"
            write_cam_shard(dataset, dataset.ids("train"), weights, classifier.settings, settings, out, manifest)

        released = partial(released_files, dataset, classifier.cuda(), folder / "released")
        seconds = gpu_seconds({"released": released, "ours": ours}, REPETITIONS, warm_up=1)
    return Row(
        "CAMs on a GPU, bfloat16, from files to stores, against the released loop from files to files",
        f"{SIZES}; {IMAGES} JPEG files, {WORKERS} readers",
        ours=IMAGES / seconds["ours"],
        unit="images/s",
        threads=WORKERS,
        reference=IMAGES / seconds["released"],
        ratio=seconds["released"] / seconds["ours"],
        note="loading of the weights and starts of the loader's processes included",
    )


def main() -> None:
    """Measure, write the record, and print every row."""
    given = command_line(__doc__).parse_args()
    rows = [*network_rows(), files_row()]
    write_record(given.record, rows, card())
    for row in rows:
        print(f"{row.claim}: {row.ours:.4g} {row.unit}; {row.peak} {row.error}; ratio {row.ratio or 1:.2f}")


if __name__ == "__main__":
    main()
