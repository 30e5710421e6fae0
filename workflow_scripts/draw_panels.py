"""Draw panels of some images: photograph, CAM, pseudo label, prediction, truth."""

from pathlib import Path

from step import step

with step(snakemake):
    from wsss.data.dataset import Dataset
    from wsss.manifests.listed_files import ListedFiles
    from wsss.reporting.panels import draw_split

    dataset = Dataset(Path(snakemake.input.images).parent)
    stages = ("cams", "pseudo_labels", "predictions")
    listed = {stage: ListedFiles(Path(snakemake.input[stage])) for stage in stages if stage in snakemake.input.keys()}  # noqa: SIM118 (names, not files)
    draw_split(
        dataset,
        snakemake.wildcards.split,
        snakemake.params.panels,
        listed,
        Path(snakemake.output.panels),
    )
