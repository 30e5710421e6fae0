"""The `wsss` command."""

from pathlib import Path
from typing import Annotated

import typer

from wsss.artifacts import damaged_rows
from wsss.errors import WsssError

app = typer.Typer(no_args_is_help=True, add_completion=False)


@app.callback()
def main() -> None:
    """Weakly-supervised semantic segmentation. The workflow itself is run by snakemake."""


@app.command()
def verify(
    results: Annotated[Path, typer.Argument(help="the folder to look through", exists=True, file_okay=False)] = Path(
        "results"
    ),
    repair: Annotated[bool, typer.Option(help="remove the manifests of damaged files")] = False,
) -> None:
    """Check every file that a manifest lists against its size and sum.

    After --repair, `snakemake MANIFEST...` remakes the shards whose manifests were removed. Exit code 1 while anything
    is damaged and not repaired.
    """
    manifests = sorted(results.glob("**/shards/*/*.tsv"))
    damaged = 0
    for manifest in manifests:
        try:
            files = [str(manifest.parents[2] / row.file) for row in damaged_rows(manifest, manifest.parents[2])]
        except WsssError as error:
            files = [str(error)]
        damaged += len(files)
        for file in files:
            typer.echo(f"damaged: {file}")
        if files and repair:
            manifest.unlink()
            typer.echo(f"removed: {manifest}")
    typer.echo(f"{len(manifests)} manifests checked, {damaged} damaged files")
    if damaged and not repair:
        typer.echo("run `wsss verify --repair`, then snakemake, to make them again")
        raise typer.Exit(1)
