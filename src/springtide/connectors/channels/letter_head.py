"""The head of a letter: exactly the lines that we wrote, whatever the names in them are made of.

We write it ourselves: Python's mail library decodes what looks like an encoded word in a name and
sends what is in it as lines of the head, loses spaces where a Chinese subject folds, and encodes a
List-Unsubscribe that is longer than a line, so that no reader finds an address in it.
"""

import base64
import re
from collections.abc import Iterable, Sequence

from springtide.kit.errors import FinalError

#: What ends a line somewhere, or is no text: control characters, separators, half surrogate pairs.
LINE_BREAKS = re.compile("[\x00-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff]")
_LINE_MAX = 78
# RFC 5322: the longest line that servers must take, less its end.
_LINE_MOST = 998
# Of the text in an encoded word, so that one fits on a line beside its header's name.
_WORD_BYTES = 42
_PLAIN = re.compile(r"[\x21-\x7e]+(?: [\x21-\x7e]+)*")
_ADDRESS = re.compile(r"[A-Za-z0-9.!#$%&'*+/=?^_`{|}~-]{1,64}@[A-Za-z0-9.-]{1,253}")
_NAME = re.compile(rb"([A-Za-z-]+):[ \t]?")
_BARE_BREAK = re.compile(rb"\r(?!\n)|(?<!\r)\n")


class UnsafeLetterError(FinalError):
    """A letter whose head would not be what was written: it is not sent."""


def is_address(text: str) -> bool:
    """Tell whether a text is an address that mail can be sent to."""
    return bool(_ADDRESS.fullmatch(text))


def text_field(name: str, text: str) -> str:
    """Return a line of the head that says a text, folded.

    >>> text_field("Subject", "=?utf-8?q?a?=")
    'Subject: =?utf-8?b?PT91dGYtOD9xP2E/PQ==?='
    """
    if text and _is_plain(text):
        return _folded(f"{name}:", text.split(" "))
    return _folded(f"{name}:", _words(text))


def address_field(name: str, person: str, address: str) -> str:
    """Return a line of the head that names a person and the address; refuses what is none.

    >>> address_field("To", "Li", "li@buyers.example")
    'To: "Li" <li@buyers.example>'
    """
    if not is_address(address):
        raise FinalError(f"“{address[:60]}” is no address")
    if not person:
        return f"{name}: <{address}>"
    if _is_plain(person) and len(person) <= _WORD_BYTES:
        words = ['"' + re.sub(r'(["\\])', r"\\\1", person) + '"']
    else:
        words = _words(person)
    return _folded(f"{name}:", [*words, f"<{address}>"])


def link_field(name: str, link: str) -> str:
    """Return a line of the head with a web address, in one piece however long it is."""
    if not re.fullmatch(r"[\x21-\x7e]+", link) or set(link) & set("<>"):
        raise UnsafeLetterError("the opt-out link is no link")
    return f"{name}: <{link}>"


def joined(fields: Iterable[str], body: bytes) -> bytes:
    """Return a letter: its head and its body, which begins with lines of the head of its own."""
    return "".join(f"{field}\r\n" for field in fields).encode("ascii") + body


def check(data: bytes, names: Sequence[str]) -> None:
    """Refuse (``UnsafeLetterError``) a letter whose head has other lines than these, in order.

    Also one with a line break that some servers take for one and others do not.
    """
    if _BARE_BREAK.search(data):
        raise UnsafeLetterError("half a line break in the letter")
    head, end, _ = data.partition(b"\r\n\r\n")
    found = []
    for line in head.split(b"\r\n"):
        if len(line) > _LINE_MOST or not line.strip():
            raise UnsafeLetterError("a line of the head is empty or too long")
        if any((byte < 32 and byte != 9) or byte > 126 for byte in line):
            raise UnsafeLetterError("a line break or control character in a header")
        match = _NAME.match(line)
        if match:
            found.append(match[1].decode())
        elif line[:1] not in b" \t" or not found:
            raise UnsafeLetterError("a line of the head that is no header")
    if not end or found != list(names):
        raise UnsafeLetterError("other headers in the head than were written")


def _is_plain(text: str) -> bool:
    return bool(_PLAIN.fullmatch(text)) and "=?" not in text and len(text) < _LINE_MOST // 2


def _words(text: str) -> list[str]:
    """Return a text as encoded words (RFC 2047), parted between letters, spaces inside."""
    if LINE_BREAKS.search(text):
        raise UnsafeLetterError("a line break or control character in a header")
    words, part = [], b""
    for letter in text:
        more = letter.encode()
        if len(part) + len(more) > _WORD_BYTES:
            words.append(part)
            part = b""
        part += more
    return [f"=?utf-8?b?{base64.b64encode(each).decode()}?=" for each in [*words, part] if each]


def _folded(name: str, words: Sequence[str]) -> str:
    lines, line = [], name
    for word in words:
        # The first word stays beside the name: a line of spaces alone would end some heads.
        if len(line) + 1 + len(word) > _LINE_MAX and line != name:
            lines.append(line)
            line = ""
        line = f"{line} {word}"
    return "\r\n".join([*lines, line])
