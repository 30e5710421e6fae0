"""Score label images against the ground truth."""

from pathlib import Path

from step import stage_folder, step

with step(snakemake):
    from wsss.data.dataset import Dataset
    from wsss.evaluation.scores import score_labels
    from wsss.files import write_json

    dataset = Dataset(Path(snakemake.input.images).parent)
    ids = dataset.scored_ids(snakemake.wildcards.split)
    matrix = score_labels(dataset, ids, stage_folder(snakemake.input.labels), snakemake.threads)
    write_json(Path(snakemake.output.matrix), {"images": len(ids), "matrix": matrix.tolist()})
