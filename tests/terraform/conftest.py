"""Fixtures: Terraform with its providers, and the checks of all roots, begun at once."""

from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path

import pytest

from tests.terraform import toolchain, tools
from tests.terraform.roots import Checker


@pytest.fixture(scope="session")
def terraform() -> toolchain.Terraform:
    """Terraform, or a failure that says what is missing: these tests run only when asked for by name."""
    try:
        return toolchain.find()
    except tools.ToolMissingError as error:
        pytest.fail(str(error), pytrace=False)


@pytest.fixture(scope="session")
def program_of(terraform: toolchain.Terraform) -> Callable[[Path], toolchain.Terraform]:
    """Give the program that a product was made for."""

    @cache
    def opentofu() -> toolchain.Terraform:
        try:
            return toolchain.opentofu(terraform)
        except tools.ToolMissingError as error:
            pytest.fail(str(error), pytrace=False)

    return lambda product: opentofu() if (product / ".opentofu-version").exists() else terraform


@pytest.fixture(scope="session")
def checker(
    program_of: Callable[[Path], toolchain.Terraform],
    rendered: Callable[[str], Path],
    request: pytest.FixtureRequest,
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[Checker]:
    """The checks of every root that the selected tests will ask about, in the order in which they will."""
    made = Checker(program_of, tmp_path_factory.mktemp("terraform"))
    for item in request.session.items:
        callspec = getattr(item, "callspec", None)
        if callspec and {"answers", "root"} <= callspec.params.keys():
            made.start(rendered(callspec.params["answers"]), callspec.params["root"])
    yield made
    made.close()
