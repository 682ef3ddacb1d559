"""What logs and errors may not tell: values that a database refused, addresses, passwords' hashes.

A database says which value it refused; SQLAlchemy would tell all that were sent with it. Both are
taken out where the error is made, so that no log, no traceback and no command shows them, and each
line of a log is looked at once more before it is written.
"""

import logging
import re
import time
from typing import Any

from sqlalchemy import Engine, event
from sqlalchemy.engine import ExceptionContext

#: Classes of SQLSTATE whose very first line holds the value: data exceptions.
_DATA_EXCEPTION = "22"
_ADDRESS = re.compile(r"[^\s@<>\"'()\[\]{},;:=/?&]+(?:@|%40)[\w-]+(?:\.[\w-]+)*")
_HASH = re.compile(r"(?:scrypt|argon2\w*|pbkdf2\w*|\$2[aby])[$:][^\s'\"]+", re.IGNORECASE)
HIDDEN = "…"


def discreet(text: str) -> str:
    """Return a text without mail addresses and hashes of passwords.

    >>> discreet("no letter to li.mei+1@example.com: scrypt$1$abc")
    'no letter to …@…: …'
    """
    return _HASH.sub(HIDDEN, _ADDRESS.sub(f"{HIDDEN}@{HIDDEN}", text))


class DiscreetFormatter(logging.Formatter):
    """Writes log records, with their tracebacks, discreetly; their instants are in UTC."""

    converter = staticmethod(time.gmtime)
    default_time_format = "%Y-%m-%dT%H:%M:%S"
    default_msec_format = "%s.%03dZ"

    def format(self, record: logging.LogRecord) -> str:
        """Return the line of a record."""
        return discreet(super().format(record))


def write_logs(form: str) -> None:
    """Write the logs of this process to its standard error; ``form`` is logging's format."""
    handler = logging.StreamHandler()
    handler.setFormatter(DiscreetFormatter(form))
    logging.basicConfig(handlers=[handler])


def hide_values_in_errors() -> None:
    """Take the values out of databases' errors, for every engine of this process (DBOS's too)."""
    if not event.contains(Engine, "handle_error", _hide_values):
        event.listen(Engine, "handle_error", _hide_values)


def _hide_values(context: ExceptionContext) -> None:
    wrapped: Any = context.sqlalchemy_exception
    if wrapped is not None and hasattr(wrapped, "hide_parameters"):
        wrapped.hide_parameters = True
    original = context.original_exception
    state = getattr(original, "sqlstate", None)
    if state is None:
        # SQLite names tables and columns alone.
        return
    told = str(original)
    # Details, hints and the context follow line by line, and they quote what was sent.
    first = f"error {state}" if state.startswith(_DATA_EXCEPTION) else told.partition("\n")[0]
    original.args = (first,)
    if wrapped is not None:
        wrapped.args = tuple(
            each.replace(told, first) if isinstance(each, str) else each for each in wrapped.args
        )
