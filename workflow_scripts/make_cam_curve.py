"""Score CAMs against the ground truth at many background scores."""

from pathlib import Path

from step import step

with step(snakemake):
    from wsss.data.dataset import Dataset
    from wsss.evaluation.cam_curve import write_cam_curve
    from wsss.manifests.listed_files import ListedFiles
    from wsss.settings.run import read_settings

    write_cam_curve(
        Dataset(Path(snakemake.input.images).parent),
        snakemake.wildcards.split,
        ListedFiles(Path(snakemake.input.cams)),
        read_settings("cam_curve", snakemake.params.settings),
        Path(snakemake.output.curve),
    )
