"""Deployments: commits that set image tags of an environment; by their trailers Git is the audit trail."""

from collections.abc import Iterable
from dataclasses import dataclass

from .imagetags import Version

ENVIRONMENT = "Deploy-Environment"
IMAGE = "Deploy-Image"
PROMOTED_FROM = "Deploy-Promoted-From"
ROLLBACK_OF = "Deploy-Rollback-Of"


@dataclass(frozen=True)
class Deployment:
    """What a deployment does.

    Attributes:
        images: the version of each service that changes; none where there is nothing to do.
        verb: stands before the images in the subject, as `promote dev:`.
        trailers: further ones, key and value.
    """

    environment: str
    images: dict[str, Version]
    verb: str = ""
    trailers: Iterable[tuple[str, str]] = ()

    def subject(self) -> str:
        """Return the first line of its message."""
        images = ", ".join(f"{name} {version.tag}" for name, version in self.images.items())
        return f"deploy({self.environment}): " + f"{self.verb} {images}".lstrip()

    def message(self) -> str:
        """Return the message of its commit."""
        trailers = [(ENVIRONMENT, self.environment), *self.trailers]
        trailers += [(IMAGE, f"{name}={version}") for name, version in self.images.items()]
        return "\n".join([self.subject(), "", *(f"{key}: {value}" for key, value in trailers), ""])
