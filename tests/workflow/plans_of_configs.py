"""Print, as JSON, what the plan of each config hands to the rules: `plans_of_configs.py PROJECT CONFIG...`.

A script, and not a function, because the code of PROJECT computes it: keys of settings, paths, digests of code.
"""

import json
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import yaml

PROJECT = Path(sys.argv[1])
sys.path.insert(0, str(PROJECT))

from wsss.plan.plan import Plan
from wsss.settings.run import read_config


def plan_of(file: Path) -> dict[str, Any]:
    config = read_config(yaml.safe_load(file.read_text()))
    plan = Plan(config, PROJECT / "workflow_scripts")
    paths = {path for own in plan.paths.values() for path in own.values()}
    return {
        "runs": {plan.pages[name]: run.key() for name, run in config.runs.items()},
        "comparisons": {plan.tables[name]: own.key() for name, own in config.comparisons.items()},
        "code of paths": {path: plan.code_of()(SimpleNamespace(folder=path)) for path in paths},
    }


print(json.dumps({file: plan_of(Path(file)) for file in sys.argv[2:]}, sort_keys=True))
