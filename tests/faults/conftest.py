"""The finished miniature workflow of tests/workflow, for faults too."""

from tests.workflow.conftest import copy_of_finished, finished

__all__ = ["copy_of_finished", "finished"]
