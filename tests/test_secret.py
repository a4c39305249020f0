"""`make secret`: the value goes to Key Vault and nowhere else, and pods get it."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests import fakes as fakes_of
from tests import support, terminal
from tests.fakes import Fakes
from tests.in_process import InProcess

VALUE = "sk_live_'\"$(x) é\nsecond line"
VAULT = "kv-shop-38827f"
EXTERNAL = "kubectl --namespace shop-dev get externalsecrets.external-secrets.io"


@pytest.fixture
def faked(in_process: InProcess, tmp_path: Path) -> Fakes:
    """A product whose services have secrets, and a Key Vault that keeps what it is given."""
    in_process.render(support.answers("services-of-every-kind"), tmp_path / "product")
    made = fakes_of.around(tmp_path / "product", tmp_path / "fakes")
    az = tmp_path / "fakes" / "bin" / "az"
    # As az, which opens the file that is named.
    az.write_text(
        az.read_text().replace(
            "exec ",
            'if [ "$1 $2 $3" = "keyvault secret set" ]; then\n'
            f'  for one in "$@"; do [ "$before" = --file ] && /bin/cat "$one" > {tmp_path}/value; before=$one; done\n'
            "fi\nexec ",
        )
    )
    made.answer("az keyvault secret set", status=0)
    return made


def external(name: str, variable: str, time: str) -> dict[str, Any]:
    entry = {"secretKey": variable, "remoteRef": {"key": f"dev-{variable.lower().replace('_', '-')}"}}
    return {
        "metadata": {"name": name},
        "spec": {"target": {"name": name}, "data": [entry]},
        "status": {"refreshTime": time},
    }


def deployment(name: str, secret: str) -> dict[str, Any]:
    env = [{"name": "X", "value": "x"}, {"name": "Y", "valueFrom": {"secretKeyRef": {"name": secret, "key": "Y"}}}]
    return {"metadata": {"name": name}, "spec": {"template": {"spec": {"containers": [{"name": name, "env": env}]}}}}


@pytest.fixture
def reading(faked: Fakes, tmp_path: Path) -> None:
    """External Secrets, which reads when it is asked to, and two services."""
    for time, name in (("10:00", "before"), ("10:01", "after")):
        items = [external("api", "STRIPE_KEY", time), external("mailer", "MAIL_PASSWORD", "never")]
        (tmp_path / name).write_text(json.dumps({"items": items}))
    kubectl = tmp_path / "fakes" / "bin" / "kubectl"
    kubectl.write_text(
        kubectl.read_text().replace(
            "exec ",
            f'case "$*" in *annotate*) /bin/cp {tmp_path}/after {tmp_path}/before;;\n'
            f'*"get externalsecrets"*) exec /bin/cat {tmp_path}/before;; esac\nexec ',
        )
    )
    deployments = {"items": [deployment("api", "api"), deployment("mailer", "mailer")]}
    faked.answer("kubectl --namespace shop-dev get deployments.apps", json=deployments)
    for command in ("annotate", "rollout restart"):
        faked.answer(f"kubectl --namespace shop-dev {command}", status=0)


@pytest.mark.usefixtures("reading")
def test_a_value_reaches_key_vault_whole_and_nothing_else(faked: Fakes, tmp_path: Path) -> None:
    done = faked.run("secret", "dev", "STRIPE_KEY", typed=VALUE + "\n")

    assert done.returncode == 0, done.stderr
    assert (tmp_path / "value").read_text() == VALUE
    (tmp_path / "value").unlink()
    seen = [done.stdout, done.stderr, *faked.calls()]
    seen += [path.read_text(errors="replace") for path in tmp_path.rglob("*") if path.is_file()]
    assert not [text for text in seen if "sk_live" in text]
    assert "STRIPE_KEY of dev is set: dev-stripe-key in" in done.stdout
    assert "Restarted: api." in done.stdout


@pytest.mark.usefixtures("reading")
def test_pods_that_use_the_variable_are_restarted_once_it_is_there(faked: Fakes) -> None:
    faked.run("secret", "dev", "STRIPE_KEY", typed=VALUE)

    changes = [line for line in faked.calls("kubectl") if " get " not in line]
    assert [" ".join(line.split()[3:6]) for line in changes] == [
        "annotate --overwrite externalsecret",
        "rollout restart deployment",
    ]


def test_without_the_cluster_the_value_is_set_and_what_is_left_is_said(faked: Fakes) -> None:
    faked.answer(EXTERNAL, status=1, stderr="error: You must be logged in to the server (Unauthorized)\n")

    done = faked.run("secret", "dev", "STRIPE_KEY", typed=VALUE)

    assert done.returncode == 0
    assert "does not have it yet: error: You must be logged in" in done.stdout
    assert "within an hour" in done.stdout


@pytest.mark.parametrize(
    ("arguments", "typed", "words"),
    [
        (("qa", "STRIPE_KEY"), "x", "there is no environment 'qa': choose one of dev, prod"),
        (("dev", "STRIP_KEY"), "x", "no service has a secret 'STRIP_KEY': choose one of MAIL_PASSWORD, STRIPE_KEY"),
        (("dev", ""), "x", "no secret is named: choose one of MAIL_PASSWORD, STRIPE_KEY"),
        (("dev", "STRIPE_KEY"), " \n", "the value is empty: nothing was changed"),
    ],
)
def test_what_is_refused_changes_nothing(faked: Fakes, arguments: tuple[str, ...], typed: str, words: str) -> None:
    done = faked.run("secret", *arguments, typed=typed)

    assert done.returncode == 1
    assert done.stderr == f"secret: {words}\n"
    assert not [line for line in faked.calls() if " set " in line or "annotate" in line]


def test_a_product_without_secrets_is_told_how_to_add_one(in_process: InProcess, tmp_path: Path) -> None:
    in_process.render({}, tmp_path / "product")
    done = fakes_of.around(tmp_path / "product", tmp_path / "fakes").run("secret", "dev", "STRIPE_KEY", typed="x")

    assert done.stderr == "secret: no service has a secret 'STRIPE_KEY': Add a secret, in docs/services.md\n"


def test_what_is_typed_is_not_shown(faked: Fakes, tmp_path: Path) -> None:
    faked.answer(EXTERNAL, json={"items": []})
    command = (sys.executable, "scripts/from-template", "secret", "dev", "STRIPE_KEY")
    with terminal.running(80, *command, cwd=faked.product, **faked.environment) as screen:
        screen.wait("STRIPE_KEY of dev:")
        screen.press("sk_live_typed" + terminal.ENTER)
        screen.wait("within an hour")
        assert not screen.shows("sk_live")
        assert screen.end() == 0
    assert (tmp_path / "value").read_text() == "sk_live_typed"


def pipe(faked: Fakes, value: bytes) -> subprocess.CompletedProcess[bytes]:
    """Pipe a value in, at a terminal of another language."""
    return subprocess.run(
        [sys.executable, "scripts/from-template", "secret", "dev", "STRIPE_KEY"],
        cwd=faked.product, input=value, capture_output=True, check=False,
        env={**faked.environment, "PYTHONIOENCODING": "latin-1"},
    )  # fmt: skip


@pytest.mark.parametrize(
    ("piped", "kept"),
    [(b"-----BEGIN\r\nabc\r\n", b"-----BEGIN\r\nabc"), ("é\n".encode(), "é".encode()), (b"--yes\n\n", b"--yes\n")],
)
def test_what_is_piped_in_is_kept_byte_by_byte(faked: Fakes, tmp_path: Path, piped: bytes, kept: bytes) -> None:
    faked.answer(EXTERNAL, json={"items": []})
    done = pipe(faked, piped)
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "value").read_bytes() == kept


def test_what_is_no_text_is_refused(faked: Fakes) -> None:
    done = pipe(faked, b"\xff\n")
    assert done.stderr == b"secret: the value is not UTF-8, nothing was changed: pipe it in as text\n"


def test_a_vault_that_is_not_there_says_what_to_do(faked: Fakes) -> None:
    words = "ERROR: Failed to resolve 'kv-shop-38827f.vault.azure.net'\n"
    faked.answer("az keyvault secret set", status=1, stderr=words)
    done = faked.run("secret", "dev", "STRIPE_KEY", typed=VALUE)
    assert done.stderr == (
        "secret: Key Vault kv-shop-38827f does not take it, nothing was changed: run make up first, or see whether you may"
        " (ERROR: Failed to resolve 'kv-shop-38827f.vault.azure.net')\n"
    )


def test_the_end_of_the_input_is_no_value(faked: Fakes, tmp_path: Path) -> None:
    command = (sys.executable, "scripts/from-template", "secret", "dev", "STRIPE_KEY")
    with terminal.running(80, *command, cwd=faked.product, **faked.environment) as screen:
        screen.wait("STRIPE_KEY of dev:")
        assert screen.end() == 1
        assert screen.shows("secret: the value is empty: nothing was changed")
        assert not screen.shows("Traceback")
    assert not (tmp_path / "value").exists()


ENTRIES = [
    {"name": f"{environment}-{name}", "type": None}
    for environment in ("dev", "prod")
    for name in ("mail-password", "stripe-key")
]


def secrets_of_doctor(faked: Fakes) -> list[str]:
    return [line for line in faked.run("doctor").stdout.splitlines() if " secrets: " in line]


def test_doctor_names_each_variable_without_a_value(faked: Fakes) -> None:
    assert secrets_of_doctor(faked) == [
        "ok       secrets: make up makes Key Vault; make secret then gives each variable its value"
    ]

    faked.answer(f"az resource list --name {VAULT}", json=[{"resourceGroup": "rg-aks-shop"}])
    faked.answer("az keyvault secret list", json=[{**ENTRIES[0], "type": "empty"}, *ENTRIES[1:3]])

    assert secrets_of_doctor(faked) == [
        "failure  secrets: dev has no value of MAIL_PASSWORD: make secret ENV=dev NAME=MAIL_PASSWORD",
        "failure  secrets: prod has no value of STRIPE_KEY: run make up, then make secret ENV=prod NAME=STRIPE_KEY",
    ]
    assert not [line for line in faked.calls("az") if "secret show" in line or "secret download" in line]

    faked.answer("az keyvault secret list", json=ENTRIES)
    assert [line.split()[0] for line in secrets_of_doctor(faked)] == ["ok", "ok"]


def test_make_hands_over_what_it_is_given(faked: Fakes) -> None:
    done = subprocess.run(
        ["make", "--no-print-directory", "--dry-run", "secret", "ENV=dev", "NAME=STRIPE_KEY"],
        cwd=faked.product, capture_output=True, text=True, check=True,
    )  # fmt: skip
    assert done.stdout == 'scripts/from-template secret "dev" "STRIPE_KEY"\n'
