"""Stripe's contract: routes, parameters and shapes, derived from the installed ``stripe`` package.

The SDK is generated from Stripe's specification, so its annotations say what
today's API takes and answers. Nothing of that is typed here a second time.
The SDK is imported where something is read from it first; ``sources.kept`` has it from then on.
Imports ``contract/requests`` and what lies below it.
"""

from stripe_emulator.contract.requests.given_parameters import Given
from stripe_emulator.contract.requests.parameters import Hash, Parameter, ParameterError
from stripe_emulator.contract.requests.requests import parameters_of, read
from stripe_emulator.contract.responses.outlines import blank, complete, hashes, is_field
from stripe_emulator.contract.responses.thin import names_an_object, path_of, thin_types
from stripe_emulator.contract.sources.routes import Route, coverage, find, fits, routes
from stripe_emulator.contract.sources.specified import expandable, path_answering

__all__ = [
    "Given",
    "Hash",
    "Parameter",
    "ParameterError",
    "Route",
    "blank",
    "complete",
    "coverage",
    "expandable",
    "find",
    "fits",
    "hashes",
    "is_field",
    "names_an_object",
    "parameters_of",
    "path_answering",
    "path_of",
    "read",
    "routes",
    "thin_types",
]
