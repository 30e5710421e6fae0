"""Write docs/rulegraph.md from what `snakemake --rulegraph` says of the default config.

python docs/write_rulegraph.py
"""

import re
import subprocess
import sys
import tempfile
from pathlib import Path

from wsss.files import write_text

PROJECT = Path(__file__).resolve().parents[1]
PAGE = Path(__file__).with_name("rulegraph.md")
TARGETS = ("report", "words", "masks", "model")
ARGUMENTS = [*TARGETS, "--rulegraph", "mermaid-js", "--cores", "1"]
TEXT = f"""# Rules and their order

**An arrow goes from a rule to one that reads its files.** These are the rules of
`snakemake {" ".join(TARGETS)}` with the default config. `list_files` makes the lists of several stages.

`snakemake --rulegraph mermaid-js` prints such a graph of any config and target, `snakemake --rulegraph dot | dot -Tsvg`
draws it, and `snakemake --dag mermaid-js` has each job. This page is written by `python docs/write_rulegraph.py`.

```mermaid
flowchart TB
%s
```
"""


def page(graph: str) -> str:
    """The page of a graph in Mermaid's form. Its lines are sorted, because Snakemake numbers rules in any order."""
    rules = dict(re.findall(r"^\s*(id\d+)\[(\w+)\]$", graph, flags=re.MULTILINE))
    arrows = re.findall(r"^\s*(id\d+) --> (id\d+)$", graph, flags=re.MULTILINE)
    lines = sorted(f"    {rules[before]} --> {rules[after]}" for before, after in arrows)
    return TEXT % "\n".join(lines)


def main() -> None:
    with tempfile.TemporaryDirectory() as folder:
        command = [sys.executable, "-m", "snakemake", *ARGUMENTS, "--directory", folder]
        graph = subprocess.run(command, cwd=PROJECT, check=True, stdout=subprocess.PIPE, text=True).stdout
    write_text(PAGE, page(graph))


if __name__ == "__main__":
    main()
