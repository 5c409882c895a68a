"""Codes of countries, capitals and reformed regions: plain data, light to import."""

#: Eurostat two-letter codes of the countries the JRC flows cover (EL for Greece, UK).
COUNTRIES: tuple[str, ...] = (
    *("AT", "BE", "BG", "CH", "CY", "CZ", "DE", "DK", "EE", "EL", "ES", "FI", "FR", "HR", "HU"),
    *("IE", "IS", "IT", "LI", "LT", "LU", "LV", "MT", "NL", "NO", "PL", "PT", "RO", "SE", "SI"),
    *("SK", "UK"),
)

#: The capital's NUTS 2 region (NUTS 2013); None where the country is one region.
CAPITALS: dict[str, str] = {
    "AT": "AT13", "BE": "BE10", "BG": "BG41", "CH": "CH02", "CZ": "CZ01", "DE": "DE30",
    "DK": "DK01", "EL": "EL30", "ES": "ES30", "FI": "FI1B", "FR": "FR10", "HR": "HR04",
    "HU": "HU10", "IE": "IE02", "IT": "ITI4", "NL": "NL32", "NO": "NO01", "PL": "PL12",
    "PT": "PT17", "RO": "RO32", "SE": "SE11", "SI": "SI04", "SK": "SK01", "UK": "UKI3",
}  # fmt: skip

#: Region of the French reform of 2016 → its regions of NUTS 2013. Codes of NUTS 2016: level 1 in
#: metropolitan France, level 2 overseas, where nothing was merged.
FRENCH_REGIONS_2016: dict[str, tuple[str, ...]] = {
    "FR1": ("FR10",), "FRB": ("FR24",), "FRC": ("FR26", "FR43"), "FRD": ("FR23", "FR25"),
    "FRE": ("FR22", "FR30"), "FRF": ("FR21", "FR41", "FR42"), "FRG": ("FR51",), "FRH": ("FR52",),
    "FRI": ("FR53", "FR61", "FR63"), "FRJ": ("FR62", "FR81"), "FRK": ("FR71", "FR72"),
    "FRL": ("FR82",), "FRM": ("FR83",), "FRY1": ("FRA1",), "FRY2": ("FRA2",), "FRY3": ("FRA3",),
    "FRY4": ("FRA4",), "FRY5": ("FRA5",),
}  # fmt: skip

#: ISO 3166 alpha-3 → Eurostat code.
ISO3 = {
    "AUT": "AT", "BEL": "BE", "BGR": "BG", "CHE": "CH", "CYP": "CY", "CZE": "CZ", "DEU": "DE",
    "DNK": "DK", "EST": "EE", "GRC": "EL", "ESP": "ES", "FIN": "FI", "FRA": "FR", "HRV": "HR",
    "HUN": "HU", "IRL": "IE", "ISL": "IS", "ITA": "IT", "LIE": "LI", "LTU": "LT", "LUX": "LU",
    "LVA": "LV", "MLT": "MT", "NLD": "NL", "NOR": "NO", "POL": "PL", "PRT": "PT", "ROU": "RO",
    "SWE": "SE", "SVN": "SI", "SVK": "SK", "GBR": "UK",
}  # fmt: skip
