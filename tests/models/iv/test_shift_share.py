"""Shift-share inference: the authors' own reference values, identities, properties, errors."""

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from analysis.models.estimates import Estimates
from analysis.models.iv import shift_share
from analysis.models.specification import ModelError

CONTROLS = [
    "t2",
    "l_shind_manuf_cbp",
    "l_sh_popedu_c",
    "l_sh_popfborn",
    "l_sh_empl_f",
    "l_sh_routine33",
    "l_task_outsource",
]


@pytest.fixture(scope="module")
def china(shared_data: Path) -> dict[str, Any]:
    """Autor, Dorn and Hanson (2013): commuting zones, industry shares, industries."""
    folder = shared_data / "studies" / "adh2013_china"
    frame = pd.read_csv(folder / "data.csv")
    dummies = pd.get_dummies(frame["division"], prefix="division", drop_first=True, dtype=float)
    frame = pd.concat([frame, dummies], axis=1).assign(row=np.arange(1, len(frame) + 1))
    sectors = pd.read_csv(folder / "sectors.csv")
    return {
        "frame": frame,
        "controls": [*CONTROLS, *dummies.columns],
        "shares": pd.read_csv(folder / "shares_sparse.csv.gz"),
        "location": "row",
        "sectors": sectors.assign(industry=sectors["sic"] // 10),
    }


def estimate_china(china: dict[str, Any], **options: Any) -> Estimates:
    base: dict[str, Any] = {"shift_share": "IV", "weights": "weights"} | china
    return shift_share(**(base | options))


@pytest.mark.parametrize(
    ("outcome", "treatment", "cluster", "akm", "akm0", "p_akm0"),
    [
        (
            "shock",
            None,
            "industry",
            (0.527240172127609, 0.734841704243901),
            (0.537570958010291, 0.838282656411893),
            0.001282890950014,
        ),
        (
            "shock",
            None,
            None,
            (0.495188795569771, 0.766893080801748),
            (0.522017706924849, 0.889797428206052),
            0.000056519706974,
        ),
        (
            "d_sh_empl",
            None,
            "industry",
            (-0.810383925354586, -0.166753508891236),
            (-1.236885319089530, -0.239754057137763),
            0.000421803253836,
        ),
        (
            "d_sh_empl",
            "shock",
            "industry",
            (-1.245349169792894, -0.303104147760458),
            (-1.690324047107167, -0.389313219498141),
            0.000421803253837,
        ),
        (
            "d_sh_empl_mfg",
            "shock",
            None,
            (-0.810991466572728, -0.381728638531380),
            (-0.891427381124374, -0.391771441695858),
            0.000090458689726,
        ),
    ],
)
def test_values_of_the_authors_replication(
    china: dict[str, Any],
    outcome: str,
    treatment: str | None,
    cluster: str | None,
    akm: tuple[float, float],
    akm0: tuple[float, float],
    p_akm0: float,
) -> None:
    """Table 5 of Adão, Kolesár and Morales (2019) and their Matlab code, to 13 digits."""
    result = estimate_china(china, outcome=outcome, treatment=treatment, sector_cluster=cluster)
    row = result.row(treatment or "IV")
    np.testing.assert_allclose([row["ci_low"], row["ci_high"]], akm, rtol=1e-9)
    statistics = result.statistics
    np.testing.assert_allclose([statistics["akm0_low"], statistics["akm0_high"]], akm0, rtol=1e-9)
    assert statistics["akm0_p"] == pytest.approx(p_akm0, rel=1e-8)


@pytest.mark.parametrize(("divisions", "pieces"), [(6, 1), (7, 2)])
def test_unbounded_sets_where_the_instrument_is_weak(
    china: dict[str, Any], divisions: int, pieces: int
) -> None:
    frame = china["frame"][china["frame"]["division"] < divisions]
    controls = [*CONTROLS, *(f"division_{number}" for number in range(2, divisions))]
    result = estimate_china(
        china | {"frame": frame, "controls": controls},
        outcome="d_sh_empl",
        treatment="shock",
        weights=None,
    )
    intervals = result.details["akm0_set"]
    assert len(intervals) == pieces == result.statistics["akm0_intervals"]
    assert intervals["lower"].iloc[0] == -np.inf
    assert intervals["upper"].iloc[-1] == np.inf
    assert result.statistics["akm0_se"] == np.inf


def simulated(seed: int = 0, n: int = 120, n_sectors: int = 15) -> dict[str, Any]:
    rng = np.random.default_rng(seed)
    weights = rng.dirichlet(np.full(n_sectors, 0.5), size=n)
    shocks, unseen = rng.normal(size=(2, n_sectors))
    x = weights @ shocks
    d = x + 0.3 * rng.normal(size=n)
    frame = pd.DataFrame({"place": [f"p{i:03d}" for i in range(n)], "x": x, "d": d})
    frame["y"] = 0.5 * d + weights @ unseen + 0.1 * rng.normal(size=n)
    frame["c"], frame["w"] = rng.normal(size=n), 1 + rng.random(n)
    shares = pd.DataFrame(weights, index=frame["place"]).stack().rename("share").reset_index()
    shares.columns = ["row", "sector", "share"]
    return {"frame": frame, "shares": shares, "location": "place", "controls": ["c"]}


def estimate(data: dict[str, Any], **options: Any) -> Estimates:
    base: dict[str, Any] = {"outcome": "y", "shift_share": "x", "treatment": "d"}
    return shift_share(**(base | data | options))


def test_one_sector_per_place_is_clustering_by_sector() -> None:
    """With all of a place's share in one sector, x is the shock and AKM clusters by sector."""
    rng = np.random.default_rng(4)
    sector = np.repeat(np.arange(10), 6)
    x = rng.normal(size=10)[sector]
    frame = pd.DataFrame({"place": range(60), "x": x, "y": x + rng.normal(size=60)})
    shares = pd.DataFrame({"row": range(60), "sector": sector, "share": 1.0})
    result = shift_share(
        frame, outcome="y", shift_share="x", shares=shares, location="place", intercept=False
    )
    slope = (x @ frame["y"]) / (x @ x)
    errors = frame["y"] - slope * x
    sums = np.bincount(sector, x * errors)
    row = result.row("x")
    assert row["estimate"] == pytest.approx(slope)
    assert row["std_error"] == pytest.approx(np.sqrt(sums @ sums) / (x @ x))


def test_the_set_holds_exactly_what_is_not_rejected() -> None:
    data = simulated()
    intervals = estimate(data).details["akm0_set"][["lower", "upper"]].to_numpy()
    for value in np.linspace(-3, 3, 41):
        inside = bool(((intervals[:, 0] <= value) & (value <= intervals[:, 1])).any())
        assert inside == (estimate(data, null=float(value)).statistics["akm0_p"] >= 0.05)


def test_rows_sectors_and_units_do_not_matter() -> None:
    data = simulated()
    base = estimate(data, weights="w")
    shuffled = data | {
        "frame": data["frame"].sample(frac=1, random_state=1),
        "shares": data["shares"].sample(frac=1, random_state=2),
    }
    pd.testing.assert_frame_equal(
        estimate(shuffled, weights="w").coefficients, base.coefficients, check_exact=True
    )
    frame = data["frame"].assign(
        y=data["frame"]["y"] * 100, d=data["frame"]["d"] * 10, w=data["frame"]["w"] * 3
    )
    relabelled = data["shares"].assign(sector=(data["shares"]["sector"] * 7) % 15)
    other = estimate(data | {"frame": frame, "shares": relabelled}, weights="w")
    for column in ("estimate", "std_error", "ci_low"):
        assert other.row("d")[column] == pytest.approx(10 * base.row("d")[column], rel=1e-9)
    assert other.statistics["akm0_p"] == pytest.approx(base.statistics["akm0_p"], rel=1e-7)


def test_clustered_sectors_equal_merged_scores() -> None:
    data = simulated()
    own = data["shares"].assign(group=data["shares"]["sector"])
    by_itself = estimate(data | {"shares": own}, sector_cluster="group")
    pd.testing.assert_frame_equal(by_itself.coefficients, estimate(data).coefficients)
    merged = estimate(
        data | {"shares": own.assign(group=own["sector"] // 3)}, sector_cluster="group"
    )
    assert merged.facts.n_clusters == 5
    assert merged.row("d")["std_error"] != by_itself.row("d")["std_error"]


def test_places_without_shares_are_accepted_only_without_exposure() -> None:
    data = simulated()
    lost = data["shares"][data["shares"]["row"] != "p003"]
    with pytest.raises(ModelError, match=r"1 of 120 locations are not listed .* such as p003"):
        estimate(data | {"shares": lost})
    frame = data["frame"].copy()
    frame.loc[3, "x"] = 0.0
    assert estimate(data | {"shares": lost, "frame": frame}).facts.n_obs == 120


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda s: s.rename(columns={"share": "value"}), "shares has no column share"),
        (lambda s: pd.concat([s, s.iloc[[0]]]), "listed more than once"),
        (lambda s: s.assign(share=np.nan), "missing or infinite"),
        (
            lambda s: pd.concat([s, s[s["sector"] == 0].assign(sector=99)]),
            "shares of 16 sectors in 120 rows are collinear",
        ),
    ],
)
def test_errors_name_what_is_wrong(change: Any, message: str) -> None:
    data = simulated()
    with pytest.raises(ModelError, match=message):
        estimate(data | {"shares": change(data["shares"])})


def test_a_regressor_that_is_a_control_is_refused() -> None:
    data = simulated()
    frame = data["frame"].assign(c=2 * data["frame"]["x"] + 1)
    with pytest.raises(ModelError, match="does not vary once the controls"):
        estimate(data | {"frame": frame})


def test_a_sector_without_cluster_is_named() -> None:
    data = simulated()
    sectors = pd.DataFrame({"sector": range(14), "group": 1})
    with pytest.raises(ModelError, match="sector 14 has no 'group'"):
        estimate(data, sectors=sectors, sector_cluster="group")
