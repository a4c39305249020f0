"""Java and the libraries that the tests of the pipelines run on."""

import hashlib
import os
import shutil
import subprocess
from dataclasses import dataclass, field
from pathlib import Path

from tests.terraform import tools

HERE = Path(__file__).parent
HARNESS = HERE / "harness.groovy"
CACHE = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "aks-gitops-template" / "jenkins"
_CHECKSUMS = HERE / "jars.sha256"
_COPY = "org.apache.maven.plugins:maven-dependency-plugin:3.8.1:copy-dependencies"
_GROOVY = "groovy-all-2.4.21.jar"
_QUICK = ["-XX:TieredStopAtLevel=1", "-XX:+UseSerialGC", "-Xshare:auto"]
# What Groovy 2.4 reaches into, and newer versions of Java close.
_OPENED = [f"--add-opens=java.base/{name}=ALL-UNNAMED" for name in ("java.lang", "java.util", "java.io")]


class ToolMissingError(Exception):
    """Something that these tests need isn't on this machine; the message tells how to get it."""


@dataclass
class Java:
    """A Java with the libraries; one process of it runs all pipelines, since a start costs more than most builds."""

    command: str
    libraries: Path
    _harness: subprocess.Popen[str] | None = field(default=None, repr=False)

    def run_pipeline(self, scenario: Path, events: Path) -> None:
        """Run the pipeline of a scenario on the Groovy that Jenkins has, and write its events."""
        if self._harness is None:
            script = [*_OPENED, "-cp", str(self.libraries / _GROOVY), "groovy.ui.GroovyMain", str(HARNESS)]
            self._harness = subprocess.Popen(
                [self.command, *_QUICK, *script], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
            )
        assert self._harness.stdin
        assert self._harness.stdout
        self._harness.stdin.write(f"{scenario}\t{events}\n")
        self._harness.stdin.flush()
        answer = self._harness.stdout.readline()
        assert answer == "done\n", f"the harness ended: {answer or 'see what it printed'}"

    def codenarc(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        """Run CodeNarc."""
        others = [str(path) for path in sorted(self.libraries.glob("*.jar")) if path.name != _GROOVY]
        command = [self.command, *_QUICK, "-cp", os.pathsep.join(others), "org.codenarc.CodeNarc", *arguments]
        return subprocess.run(command, capture_output=True, text=True, check=False)

    def close(self) -> None:
        """End the process."""
        if self._harness is not None:
            self._harness.communicate()


def find() -> Java:
    """Return Java with the libraries, which Maven fetches once.

    Raises:
        ToolMissingError: Java or Maven is missing, or a library is not the one that is expected.
    """
    java = shutil.which("java")
    if java is None:
        raise ToolMissingError("java isn't on PATH: install a Java 17 or newer, such as openjdk-17-jre-headless")
    lines = _CHECKSUMS.read_text(encoding="utf-8").splitlines()
    expected = {name: digest for digest, name in (line.split() for line in lines)}
    with tools.locked(CACHE.with_name("jenkins.lock")):
        if _digests(CACHE) != expected:
            _fetch()
    found = _digests(CACHE)
    for name in sorted(expected.keys() | found.keys()):
        if found.get(name) != expected.get(name):
            raise ToolMissingError(f"{CACHE / name} is not what {_CHECKSUMS.name} says: remove {CACHE} and try again")
    return Java(java, CACHE)


def _digests(folder: Path) -> dict[str, str]:
    return {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in folder.glob("*.jar")}


def _fetch() -> None:
    maven = shutil.which("mvn")
    if maven is None:
        raise ToolMissingError("mvn isn't on PATH: install Maven (package maven); it fetches Groovy and CodeNarc once")
    shutil.rmtree(CACHE, ignore_errors=True)
    done = subprocess.run(
        [maven, "--quiet", "--batch-mode", f"--file={HERE / 'pom.xml'}", _COPY, f"-DoutputDirectory={CACHE}"],
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        raise ToolMissingError(f"Maven can't fetch the libraries:\n{done.stdout}")
