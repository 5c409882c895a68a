"""Links between cluster funding, R&D and innovation: the code behind the notebooks.

Rooms, in the order a figure passes through them: ``sources`` → ``panel`` → ``indicators`` →
``models`` → ``report``; ``runs`` executes notebooks and ``cli`` is the thin command line.
"""


class CompendiumError(Exception):
    """A problem the user can act on: the message says what, where, and what would be right."""
