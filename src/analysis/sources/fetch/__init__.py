"""Fetching carried datasets anew from their publishers' public interfaces.

``http`` downloads, ``content`` and ``archive`` say what may be used, ``ledger`` keeps answers,
``eurostat``, ``oecd``, ``worldbank`` and ``cohesion`` ask; ``tidy`` makes observations of what
comes, ``tables`` keeps them beside data/raw, ``refresh`` runs all of it and ``adopt`` puts the
result into data/raw.
"""
