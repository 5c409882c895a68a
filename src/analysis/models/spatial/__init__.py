"""Spatial models: least squares with spatial lags, spatial lag, spatial error, Moran's I.

SLX is ``spatial_ols`` with ``spatial_lags``; SAR and the Durbin model SDM are ``spatial_lag``
without and with ``spatial_lags``; SEM and SDEM are ``spatial_error`` likewise. All take a
cross-section or a panel, and absorb unit and time effects. The weights are described in
:mod:`analysis.models.spatial.weights`, the effects in :mod:`analysis.models.spatial.sample`.
``neighbour_means`` makes spatial lags as columns, for other estimators.
"""

from analysis.models.spatial.least_squares import spatial_ols
from analysis.models.spatial.moran import moran
from analysis.models.spatial.neighbours import neighbour_means, neighbour_weights
from analysis.models.spatial.regression import spatial_error, spatial_lag

__all__ = [
    "moran",
    "neighbour_means",
    "neighbour_weights",
    "spatial_error",
    "spatial_lag",
    "spatial_ols",
]
