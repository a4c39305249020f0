"""What must hold for any answers: a refusal is a sentence with its cure; a product has no finding and says what was answered."""

import re

from tests import support
from tests.in_process import Refused

# A refusal tells what to do.
_CURE = re.compile(
    r"\b(use|give|quote|leave|choose|name|set|write|rename|begin|mean|are|is not in \[|lists them)\b|is not in \["
)


def is_a_sentence(refusal: Refused) -> None:
    """Assert that a refusal is one line that names the answer and the cure, of a length that people read."""
    message = str(refusal)
    assert message.isprintable(), message
    assert len(message) < 500, message
    name, colon, rest = message.partition(":")
    assert message.startswith("unknown answer") or (name in support.asked() and colon), message
    assert _CURE.search(rest or message), message
