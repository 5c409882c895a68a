"""Fixtures shared by the rooms' tests."""

import os
from pathlib import Path

import pytest

PROJECT = Path(__file__).resolve().parents[1]


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """The folder of source files beside the project, which a clone has not.

    Where it is absent the test is skipped, or fails when COMPENDIUM_REQUIRE_SHARED=1 says that
    it must be there.
    """
    folder = PROJECT.parent / "shared" / "data"
    if folder.is_dir():
        return folder
    reason = f"the source files are not beside the project ({folder})"
    if os.environ.get("COMPENDIUM_REQUIRE_SHARED") == "1":
        pytest.fail(f"{reason}, but COMPENDIUM_REQUIRE_SHARED=1")
    pytest.skip(reason)
