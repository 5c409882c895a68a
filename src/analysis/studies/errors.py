"""The error of this room."""

from analysis import CompendiumError


class StudyError(CompendiumError):
    """A study that cannot be read or computed; the message names study, field and position."""


class DataAbsentError(StudyError):
    """Data of a study are not on this machine; the message says how to get them."""
