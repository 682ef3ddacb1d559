"""What a password must be like (NIST SP 800-63B: length counts, no composition rules)."""

from springtide.kit.errors import N_, Refusal

LENGTH_MIN = 10
LENGTH_MAX = 200


class WeakPassword(Refusal):
    """A password that is too short, too long, or the e-mail address itself."""

    code = "weak_password"
    text = N_("A password has {min} to {max} characters, four of them different, and is no e-mail.")


def checked_password(password: str, *, email: str) -> str:
    """Return an acceptable password; refuses others (WeakPassword)."""
    monotone = len(set(password)) < 4
    if not LENGTH_MIN <= len(password) <= LENGTH_MAX or monotone or password.lower() == email:
        raise WeakPassword(min=LENGTH_MIN, max=LENGTH_MAX)
    return password
