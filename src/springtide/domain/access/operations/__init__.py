"""What access changes: shops, people, roles, keys, sessions; every write leaves an audit entry."""

from springtide.domain.access.operations.audit import record_audit
from springtide.domain.access.operations.keys import (
    BadScopes,
    create_key,
    mark_key_used,
    revoke_key,
)
from springtide.domain.access.operations.names import BadEmail, BadName
from springtide.domain.access.operations.people import (
    LastOwner,
    add_member,
    create_person,
    remove_member,
)
from springtide.domain.access.operations.sessions import (
    FREE_TRIES_ACCOUNT,
    FREE_TRIES_ADDRESS,
    SESSION_HOURS,
    TooManyAttempts,
    WrongLogIn,
    WrongPassword,
    change_language,
    change_password,
    log_in,
    log_out,
    mark_session_seen,
)
from springtide.domain.access.operations.shops import BadCurrency, BadSlug, create_shop, set_clock

__all__ = [
    "FREE_TRIES_ACCOUNT",
    "FREE_TRIES_ADDRESS",
    "SESSION_HOURS",
    "BadCurrency",
    "BadEmail",
    "BadName",
    "BadScopes",
    "BadSlug",
    "LastOwner",
    "TooManyAttempts",
    "WrongLogIn",
    "WrongPassword",
    "add_member",
    "change_language",
    "change_password",
    "create_key",
    "create_person",
    "create_shop",
    "log_in",
    "log_out",
    "mark_key_used",
    "mark_session_seen",
    "record_audit",
    "remove_member",
    "revoke_key",
    "set_clock",
]
