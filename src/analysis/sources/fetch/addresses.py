"""Where the publishers are: the addresses of ``datasets.yaml``, or those of a mirror.

The environment variable ``COMPENDIUM_PUBLISHERS`` may name a YAML file that maps publishers
(``eurostat``, ``oecd``, ``worldbank``, ``commission``) to the base address of a mirror.
"""

import os
from pathlib import Path
from urllib.parse import urlsplit

import yaml

from analysis.sources.declared import Declaration
from analysis.sources.fetch.problems import FetchError

MIRRORS = "COMPENDIUM_PUBLISHERS"


def interfaces(declared: Declaration) -> dict[str, str]:
    """Base address of each publisher that has a public interface, without a slash at its end."""
    bases = {key: p.interface for key, p in declared.publishers.items() if p.interface}
    return {key: _checked(key, base) for key, base in (bases | _mirrors(bases)).items()}


def _mirrors(known: dict[str, str]) -> dict[str, str]:
    file = os.environ.get(MIRRORS)
    if not file:
        return {}
    try:
        named = yaml.safe_load(Path(file).read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        raise FetchError(f"{MIRRORS}: {file} cannot be read as YAML") from error
    if not isinstance(named, dict) or not all(isinstance(base, str) for base in named.values()):
        raise FetchError(f"{MIRRORS}: {file} must map publishers to addresses")
    unknown = sorted(str(key) for key in named if key not in known)
    if unknown:
        raise FetchError(
            f"{MIRRORS}: {file} names {', '.join(unknown)}; publishers are {', '.join(known)}"
        )
    return named


def _checked(publisher: str, base: str) -> str:
    parts = urlsplit(base)
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise FetchError(f"{publisher}: {base!r} is not an http or https address")
    if parts.username or parts.password or parts.query or parts.fragment:
        raise FetchError(
            f"{publisher}: the address on {parts.hostname} may hold no user name, password or query"
        )
    return base.rstrip("/")
