"""The project after its main job, made once for all tests of this folder."""

from pathlib import Path

import pytest
from project_copy import SETTINGS, project, reproduce


@pytest.fixture(scope="session")
def reproduced(tmp_path_factory) -> Path:
    """Root of a project where ``compendium reproduce`` has been run: to be read only."""
    root = project(tmp_path_factory.mktemp("first") / "project")
    done = reproduce(root, SETTINGS["first"], "--jobs", "2")
    assert done.returncode == 0, done.stdout + done.stderr
    return root
