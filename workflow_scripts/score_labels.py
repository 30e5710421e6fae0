"""Score label images against the ground truth."""

from pathlib import Path

from step import step

with step(snakemake):
    from wsss.data.dataset import Dataset
    from wsss.evaluation.scores import score_labels
    from wsss.files import write_json
    from wsss.manifests.listed_files import ListedFiles

    dataset = Dataset(Path(snakemake.input.images).parent)
    ids = dataset.scored_ids(snakemake.wildcards.split)
    matrix = score_labels(dataset, ids, ListedFiles(Path(snakemake.input.labels)), snakemake.threads)
    write_json(Path(snakemake.output.matrix), {"images": len(ids), "matrix": matrix.tolist()})
