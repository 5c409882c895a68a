"""Files an evaluator brings: read by content, understood or refused, joined to the panel.

``problems`` says what is wrong and where; ``sheets`` and ``formats`` read cells; ``numbers`` and
the modules of meaning (layout, territories, periods, units) turn them into observations.
"""
