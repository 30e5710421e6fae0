"""Print, as JSON, what the plan of each config hands to the rules: keys of settings, paths, and digests of code.

A script, and not a function, because the code of another project computes it, whose folder is in PYTHONPATH.
"""

import json
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import yaml

from wsss.plan.plan import Plan
from wsss.plan.provenance import PACKAGE
from wsss.settings.config import read_config


def plan_of(file: Path) -> dict[str, Any]:
    config = read_config(yaml.safe_load(file.read_text()))
    plan = Plan(config, PACKAGE.parent / "workflow_scripts")
    paths = {path for own in plan.paths.values() for path in own.values()}
    return {
        "runs": {plan.pages[name]: run.key() for name, run in config.runs.items()},
        "comparisons": {plan.tables[name]: own.key() for name, own in config.comparisons.items()},
        "code of paths": {path: plan.code_of()(SimpleNamespace(folder=path)) for path in paths},
    }


print(json.dumps({file: plan_of(Path(file)) for file in sys.argv[1:]}, indent=1, sort_keys=True))
