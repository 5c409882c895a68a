"""Write pydynpd.json: dynamic panels estimated by the package pydynpd, for comparison.

Needs its own environment, as pydynpd wants older libraries:
pip install pydynpd==0.2.2 "numpy<1.25" "pandas<2.3" "scipy<1.12"
Run as: python make_pydynpd.py path/to/arellanobond1991/data.csv
"""

import json
import sys
from pathlib import Path

import numpy as np
import pandas as pd
from pydynpd import regression

COMMANDS = {
    "collapsed_difference": "n L(1:2).n w k | gmm(n, 2:4) iv(w k) | nolevel collapse",
    "collapsed_system": "n L(1:2).n w k | gmm(n, 2:4) gmm(w, 1:3) iv(k) | collapse",
    "orthogonal_deviations": "n L(1:2).n w k | gmm(n, 2:4) gmm(w, 2:3) iv(k) | fod nolevel",
}


def estimate(command: str, frame: pd.DataFrame) -> dict[str, object]:
    model = regression.abond(command, frame, ["id", "year"]).models[0]
    return {
        "command": command,
        "estimate": model.regression_table["coefficient"].astype(float).tolist(),
        "std_error": model.regression_table["std_err"].astype(float).tolist(),
        "hansen": float(model.hansen.test_value),
        "hansen_df": int(model.hansen.df),
        "m": [float(test.AR) for test in model.AR_list],
    }


def main() -> None:
    frame = pd.read_csv(sys.argv[1]).rename(columns={"firm": "id"})
    for short, column in {"n": "emp", "w": "wage", "k": "capital"}.items():
        frame[short] = np.log(frame[column])
    frame = frame[["id", "year", "n", "w", "k"]]
    results = {name: estimate(command, frame) for name, command in COMMANDS.items()}
    text = json.dumps({"package": "pydynpd 0.2.2", "models": results}, indent=1)
    Path(__file__).with_name("pydynpd.json").write_text(text + "\n")


if __name__ == "__main__":
    main()
