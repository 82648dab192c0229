"""What people may call an application or a cluster."""

import unicodedata
from typing import Annotated

from pydantic import AfterValidator, Field

# controls, halves of a character, and what breaks a line: General_Category of Unicode
_UNSEEN = frozenset({"Cc", "Cs", "Zl", "Zp"})
# what turns the text around it: Bidi_Class of Unicode
_TURNING = frozenset({"LRE", "RLE", "LRO", "RLO", "PDF", "LRI", "RLI", "FSI", "PDI"})


def _on_one_line(name: str) -> str:
    for character in name:
        if unicodedata.category(character) in _UNSEEN or unicodedata.bidirectional(character) in _TURNING:
            raise ValueError(
                f"The name holds a character that cannot be seen (U+{ord(character):04X}): use text on one line."
            )
    return name


Name = Annotated[str, Field(min_length=1, max_length=100), AfterValidator(_on_one_line)]
"""1 to 100 characters on one line; what is stored is what a person reads."""
