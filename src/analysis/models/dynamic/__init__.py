"""Dynamic panels: difference and system GMM with instruments from the panel's own past.

One function, :func:`dynamic_panel_gmm`. Its options reach the conventions of two programs:

=============================  ==================================================================
``plm::pgmm``                  here
=============================  ==================================================================
``effect = "twoways"``         ``time_dummies=True``; with ``"individual"`` and ``"ld"`` also
                               ``intercept=False``
``transformation = "ld"``      ``equations="system"``
``fsm = "I", "GI", "full"``    ``initial_weight="identity", "block", "full"``
``robust = FALSE``             ``vcov="classical"`` (two steps: not corrected)
``sargan``                     ``hansen_at_estimates``
``mtest`` of a system          ``serial_correlation_scores="difference"``
normal instruments             listed in ``iv_instruments``; in a system one entry with
                               ``equation: difference`` and one with ``level``
observations used (system)     ``n_stacked``
=============================  ==================================================================

=============================  ==================================================================
``xtabond2``                   here
=============================  ==================================================================
``gmm(L.x, lag(1 .))``         ``{columns: [x], lags: [2, null]}``: lags of the column itself
``gmm(..., eq(level))``        ``equation: level`` with the lags of the difference meant
``iv(x, passthru)``            ``{columns: [x], transform: false}``
``orthogonal``, ``h(1..3)``    ``transformation``; ``initial_weight="identity", "block", "full"``
``small``                      ``small_sample="full"``
``Sargan``                     ``sigma2_df="observations"``; ``xtabond`` has ``"residual"``
``nolevel``                    ``equations="difference"``
=============================  ==================================================================
"""

from analysis.models.dynamic.dynamic_panel_gmm import dynamic_panel_gmm

__all__ = ["dynamic_panel_gmm"]
