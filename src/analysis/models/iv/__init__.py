"""Instrumental variables beyond plain two-stage least squares.

:func:`iv_gmm` estimates one equation by two-stage least squares, GMM or limited-information maximum
likelihood with tests of over-identification, of exogeneity and of weak instruments, and
Anderson-Rubin confidence sets; :func:`shift_share` a coefficient of a shift-share design with the
standard errors of Adão, Kolesár and Morales. Plain two-stage least squares without these tests is
:func:`analysis.models.fit`.
"""

from analysis.models.iv.iv_gmm import iv_gmm
from analysis.models.iv.shift_share import shift_share

__all__ = ["iv_gmm", "shift_share"]
