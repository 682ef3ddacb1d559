"""Catalogues: the texts a person reads, in 简体中文 and English.

English is the text in the code; ``src/springtide/locales/zh_Hans/*.po`` hold the Chinese, one file
an area of the product, so that two people seldom edit the same one.
"""

import re
from functools import cache
from pathlib import Path

from babel.messages.pofile import read_po

LANGUAGES = {"zh": "简体中文", "en": "English"}
#: The locale that Babel formats dates, numbers and money in.
LOCALES = {"zh": "zh_Hans_CN", "en": "en_US"}
_NUMBER = re.compile(r"\d+")
_FOLDER = Path(__file__).parent.parent / "locales" / "zh_Hans"


@cache
def chinese() -> dict[str, str]:
    """Return every translated text of the Chinese catalogues."""
    texts: dict[str, str] = {}
    for path in sorted(_FOLDER.glob("*.po")):
        with path.open("rb") as file:
            for message in read_po(file, locale="zh_Hans_CN"):
                if message.id and message.string and isinstance(message.id, str):
                    texts[message.id] = str(message.string)
    return texts


def translate(text: str, language: str) -> str:
    """Return a text in a language; English where the catalogue does not know it.

    A text whose numbers are filled in already ("the same as row 7") is looked up without them.
    """
    if language != "zh":
        return text
    found = chinese().get(text)
    if found is None and _NUMBER.search(text):
        found = chinese().get(_NUMBER.sub("{}", text))
        found = found and found.format(*_NUMBER.findall(text))
    return text if found is None else found
