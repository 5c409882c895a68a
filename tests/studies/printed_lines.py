"""Lines of a published.csv for the small study of the tests."""

HEADER = (
    "study,table,row_label,column_label,statistic,printed_value,decimals,how_read,estimator_note\n"
)


def line(row: str, statistic: str, printed: str, *, column: str = "OLS", decimals: str = "") -> str:
    """One printed number of the small study."""
    return f"small,Table 1,{row},{column},{statistic},{printed},{decimals},computed,\n"
