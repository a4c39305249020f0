"""Fixtures: Terraform with its providers, and the checks of all roots, begun at once."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.terraform import toolchain
from tests.terraform.roots import Checker


@pytest.fixture(scope="session")
def terraform() -> toolchain.Terraform:
    """Terraform, or a failure that says what is missing: these tests run only when asked for by name."""
    try:
        return toolchain.find()
    except toolchain.ToolMissingError as error:
        pytest.fail(str(error), pytrace=False)


@pytest.fixture(scope="session")
def checker(
    terraform: toolchain.Terraform,
    rendered: Callable[[str], Path],
    request: pytest.FixtureRequest,
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[Checker]:
    """The checks of every root that the selected tests will ask about, in the order in which they will."""
    made = Checker(terraform, tmp_path_factory.mktemp("terraform"))
    for item in request.session.items:
        callspec = getattr(item, "callspec", None)
        if callspec and {"answers", "root"} <= callspec.params.keys():
            made.start(rendered(callspec.params["answers"]), callspec.params["root"])
    yield made
    made.close()
