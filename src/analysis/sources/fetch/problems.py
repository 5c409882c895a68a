"""What can go wrong while fetching."""

from analysis import CompendiumError


class FetchError(CompendiumError):
    """A dataset could not be fetched; what was there before is untouched."""


class PassingError(FetchError):
    """A fault that may be gone on the next try, in ``retry_after`` seconds if the server says."""

    def __init__(self, message: str, retry_after: float | None = None) -> None:
        super().__init__(message)
        self.retry_after = retry_after


class UnreachableError(FetchError):
    """The server did not answer at all; its other datasets need not be tried."""
