"""From values to a checked model of a notebook, with every problem in the user's words."""

from collections.abc import Mapping
from typing import Any, get_args

from pydantic import ValidationError

from analysis.runs.parameters.errors import ParameterError, hint
from analysis.runs.parameters.models import REGISTRY, Parameters
from analysis.runs.parameters.own import own_model, own_notebooks


def model_of(notebook: str) -> type[Parameters]:
    """The model of a notebook given by name; ParameterError when there is no such notebook.

    A notebook that ``compendium new`` made has a model of its own, with the defaults of its cell.
    """
    if notebook in REGISTRY:
        return REGISTRY[notebook]
    own = own_notebooks()
    if notebook in own:
        return own_model(notebook)
    allowed = [*REGISTRY, *own]
    raise ParameterError(f"there is no notebook {notebook!r}{hint(notebook, allowed)}")


def validate(notebook: str, values: Mapping[str, Any]) -> Parameters:
    """The notebook's parameters with ``values`` in place of defaults.

    Raises ParameterError listing every unknown name and every refused value.
    """
    model = model_of(notebook)
    try:
        return model.model_validate(dict(values))
    except ValidationError as error:
        problems = [_problem(notebook, model, detail) for detail in error.errors()]
        raise ParameterError("\n".join(problems)) from None


def _problem(notebook: str, model: type[Parameters], detail: Any) -> str:
    """One pydantic error in the user's words."""
    if not detail["loc"]:  # a check of several values together
        return f"{notebook}: {detail['ctx']['error']}"
    name = str(detail["loc"][0])
    allowed = model.model_fields
    if detail["type"] == "extra_forbidden":
        return f"unknown parameter {name!r} for {notebook}{hint(name, sorted(allowed))}"
    given = detail["input"]
    if detail["type"] == "value_error":
        return f"{notebook}: {name}: {detail['ctx']['error']}"
    if detail["type"] == "literal_error":
        one_of = allowed[name].annotation
        one_of = get_args(one_of)[0] if len(detail["loc"]) > 1 else one_of
        choices = [str(choice) for choice in get_args(one_of)]
        return f"{notebook}: {name}: {given!r} is unknown{hint(str(given), choices)}"
    message = detail["msg"][0].lower() + detail["msg"][1:]
    return f"{notebook}: {name}: {given!r}: {message}"
