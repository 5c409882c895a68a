"""The same results give the same bytes, whatever the environment of the process."""

import hashlib
import os
import subprocess
import sys
from pathlib import Path

SCRIPT = """
import numpy as np, pandas as pd
from analysis.models import Specification, fit
from analysis.report import Output, theme, binned_scatter, bubble_map, heatmap

theme()
out = Output.here("bytes")
rng = np.random.default_rng(11)
frame = pd.DataFrame(rng.normal(size=(300, 3)), columns=["y", "x", "z"])
frame["geo"], frame["year"] = np.arange(300) % 30, np.arange(300) % 10
models = {
    name: fit(
        Specification(
            outcome="y", regressors=tuple(right), absorb=("geo", "year"), vcov="cluster",
            cluster=("geo",),
        ),
        frame,
    )
    for name, right in (("(1)", ["x"]), ("(2)", ["x", "z"]))
}
out.table("t", frame.head(20), title="T", source="S", note="N")
out.regression_table("r", models, title="R", labels={"geo": "region"})
for name, model in models.items():
    out.estimates("m" + name[1], model)
words = {"caption": "C", "source": "S", "alt": "A"}
regions = pd.DataFrame({"lon": rng.uniform(-8, 30, 60), "lat": rng.uniform(36, 65, 60)})
regions = regions.assign(value=rng.normal(size=60), population=rng.uniform(1e5, 1e7, 60))
out.figure("map", bubble_map(regions, label="v"), **words)
out.figure("bins", binned_scatter(frame["x"], frame["y"], xlabel="x", ylabel="y"), **words)
out.figure("heat", heatmap(pd.DataFrame(rng.random((8, 9))), label="v"), **words)
out.say("{a:.3f} and {b:,}", b=12345, a=models["(1)"].row("x")["estimate"])
"""


def written(folder: Path, **environment: str) -> dict[str, str]:
    """SHA-256 by path of what the script writes in a process of its own."""
    settings = {**os.environ, **environment, "COMPENDIUM_RUN_DIR": str(folder), "MPLBACKEND": "agg"}
    subprocess.run([sys.executable, "-c", SCRIPT], env=settings, check=True, cwd=folder.parent)
    return {
        path.relative_to(folder).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


def test_every_format_is_byte_stable(tmp_path: Path) -> None:
    (tmp_path / "elsewhere").mkdir()
    one = written(tmp_path / "one", PYTHONHASHSEED="0", TZ="UTC", LC_ALL="C.UTF-8")
    two = written(
        tmp_path / "elsewhere" / "two",
        PYTHONHASHSEED="42",
        TZ="Pacific/Auckland",
        LC_ALL="C",
        OPENBLAS_NUM_THREADS="2",
    )
    suffixes = {Path(name).suffix for name in one}
    assert suffixes == {
        *(".csv", ".xlsx", ".parquet", ".json"),
        *(".html", ".tex", ".docx", ".png", ".svg"),
    }
    assert one == two
