"""Get the initial weights of a backbone."""

from pathlib import Path

from step import step

with step(snakemake):
    from wsss.networks.initial_weights import write_initial_weights
    from wsss.settings.backbone import BackboneSettings

    write_initial_weights(
        BackboneSettings.model_validate_json(snakemake.params.settings),
        snakemake.params.files,
        Path(snakemake.output.weights).parent,
    )
