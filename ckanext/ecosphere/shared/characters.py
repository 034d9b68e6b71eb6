"""Characters that no text of the portal holds: control, invisible and direction-changing ones, and broken halves.

A right-to-left override in a name turns the words around it on the page ("gpj.exe" reads "exe.jpg"), an invisible
character makes two equal-looking names different, NUL is refused by PostgreSQL, and half a surrogate pair by UTF-8.
Unicode Technical Report 36, section 2.9, and Unicode Standard Annex 9 (explicit directional characters).
"""

from __future__ import annotations

import re

#: U+00AD soft hyphen, 061C and 200E-200F marks of direction, 180E, 200B, 2060-2064 and FEFF without width, 202A-202E
#: embeddings and overrides, 2066-206F isolates and deprecated shapes, FFF9-FFFB annotations, E0000-E007F tags.
#: The joiners U+200C and 200D stay: words of several languages, and many pictographs, need them.
INVISIBLE = "\u00ad\u061c\u180e\u200b\u200e\u200f\u202a-\u202e\u2060-\u2064\u2066-\u206f\ufeff\ufff9-\ufffb\U000e0000-\U000e007f"
#: What breaks a database, an XML or a UTF-8 file: C0 and C1 controls (not tab, line feed, carriage return), halves of
#: surrogate pairs, and the two code points that are no character.
BROKEN = "\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x84\x86-\x9f\ud800-\udfff\ufffe\uffff"

_REMOVED = re.compile(f"[{INVISIBLE}{BROKEN}]")
_BLANKS = re.compile(r"\s+")


def clean(text: str) -> str:
    """Return `text` without such characters, each line end a line feed, no blank around it."""
    return _REMOVED.sub("", text.replace("\r\n", "\n").replace("\r", "\n").replace("\x85", "\n")).strip()


def one_line(text: str) -> str:
    """Return `text` cleaned and on one line: fit for a title, a name or the header of an e-mail."""
    return _BLANKS.sub(" ", clean(text)).strip()


def is_clean(text: str) -> bool:
    """Say whether `text` holds none of the characters that :func:`clean` removes."""
    return not _REMOVED.search(text)
