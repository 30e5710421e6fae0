"""What a finished run has to say in a terminal: `python -m wsss.reporting.summary results/runs/default`."""

import sys
from pathlib import Path

from wsss.evaluation.metrics import read_metrics
from wsss.reporting.report import summary_text


def main(folder: Path) -> None:
    """Print the mIoU of every stage and where the report is."""
    print(summary_text(read_metrics(folder / "metrics.json")))
    print(f"\nReport: {folder / 'report.html'}")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
