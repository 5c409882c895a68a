"""The hand-written half of the catalogue."""

import pytest
import yaml
from pydantic import ValidationError

from analysis import CompendiumError
from analysis.sources import declared
from analysis.sources.records import BUILDERS


def described() -> dict:
    return yaml.safe_load(declared.DATASETS.read_text(encoding="utf-8"))


def test_every_table_can_be_built() -> None:
    tables = declared.declaration().tables
    others = {name for name, table in tables.items() if table.kind != "observations"}
    assert others == set(BUILDERS)


def test_unknown_key_is_refused() -> None:
    content = described()
    content["tables"]["eurostat_gdp"]["datasets"][0]["licence"] = "mine"
    with pytest.raises(ValidationError, match="licence"):
        declared.Declaration.model_validate(content)


def test_unknown_publisher_is_refused() -> None:
    content = described()
    content["tables"]["eurostat_gdp"]["datasets"][0]["publisher"] = "eurostst"
    with pytest.raises(ValidationError, match="nama_10r_2gdp: no publisher 'eurostst'"):
        declared.Declaration.model_validate(content)


def test_version_rule_is_given_once() -> None:
    layout = {"geo": "geo", "year": "time", "measures": []}
    for rule in ({}, {"nuts": "2013", "geo_version": "ISO3"}):
        with pytest.raises(ValidationError, match="exactly one of geo_version and nuts"):
            declared.Layout.model_validate(layout | rule)


def test_broken_file_is_an_error_of_ours(tmp_path, monkeypatch) -> None:
    broken = tmp_path / "datasets.yaml"
    broken.write_text("tables: {", encoding="utf-8")
    monkeypatch.setattr(declared, "DATASETS", broken)
    declared.declaration.cache_clear()
    with pytest.raises(CompendiumError, match=r"datasets\.yaml cannot be used"):
        declared.declaration()
    declared.declaration.cache_clear()
