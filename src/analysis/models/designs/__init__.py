"""Designs: estimators that compare treated with untreated units over time or around a cutoff."""

from analysis.models.designs.did_bacon import goodman_bacon
from analysis.models.designs.did_group_time import callaway_santanna
from analysis.models.designs.did_imputation import imputation_did, two_stage_did
from analysis.models.designs.did_local_projections import local_projections_did
from analysis.models.designs.did_sun_abraham import sun_abraham
from analysis.models.designs.did_two_period import two_period_did
from analysis.models.designs.rd_density import rd_density
from analysis.models.designs.synthetic_control import synthetic_control
from analysis.models.designs.synthetic_did import synthetic_did

__all__ = [
    "callaway_santanna",
    "goodman_bacon",
    "imputation_did",
    "local_projections_did",
    "rd_density",
    "sun_abraham",
    "synthetic_control",
    "synthetic_did",
    "two_period_did",
    "two_stage_did",
]
