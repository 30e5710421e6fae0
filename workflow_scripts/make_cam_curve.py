"""Score CAMs against the ground truth at many background scores."""

from pathlib import Path

from step import stage_folder, step

with step(snakemake):
    from wsss.data.dataset import Dataset, scored_split
    from wsss.evaluation.cam_curve import score_cams
    from wsss.evaluation.thresholds import score_range
    from wsss.files import write_json
    from wsss.settings.run import read_settings

    dataset = Dataset(Path(snakemake.input.images).parent)
    ids = dataset.ids(scored_split(snakemake.wildcards.split))
    settings = read_settings("cam_curve", snakemake.params.settings)
    scores = score_range(*settings.thresholds)
    matrices = score_cams(dataset, ids, stage_folder(snakemake.input.cams), scores)
    content = {"images": len(ids), "background_scores": scores.tolist(), "matrices": matrices.tolist()}
    write_json(Path(snakemake.output.curve), content)
