"""What to estimate, said completely and checked before any number is computed."""

from dataclasses import dataclass

from analysis import CompendiumError

ESTIMATORS = ("ols", "poisson", "iv")
VCOVS = ("classical", "hc0", "hc1", "hc2", "hc3", "cluster")


class ModelError(CompendiumError):
    """A model that cannot be estimated as asked; the message says why and what would be right."""


class CollinearError(ModelError):
    """Some ``terms`` are combinations of others."""

    def __init__(self, message: str, terms: list[str]) -> None:
        super().__init__(message)
        self.terms = terms


@dataclass(frozen=True, kw_only=True, slots=True)
class Specification:
    """One regression.

    Attributes
    ----------
    outcome
        Column explained.
    regressors
        Exogenous columns, numeric or boolean. May be empty only without ``absorb`` (a mean) or
        with ``endogenous``.
    estimator
        ``"ols"`` (weighted when ``weights`` is given), ``"poisson"`` (pseudo-maximum likelihood
        with log link) or ``"iv"`` (two-stage least squares).
    absorb
        None, one or two columns whose levels are fixed effects. Without any, an intercept is
        estimated and reported as the term ``Intercept``.
    intercept
        False for a regression through the origin, whose R² compares with zero and not the mean.
    endogenous, instruments
        For ``"iv"`` only: the instrumented regressors and the excluded instruments.
    weights
        Column of positive weights, proportional to the inverse variance. Their scale is irrelevant
        to linear models.
    vcov
        ``"classical"``, ``"hc0"`` ... ``"hc3"`` or ``"cluster"``.
    cluster
        One or two columns, exactly when ``vcov="cluster"``.
    unit, time
        Columns naming a row. Needed for ``lags``; otherwise only counted in the facts.
    lags
        Regressors, endogenous regressors and instruments are taken this many periods earlier
        in the same unit, and their terms are called ``L2.name``.
    sample
        What the rows of the frame are, for the reader.

    Raises
    ------
    ModelError
        If a value is not allowed or fields contradict each other.
    """

    outcome: str
    regressors: tuple[str, ...] = ()
    estimator: str = "ols"
    absorb: tuple[str, ...] = ()
    intercept: bool = True
    endogenous: tuple[str, ...] = ()
    instruments: tuple[str, ...] = ()
    weights: str | None = None
    vcov: str = "hc1"
    cluster: tuple[str, ...] = ()
    unit: str | None = None
    time: str | None = None
    lags: int = 0
    sample: str = "all"

    def __post_init__(self) -> None:
        for field in ("regressors", "absorb", "endogenous", "instruments", "cluster"):
            _check_columns(field, getattr(self, field))
        _check_choice("estimator", self.estimator, ESTIMATORS)
        _check_choice("vcov", self.vcov, VCOVS)
        self._check_effects_and_clusters()
        self._check_right_hand_side()
        self._check_instruments()
        self._check_lags()

    @property
    def formula(self) -> str:
        """The model in the notation of fixest: ``y ~ x | effects | endogenous ~ instruments``."""
        lag = f"L{self.lags}." if self.lags else ""
        origin = "" if self.intercept else " - 1"
        parts = [f"{self.outcome} ~ {_sum(self.regressors, lag) or '1'}{origin}"]
        if self.absorb:
            parts.append(_sum(self.absorb))
        if self.endogenous:
            parts.append(f"{_sum(self.endogenous, lag)} ~ {_sum(self.instruments, lag)}")
        return " | ".join(parts)

    def _check_effects_and_clusters(self) -> None:
        if len(self.absorb) > 2:
            raise ModelError(f"absorb: at most 2 columns, got {len(self.absorb)}: {self.absorb}")
        if self.vcov == "cluster" and len(self.cluster) not in (1, 2):
            raise ModelError(f"vcov='cluster' needs 1 or 2 cluster columns, got {self.cluster}")
        if self.vcov != "cluster" and self.cluster:
            raise ModelError(
                f"cluster={self.cluster} has no effect with vcov={self.vcov!r}; "
                "set vcov='cluster' or leave cluster empty"
            )
        if self.vcov in ("hc2", "hc3") and self.estimator != "ols":
            raise ModelError(
                f"vcov={self.vcov!r} is defined here for estimator='ols' only, not for "
                f"{self.estimator!r}; use 'hc0', 'hc1' or 'cluster'"
            )

    def _check_right_hand_side(self) -> None:
        right = (*self.regressors, *self.endogenous, *self.instruments)
        repeated = sorted({name for name in right if right.count(name) > 1})
        if repeated:
            raise ModelError(f"columns used more than once on the right-hand side: {repeated}")
        if self.outcome in right and not self.lags:
            raise ModelError(f"the outcome {self.outcome!r} is also on the right-hand side")
        if self.absorb and not self.regressors and not self.endogenous:
            raise ModelError("absorb is given but there is no regressor to estimate")
        if not self.intercept and (self.absorb or not (self.regressors or self.endogenous)):
            raise ModelError("intercept=False needs a regressor, and no absorbed effect")

    def _check_instruments(self) -> None:
        if self.estimator != "iv":
            if self.endogenous or self.instruments:
                raise ModelError("endogenous and instruments need estimator='iv'")
        elif not self.endogenous or len(self.instruments) < len(self.endogenous):
            raise ModelError(
                "estimator='iv' needs at least one endogenous column and at least as many "
                f"instruments, got {len(self.endogenous)} endogenous {self.endogenous} and "
                f"{len(self.instruments)} instruments {self.instruments}"
            )

    def _check_lags(self) -> None:
        if self.lags < 0:
            raise ModelError(f"lags: expected 0 or more, got {self.lags}")
        if self.lags and not (self.unit and self.time):
            raise ModelError(f"lags={self.lags} needs the columns unit and time")


def _check_choice(field: str, value: str, allowed: tuple[str, ...]) -> None:
    if value not in allowed:
        raise ModelError(f"{field}: {value!r} is not one of {', '.join(allowed)}")


def _check_columns(field: str, value: object) -> None:
    if not isinstance(value, tuple) or not all(isinstance(name, str) for name in value):
        raise ModelError(f"{field}: expected a tuple of column names, got {value!r}")


def _sum(columns: tuple[str, ...], lag: str = "") -> str:
    return " + ".join(f"{lag}{column}" for column in columns)
