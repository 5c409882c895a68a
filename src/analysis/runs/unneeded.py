"""A module that jsonschema imports to check IRIs, which notebooks have none of: it takes 1 s."""

import sys

_MODULE = "rfc3987_syntax"


def leave_out() -> None:
    """Have its import fail in this process, unless it is there already; jsonschema does without."""
    sys.modules.setdefault(_MODULE, None)  # type: ignore[arg-type]


def admit() -> None:
    """Let it be imported again."""
    if sys.modules.get(_MODULE, ...) is None:
        del sys.modules[_MODULE]
