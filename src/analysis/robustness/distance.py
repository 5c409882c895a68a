"""Weights of pairs of places by distance, for errors that are correlated in space."""

import numpy as np
from numpy.typing import NDArray
from scipy.spatial.distance import cdist

from analysis.models import ModelError
from analysis.models.spatial.weights import EARTH_RADIUS_KM

Floats = NDArray[np.float64]


def distance_kernel(longitude: Floats, latitude: Floats, within_km: float) -> Floats:
    """Triangular weights (G, G): one at no distance, falling to zero at ``within_km``.

    ``longitude`` and ``latitude`` (G,) in degrees; distances are along the sphere. For
    :func:`analysis.robustness.solve.solve` with ``vcov="conley"`` (Conley 1999, Journal of
    Econometrics 92:1-45). `ModelError` for places without coordinates or off the globe.
    """
    if not within_km > 0:
        raise ModelError(f"within: expected a distance above 0 km, got {within_km}")
    if not (np.isfinite(longitude) & np.isfinite(latitude)).all():
        raise ModelError("every cluster needs coordinates for errors by distance")
    if (np.abs(longitude) > 360).any() or (np.abs(latitude) > 90).any():
        raise ModelError("coordinates: expected longitude and latitude in degrees, in this order")
    east, north = np.radians(longitude), np.radians(latitude)
    level = np.cos(north)
    points = np.column_stack([level * np.cos(east), level * np.sin(east), np.sin(north)])
    chords = np.minimum(cdist(points, points) / 2, 1)
    return np.maximum(0, 1 - 2 * EARTH_RADIUS_KM * np.arcsin(chords) / within_km)
