"""Lists the files of a split of a stage, from the lists of its shards."""

from pathlib import Path

from step import step

with step(snakemake):
    from wsss.manifests.rows import join_manifests

    join_manifests([Path(file) for file in snakemake.input.shards], Path(snakemake.output.manifest))
