"""The project after its main job, made once for all tests of this folder."""

import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, sync_playwright
from project_copy import SETTINGS, project, reproduce


@pytest.fixture(scope="session")
def reproduced(tmp_path_factory) -> Path:
    """Root of a project where ``compendium reproduce`` has been run: to be read only."""
    root = project(tmp_path_factory.mktemp("first") / "project")
    done = reproduce(root, SETTINGS["first"], "--jobs", "2")
    assert done.returncode == 0, done.stdout + done.stderr
    return root


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    """The system's Chromium, started by the tests.

    Where there is none the test is skipped, or fails when COMPENDIUM_REQUIRE_BROWSER=1 says that
    it must be there.
    """
    program = shutil.which("chromium") or shutil.which("chromium-browser")
    if program is None:
        reason = "no chromium on this machine"
        if os.environ.get("COMPENDIUM_REQUIRE_BROWSER") == "1":
            pytest.fail(f"{reason}, but COMPENDIUM_REQUIRE_BROWSER=1")
        pytest.skip(reason)
    with sync_playwright() as driver:
        chromium = driver.chromium.launch(executable_path=program, args=["--no-sandbox"])
        yield chromium
        chromium.close()
