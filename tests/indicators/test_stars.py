"""Stars for size, specialisation and growth against a plain count."""

import numpy as np
import pandas as pd
import pytest

from analysis.indicators.stars import STARS, sector_stars


@pytest.fixture
def economy() -> tuple[pd.DataFrame, pd.DataFrame, pd.Series]:
    random = np.random.default_rng(4)
    index = pd.Index([f"R{n:02d}" for n in range(30)], name="geo")
    now = pd.DataFrame(random.lognormal(3, 1, (30, 3)), index=index, columns=list("ABC"))
    before = now * random.lognormal(0, 0.2, (30, 3))
    now.iloc[0, 0] = np.nan  # withheld
    before.iloc[1, 1] = 0.0
    total = now.fillna(10.0).sum(axis=1) + random.lognormal(2, 1, 30)
    return now, before, total


def top(values: np.ndarray) -> float:
    """The nine tenths quantile, by hand: linear between the order statistics."""
    known = np.sort(values[~np.isnan(values)])
    place = 0.9 * (len(known) - 1)
    low = int(place)
    return known[low] + (place - low) * (known[min(low + 1, len(known) - 1)] - known[low])


def test_every_star_is_what_its_definition_says(economy):
    now, before, total = economy
    stars = sector_stars(now, before, total)
    for name in now:
        x, e = now[name].to_numpy(), total.to_numpy()
        there = ~np.isnan(x)
        quotient = (x / e) / (x[there].sum() / e[there].sum())
        share = 100 * x / x[there].sum()
        with np.errstate(divide="ignore"):
            past = before[name].to_numpy()
            growth = np.where(past > 0, 100 * (x / np.where(past > 0, past, 1) - 1), np.nan)
        for n in np.flatnonzero(there):
            row = stars.loc[(now.index[n], name)]
            assert row["quotient"] == pytest.approx(quotient[n])
            assert row["share_pct"] == pytest.approx(share[n])
            assert row["size_star"] == (share[n] >= top(share) - 1e-12)
            special = quotient[n] >= 2 or (quotient[n] >= top(quotient) and quotient[n] > 1)
            assert row["specialisation_star"] == special
            assert row["growth_star"] == bool(growth[n] >= top(growth) and growth[n] > 0)


def test_a_withheld_figure_has_no_row_and_no_growth_no_star(economy):
    stars = sector_stars(*economy)
    assert ("R00", "A") not in stars.index
    assert not stars.loc[("R01", "B"), "growth_star"]
    assert set(stars.dtypes[list(STARS)].astype(str)) == {"bool"}


def test_a_sector_in_decline_everywhere_gives_no_growth_star(economy):
    now, _, total = economy
    assert not sector_stars(now, 2 * now, total)["growth_star"].any()
