"""The published figures as they stand in ``data/raw``: read, checked against the ledger, listed."""

from analysis.sources.catalogue import Catalogue, DatasetEntry, TableEntry, catalogue, listing, read

__all__ = ["Catalogue", "DatasetEntry", "TableEntry", "catalogue", "listing", "read"]
