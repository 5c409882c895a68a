"""Fixtures shared by the rooms' tests."""

import os
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings
from xdist.scheduler import LoadScopeScheduling

PROJECT = Path(__file__).resolve().parents[1]

# the same cases every time, new ones nightly; a machine may be busy
settings.register_profile(
    "ours",
    deadline=None,
    derandomize=os.environ.get("HYPOTHESIS_PROFILE") != "nightly",
    suppress_health_check=[HealthCheck.too_slow],
)
settings.load_profile("ours")


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


class OneFileAtATime(LoadScopeScheduling):
    """A process takes a file at a time, and all tests that read the reproduced project."""

    def _split_scope(self, nodeid: str) -> str:
        together = "tests/reproduced/"
        return together if nodeid.startswith(together) else nodeid.partition("::")[0]


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config, log) -> OneFileAtATime:
    return OneFileAtATime(config, log)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """The longest first: the whole job, then what runs notebooks, then the rooms."""
    depth = {"reproduced": 0, "tests": 1}
    items.sort(key=lambda item: depth.get(item.path.parent.name, 2))
