"""The one door from names that were stored or sent to files: inside a folder of ours or nowhere."""

import os
from pathlib import Path

from springtide.kit.errors import N_, Refusal

_NAME_BYTES_MAX = 255


class NotInFolder(Refusal):
    """A stored or sent name that leads out of the folder it belongs in."""

    code = "not_in_folder"
    status = 404
    text = N_("“{name}” is not the name of a file here.")


def within(root: Path, *names: str) -> Path:
    """Return the place that bare names lead to inside a folder; it need not exist.

    Refuses (``NotInFolder``) a name that is none, has a separator or leads elsewhere, also by a
    link.

    >>> within(Path("/srv/rejects"), "imp_01.csv").name
    'imp_01.csv'
    """
    for name in names:
        if not _is_bare(name):
            raise NotInFolder(name=name[:60].encode("utf-8", "replace").decode())
    place = root.joinpath(*names)
    if not place.resolve().is_relative_to(root.resolve()) or not names:
        raise NotInFolder(name=" / ".join(names)[:60])
    return place


def _is_bare(name: str) -> bool:
    try:
        length = len(os.fsencode(name))
    except UnicodeEncodeError:
        return False
    return (
        0 < length <= _NAME_BYTES_MAX and name not in (".", "..") and not set(name) & set("/\\\0")
    )
