"""Put the model of a run together: weights that say how they are used, and a card for people."""

import json
from pathlib import Path

from step import step

with step(snakemake):
    from wsss.data.dataset import Dataset
    from wsss.evaluation.metrics import read_metrics
    from wsss.reporting.model_card import write_model_card
    from wsss.segmentation.model import write_model
    from wsss.settings.run import read_settings

    run = read_settings("run", snakemake.params.settings)
    dataset = Dataset(Path(snakemake.input.images).parent)
    digests, model = json.loads(snakemake.params.digests), Path(snakemake.output.model)
    metrics = read_metrics(Path(snakemake.input.metrics))
    write_model_card(snakemake.wildcards.run, run, dataset, metrics, digests, Path(snakemake.output.card))
    write_model(run, dataset, Path(snakemake.input.weights), digests, model)
