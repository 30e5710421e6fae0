"""Prints the scores of a finished run: `python -m wsss.reporting.summary results/runs/default`."""

import sys
from pathlib import Path

from wsss.evaluation.metrics import read_metrics
from wsss.reporting.report import summary_text


def main(folder: Path) -> None:
    """Print the mIoU of every stage and the path of the report."""
    print(summary_text(read_metrics(folder / "metrics.json")))
    print(f"\nReport: {folder / 'report.html'}")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
