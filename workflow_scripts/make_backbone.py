"""Write the initial weights of a backbone."""

from pathlib import Path

from step import locations, step

with step(snakemake):
    from wsss.networks.initial_weights import write_initial_weights
    from wsss.settings.run import read_settings

    write_initial_weights(
        read_settings("backbone", snakemake.params.settings),
        locations(snakemake).backbones,
        Path(snakemake.output.weights).parent,
    )
