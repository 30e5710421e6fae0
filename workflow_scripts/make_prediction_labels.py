"""Turn the scores of a shard into labels, without and with a CRF."""

from pathlib import Path

from step import stage_folder, step

with step(snakemake):
    from wsss.data.dataset import Dataset
    from wsss.manifests.listed_files import ListedFiles
    from wsss.segmentation.prediction_labels import write_crf_shard, write_plain_shard
    from wsss.settings.run import read_settings

    dataset = Dataset(Path(snakemake.input.images).parent)
    ids = dataset.shard(snakemake.wildcards.split, snakemake.wildcards.shard)
    scores = ListedFiles(Path(snakemake.input.scores))
    plain, crf = Path(snakemake.output.plain), Path(snakemake.output.crf)
    settings = read_settings("prediction_labels", snakemake.params.settings)
    write_plain_shard(dataset, ids, scores, stage_folder(plain), plain)
    write_crf_shard(dataset, ids, scores, settings, stage_folder(crf), crf)
