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

    After --repair, the steps that need a removed manifest remake it; the command that remakes them all is printed.
    Exit code 1 while anything is damaged and not repaired.
    """
    manifests = sorted(results.glob("**/shards/*/*.tsv"))
    damaged = 0
    removed: list[str] = []
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
            removed.append(str(manifest))
    typer.echo(f"{len(manifests)} manifests checked, {damaged} damaged files")
    if removed:
        typer.echo(f"{len(removed)} manifests removed; this makes their files again (add the --configfile in use):")
        typer.echo(f"snakemake {' '.join(removed)}")
    if damaged and not repair:
        typer.echo("`wsss verify --repair` removes the manifests of damaged files, so that snakemake makes them again")
        raise typer.Exit(1)
