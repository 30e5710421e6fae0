"""`python -m wsss` is the command `wsss`."""

from wsss.cli import app

app(prog_name="wsss")
