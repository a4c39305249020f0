"""Fixtures: Terraform with its providers, and the checks of all roots, begun at once."""

from collections.abc import Callable, Iterator
from concurrent.futures import Future
from functools import cache
from pathlib import Path

import pytest

from tests.in_process import InProcess
from tests.terraform import roots, toolchain, tools
from tests.terraform.roots import Checker, Outcome


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
def tests_of(in_process: InProcess, rendered: Callable[[str], Path]) -> Callable[[str, str], dict[str, str]]:
    """Give the Terraform tests of an answer set and a root, by file."""
    return cache(lambda answers, root: roots.tests_of(in_process, answers, rendered(answers), root))


@pytest.fixture(scope="session")
def checked(
    program_of: Callable[[Path], toolchain.Terraform],
    rendered: Callable[[str], Path],
    tests_of: Callable[[str, str], dict[str, str]],
    request: pytest.FixtureRequest,
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[Callable[[str, str], Outcome]]:
    """Give the outcome of an answer set and a root; every root that the selected tests will ask about is begun in that order."""
    checker = Checker(program_of, tmp_path_factory.mktemp("terraform"))

    def start(answers: str, root: str) -> Future[Outcome]:
        return checker.start(rendered(answers), root, tests_of(answers, root))

    for item in request.session.items:
        callspec = getattr(item, "callspec", None)
        if callspec and {"answers", "root"} <= callspec.params.keys():
            start(callspec.params["answers"], callspec.params["root"])
    yield lambda answers, root: start(answers, root).result()
    checker.close()
