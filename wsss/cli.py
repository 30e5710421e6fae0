"""The `wsss` command."""

import json
import logging
import sys
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated

import typer

from wsss.commands.annotation_files.formats import MaskFormat
from wsss.errors import WsssError
from wsss.networks.released_names import Released

app = typer.Typer(no_args_is_help=True, add_completion=False)


def _tell_version(asked: bool) -> None:
    if asked:
        from wsss.commands.version import version

        typer.echo(f"wsss {version()}")
        raise typer.Exit


@app.callback()
def main(
    version: Annotated[
        bool, typer.Option("--version", help="tell the version", callback=_tell_version, is_eager=True)
    ] = False,
) -> None:
    """Weakly-supervised semantic segmentation. The workflow itself is run by snakemake."""


@app.command()
def verify(
    places: Annotated[
        list[Path] | None,
        typer.Argument(metavar="[CONFIG]...", help="configs, such as config.yaml; or folders of results", exists=True),
    ] = None,
    repair: Annotated[bool, typer.Option("--repair", help="make what is damaged or missing again")] = False,
) -> None:
    """Check everything that was made for the runs of a config: sums of all files, and what is missing.

    For each config, the commands are told that make again what is damaged or missing. --repair runs them. Without a
    name everything below `results` is checked that some list names. Exit code 1 while something is not as it should be.
    """
    with errors_in_one_line():
        from wsss.commands.verify import verify_places

        found = [verify_places(place, repair, typer.echo) for place in places or [Path("results")]]
        if not all(found):
            raise typer.Exit(1)


@contextmanager
def errors_in_one_line() -> Iterator[None]:
    """Tell a user's error without a traceback; exit code 1."""
    try:
        yield
    except WsssError as error:
        typer.echo(f"error: {error}", err=True)
        raise typer.Exit(1) from None


@app.command("import-weights")
def import_weights_command(
    kind: Annotated[Released, typer.Argument(help="which network it is of")],
    file: Annotated[Path, typer.Argument(help="the released state dict", exists=True, dir_okay=False)],
    out: Annotated[Path, typer.Argument(help="the .safetensors to write")],
    codebook: Annotated[
        Path | None, typer.Option(help="vwl_m only: the .npy of its codebook", exists=True, dir_okay=False)
    ] = None,
) -> None:
    """Turn the released weights of a network into this project's; see wsss/commands/import_weights.py for the kinds.

    Nothing in FILE is run: it is read as weights alone. Every entry that is missing, unknown or misshapen is named.
    """
    with errors_in_one_line():
        from wsss.commands.import_weights import import_weights

        typer.echo(import_weights(kind, file, out, codebook))


@app.command("describe")
def describe_command(
    config: Annotated[Path, typer.Argument(help="a config, such as config.yaml", exists=True, dir_okay=False)],
) -> None:
    """Tell what the trainings of every run of a config would do: networks, steps, learning rates. Runs nothing."""
    with errors_in_one_line():
        from wsss.commands.describe import lines, read_config_file

        found = read_config_file(config)
        for name, run in found.runs.items():
            for line in lines(name, run, found.machine.locations):
                typer.echo(line)


@app.command("init")
def init_command(
    photographs: Annotated[Path, typer.Argument(metavar="PHOTOS", help="the folder of the photographs")],
    labels: Annotated[
        Path | None,
        typer.Argument(
            metavar="[LABELS]",
            help="a table (.csv, .tsv, .txt, .npy), COCO's .json, or a folder with train.txt and val.txt; without it, "
            "a table beside the photographs, else the names of the folders",
        ),
    ] = None,
    output: Annotated[Path | None, typer.Option("--output", "-o", help="the config; NAME.yaml without it")] = None,
    name: Annotated[str, typer.Option(help="the dataset's name; that of the folder without it")] = "",
    holdout: Annotated[
        float | None,
        typer.Option(help="the share drawn as val; 0: none; without it 0.2, where nothing says which images are val"),
    ] = None,
    seed: Annotated[int, typer.Option(help="the seed of this draw")] = 0,
    masks: Annotated[Path | None, typer.Option(help="the folder of masks below PHOTOS, for scores only")] = None,
    classes: Annotated[str, typer.Option(help="the classes to use, with commas between; all without it")] = "",
    skip_bad: Annotated[bool, typer.Option("--skip-bad", help="leave out photographs that cannot be read")] = False,
    force: Annotated[bool, typer.Option("--force", help="replace the config if it exists")] = False,
) -> None:
    """Look at photographs and their labels, say what is there and what is odd, and write a config that fits them."""
    with errors_in_one_line():
        from wsss.commands.init.command import init
        from wsss.commands.init.request import Request

        named = tuple(dict.fromkeys(one.strip() for one in classes.split(",") if one.strip()))
        request = Request(photographs, labels, name, holdout, seed, masks, named, skip_bad)
        for line in init(request, output, force):
            typer.echo(line)


@app.command("segment")
def segment_command(
    model: Annotated[
        str,
        typer.Argument(help="a model of `snakemake model`: its file, its folder, its run's folder, or its run's name"),
    ],
    images: Annotated[list[str], typer.Argument(help="photographs: files, folders and patterns")],
    out: Annotated[Path, typer.Option("--output", "-o", help="the folder of the masks", file_okay=False)],
    overlay: Annotated[bool, typer.Option("--overlay", help="also the photographs under the classes' colours")] = False,
    crf: Annotated[bool, typer.Option(help="fit the masks to the photographs' edges, by the CRF of the run")] = True,
    probabilities: Annotated[
        bool,
        typer.Option("--probabilities", help="also .npy files of the classes' probabilities, in labels.json's order"),
    ] = False,
    annotations: Annotated[
        MaskFormat, typer.Option("--format", help="also one file of all masks for an annotation tool; png: none")
    ] = MaskFormat.PNG,
    full_size: Annotated[
        bool, typer.Option("--full-size", help="work on large photographs at their own size, in overlapping tiles")
    ] = False,
) -> None:
    """Make a mask of every photograph: label images, and a table of the classes' shares.

    Masks have the photographs' own names and sizes. Interrupted work goes on where it was. Exit code 1 if a photograph
    cannot be read; the others are made.
    """
    with errors_in_one_line(), progress_in_lines():
        from wsss.commands.segment import Wanted, segment

        _tell(segment(model, images, out, Wanted(crf, overlay, probabilities, full_size, annotations)))


def _tell(lines: Iterable[str]) -> None:
    """Print lines, errors to standard error. Exit code 1 after the last line if there was an error."""
    failed = False
    for line in lines:
        failed |= line.startswith("error: ")
        typer.echo(line, err=line.startswith("error: "))
    if failed:
        raise typer.Exit(1)


@contextmanager
def progress_in_lines() -> Iterator[None]:
    """Show the lines of long work on standard error where there is no terminal for a bar."""
    logger = logging.getLogger("wsss")
    handler = logging.StreamHandler()
    before = logger.level
    if not sys.stderr.isatty():
        logger.setLevel(logging.INFO)
        logger.addHandler(handler)
    try:
        yield
    finally:
        logger.removeHandler(handler)
        logger.setLevel(before)


@app.command("evaluate")
def evaluate_command(
    predictions: Annotated[Path, typer.Argument(metavar="PRED", help="a folder of label images")],
    truth: Annotated[Path, typer.Argument(metavar="TRUTH", help="a folder of masks; 255 is not counted")],
    classes: Annotated[
        str | None,
        typer.Option(help="a labels.json, or names of the values from 0 on: background,cat,dog"),
    ] = None,
    listed: Annotated[
        Path | None, typer.Option("--list", help="score only the images of this list", exists=True, dir_okay=False)
    ] = None,
    ignored: Annotated[
        str,
        typer.Option("--ignore", help="values of the masks that are not counted, such as 9,15; other: all no class"),
    ] = "",
    as_json: Annotated[bool, typer.Option("--json", help="print JSON")] = False,
) -> None:
    """Score label images against masks as PASCAL VOC does: IoU of each class, their mean, and pixel accuracy."""
    with errors_in_one_line():
        from wsss.commands.evaluate import evaluate

        found = evaluate(predictions, truth, classes, listed, ignored)
        typer.echo(json.dumps(found.scores(), indent=2) if as_json else "\n".join(found.lines()))


@app.command("submit")
def submit_command(
    run: Annotated[str, typer.Argument(help="a run of VOC 2012: its folder, or its name below results/runs")],
    out: Annotated[Path, typer.Option("--output", "-o", help="the archive: .tgz, .tar.gz or .tar")] = Path(
        "results.tgz"
    ),
    crf: Annotated[bool, typer.Option(help="take the labels after the CRF")] = True,
) -> None:
    """Write the archive for PASCAL VOC's evaluation server from a run's predictions of the test images."""
    with errors_in_one_line(), progress_in_lines():
        from wsss.commands.submit import submit

        for line in submit(run, out, crf):
            typer.echo(line)


@app.command("export")
def export_command(
    model: Annotated[
        str,
        typer.Argument(help="a model of `snakemake model`: its file, its folder, its run's folder, or its run's name"),
    ],
    out: Annotated[Path, typer.Argument(help="the .onnx to write")],
    size: Annotated[
        str, typer.Option(metavar="HxW", help="a fixed height and width of the input; any size without it")
    ] = "",
) -> None:
    """Write a model's network as ONNX: from RGB pixels in 0..255 to the classes' probabilities. It has no CRF.

    Without --size the input may have any size, if the network allows it; else a size is chosen and told. Nothing is
    written unless onnxruntime gives the probabilities that torch gives.
    """
    with errors_in_one_line():
        from wsss.commands.export import export, size_of

        for line in export(model, out, size_of(size) if size else None):
            typer.echo(line)


@app.command("cam")
def cam_command(
    run: Annotated[str, typer.Argument(help="a run: its folder, or its name below results/runs")],
    images: Annotated[list[str], typer.Argument(help="photographs: files, folders and patterns")],
    out: Annotated[Path, typer.Option("--output", "-o", help="a new folder for the maps", file_okay=False)],
    classes: Annotated[
        str, typer.Option(help="the classes to map, with commas between; without it, those with a score above 0.5")
    ] = "",
) -> None:
    """Show where a run's classifier sees classes in any photographs: maps, heat over the photographs, visual words.

    Exit code 1 if a photograph cannot be read; the others are made.
    """
    with errors_in_one_line(), progress_in_lines():
        from wsss.commands.cam import cam

        _tell(cam(run, images, out, [one.strip() for one in classes.split(",") if one.strip()]))


@app.command("info")
def info_command() -> None:
    """Tell versions, devices, cores and memory, for reports of bugs."""
    from wsss.commands.info import lines

    for line in lines():
        typer.echo(line)
