"""Clean untrusted text: remove harmful characters, repair wrong encodings, split keyword lists.

Control, invisible and bidirectional formatting characters and lone surrogates are removed. A
right-to-left override in a name reverses the text around it on the page ("gpj.exe" reads
"exe.jpg"), an invisible character makes two equal-looking names different, NUL is refused by
PostgreSQL, and lone surrogates cannot be encoded as UTF-8.

Unicode Technical Report 36, section 2.9, and Unicode Standard Annex 9 (explicit directional
characters).
"""

from __future__ import annotations

import re
import unicodedata

#: U+00AD soft hyphen, 061C and 200E-200F directional marks, 180E, 200B, 2060-2064 and FEFF
#: zero-width, 202A-202E embeddings and overrides, 2066-206F isolates and deprecated shaping,
#: FFF9-FFFB annotations, E0000-E007F tags. The joiners U+200C and 200D are kept: several languages,
#: and many emoji, need them.
INVISIBLE = (
    "\u00ad\u061c\u180e\u200b\u200e\u200f\u202a-\u202e\u2060-\u2064\u2066-\u206f\ufeff\ufff9-\ufffb"
    "\U000e0000-\U000e007f"
)
#: Characters not accepted by databases, XML or UTF-8: C0 and C1 controls (except tab, line feed,
#: carriage return and NEL), surrogates, and the noncharacters U+FFFE and U+FFFF.
BROKEN = "\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x84\x86-\x9f\ud800-\udfff\ufffe\uffff"

_REMOVED = re.compile(f"[{INVISIBLE}{BROKEN}]")
_BLANKS = re.compile(r"\s+")
#: Combining marks; no language stacks more than four.
_MARKS = "\u0300-\u036f\u0483-\u0489\u1ab0-\u1aff\u1dc0-\u1dff\u20d0-\u20ff\ufe20-\ufe2f"
_PILED = re.compile(f"([{_MARKS}]{{4}})[{_MARKS}]+")
_CHUNK = 100
_SEPARATORS = re.compile(r"[;|\n\t]+")
_COMMAS = re.compile(r",\s*")
_PACKED = 60
"""A keyword with commas is a list when it is longer than this, or has two commas."""
_DECIMAL = re.compile(r"\d,\d")


#: Windows-1252 characters at positions where Latin-1 and Unicode have controls; five positions are
#: unassigned.
_WINDOWS = {
    code: bytes([code]).decode("cp1252")
    for code in range(0x80, 0xA0)
    if code not in (0x81, 0x8D, 0x8F, 0x90, 0x9D)
}
_MISREAD = re.compile("[\x80-\x9f]")
_LATER = "".join(map(re.escape, ("".join(_WINDOWS.values()), "\x81\x8d\x8f\x90\x9d"))) + "\xa0-\xbf"
#: UTF-8 read as Windows-1252: "Ã©" for "é", "Â°" for "°", "Å“" for "œ", "â€™" for "’". Only
#: sequences that cannot occur in French.
_READ_TWICE = re.compile(f"Ã[{_LATER}]|Â[\xa0-\xbf]|Å[“’]|â€[{_LATER}]|â‚¬")
_CREDENTIALS = re.compile(r"(\b[a-zA-Z][a-zA-Z0-9+.-]{0,30}://)[^/?#\s]{1,200}@")
SECRET_PARAMETER = re.compile(
    r"([?&;](?:access_?token|auth_?token|token|jwt|session_?id|"
    r"password|passwd|pwd|client_?secret|secret)=)"
    r"[^&;#\s\"'<>]{1,2000}",
    re.IGNORECASE,
)
"""Parameter of an address that gives access to whoever has it. Keys of applications (`apikey`) are
often public."""
_LONELY = re.compile(r"Ã(?=\s|$)")
#: A letter followed by one combining mark, as some systems store names ("e" and "´").
_PARTED = re.compile(f"[A-Za-z][\u0300-\u0328](?![{_MARKS}])")


def without_credentials(text: str) -> str:
    """Return `text` without the user names, passwords and tokens in its addresses."""
    if "@" in text:
        text = _CREDENTIALS.sub(r"\1", text)
    if "=" in text:
        return SECRET_PARAMETER.sub(r"\1…", text)
    return text


def mended(text: str) -> str:
    """Repair the accents and signs of `text` that a wrong encoding has garbled.

    It corrects three faults of older tools: Windows-1252 declared as Latin-1, UTF-8 encoded twice,
    and decomposed accents.
    """
    if text.isascii():
        return text
    if _READ_TWICE.search(text):
        text = _READ_TWICE.sub(lambda found: _from_windows(found.group()), text)
        text = _LONELY.sub("à", text)
    if _MISREAD.search(text):
        text = text.translate(_WINDOWS)
    return _PARTED.sub(lambda found: unicodedata.normalize("NFC", found.group()), text)


def _from_windows(text: str) -> str:
    data = b"".join(
        character.encode("latin-1") if character <= "\xff" else character.encode("cp1252")
        for character in text
    )
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError:
        return text


def clean(text: str) -> str:
    """Return `text` without harmful characters, with line feeds as line ends, and stripped."""
    lines = text.replace("\r\n", "\n").replace("\r", "\n").replace("\x85", "\n")
    return _PILED.sub(r"\1", _REMOVED.sub("", lines)).strip()


def one_line(text: str) -> str:
    """Return `text` cleaned and on one line, for a title, a name or an e-mail header."""
    return _BLANKS.sub(" ", clean(text)).strip()


def is_clean(text: str) -> bool:
    """Return whether `text` contains none of the characters that :func:`clean` removes."""
    return not _REMOVED.search(text)


def without_accents(text: str) -> str:
    """Return the compatibility decomposition (NFKD) of `text` without its combining marks.

    Unicode's ordering of marks takes quadratic time in their number. It does not matter when all
    marks are removed, so the text is decomposed in short pieces.
    """
    pieces = (
        unicodedata.normalize("NFKD", text[start : start + _CHUNK])
        for start in range(0, len(text), _CHUNK)
    )
    return "".join(char for piece in pieces for char in piece if not unicodedata.combining(char))


def keywords(keyword: str, fewest: int | None = None) -> list[str]:
    """Split a keyword that contains several: ``eau; rivière; crue`` or a long comma-separated list.

    Args:
        keyword: the keyword.
        fewest: number of commas that make a list, for callers that know whether the keyword is from
            a thesaurus; a single comma within a number ("1:50,000") does not count.
    """
    pieces = [piece.strip() for piece in _SEPARATORS.split(keyword)]
    parts: list[str] = []
    for piece in pieces:
        commas = piece.count(",")
        if fewest:
            packed = commas >= fewest and not (commas == 1 and _DECIMAL.search(piece))
        else:
            packed = commas > 1 or (commas == 1 and len(piece) > _PACKED)
        if packed:
            parts += [part.strip() for part in _COMMAS.split(piece)]
        else:
            parts.append(piece)
    return [piece for piece in parts if piece]
