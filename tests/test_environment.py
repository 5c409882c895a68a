"""pyproject.toml, requirements.lock and environment.yml say the same thing."""

import re
import tomllib

import yaml
from packaging.requirements import Requirement

from analysis import paths

LOCK_LINE = re.compile(r"^(?P<name>[A-Za-z0-9_.-]+)==(?P<version>\S+)(?P<marker> ; .*)? \\$", re.M)


def locked() -> list[str]:
    text = (paths.ROOT / "requirements.lock").read_text(encoding="utf-8")
    return [match.group(0).removesuffix(" \\") for match in LOCK_LINE.finditer(text)]


def declared() -> list[Requirement]:
    project = tomllib.loads((paths.ROOT / "pyproject.toml").read_text())["project"]
    optional = [line for extra in project["optional-dependencies"].values() for line in extra]
    return [Requirement(line) for line in project["dependencies"] + optional]


def test_the_lock_satisfies_every_declared_dependency():
    pins = {}
    for line in locked():
        pin = Requirement(line)
        pins.setdefault(canonical(pin.name), []).append(next(iter(pin.specifier)).version)
    for wanted in declared():
        versions = pins.get(canonical(wanted.name), [])
        assert versions, f"{wanted} is not in requirements.lock; run make lock"
        assert all(wanted.specifier.contains(version) for version in versions), wanted


def canonical(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


def test_every_locked_package_has_hashes_and_no_address():
    text = (paths.ROOT / "requirements.lock").read_text(encoding="utf-8")
    blocks = re.split(r"^(?=[A-Za-z0-9])", text, flags=re.M)[1:]
    assert len(blocks) == len(locked())
    assert all("--hash=sha256:" in block for block in blocks)
    assert "://" not in text


def test_conda_users_get_the_same_versions():
    environment = yaml.safe_load((paths.ROOT / "environment.yml").read_text(encoding="utf-8"))
    *conda, pip = environment["dependencies"]
    assert conda == ["python=3.11", "pip"]
    assert pip["pip"] == [*locked(), "-e ."]


def test_the_package_promises_the_python_it_is_locked_for():
    project = tomllib.loads((paths.ROOT / "pyproject.toml").read_text())["project"]
    assert project["requires-python"] == ">=3.11"
