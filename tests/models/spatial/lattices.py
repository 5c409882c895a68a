"""Made-up regions on a lattice, the same on every machine, with links along the edges."""

import numpy as np
import pandas as pd

EDGES = {"kind": "edges", "from": "start", "to": "end"}


def lattice(side: int = 7, periods: int = 1) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Rows (side * side * periods) and the table of links between cells that share an edge."""
    cell = np.arange(side * side)
    row, column = cell // side, cell % side
    frames = []
    for year in range(periods):
        x = np.sin(1.7 * cell + 0.9 * year) + 0.3 * np.cos(0.4 * cell * year + cell)
        z = np.cos(2.3 * cell + 1.1 * year) + (row - 3) * 0.2
        error = np.sin(12.9898 * cell + 78.233 * year) * 3.1
        error = error - np.floor(error) - 0.5
        y = 1 + 0.8 * x - 0.5 * z + error + 0.15 * column + 0.1 * row * (year + 1)
        named = {"cell": cell, "year": year, "x": x, "z": z, "y": y, "row": row, "column": column}
        frames.append(pd.DataFrame(named))
    near = np.abs(row[:, None] - row) + np.abs(column[:, None] - column) == 1
    links = pd.DataFrame(np.argwhere(near), columns=["start", "end"])
    return pd.concat(frames, ignore_index=True), links
