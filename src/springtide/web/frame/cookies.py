"""How every cookie of ours goes out: with https it is for this host alone and never sent plain."""

from springtide.bootstrap import House

_HOST = "__Host-"


def is_https(house: House) -> bool:
    """Tell whether people reach the pages by https."""
    return house.settings.public_url.startswith("https://")


def cookie_name(house: House, name: str) -> str:
    """Return the name under which a cookie is kept; with https no other host can plant it."""
    return f"{_HOST}{name}" if is_https(house) else name


def as_sent(value: bytes, house: House) -> bytes:
    """Return a Set-Cookie header's value as it leaves: with https named for its host, and Secure.

    Every cookie of ours has the path ``/`` and no domain, as such a name asks for.
    """
    if not is_https(house):
        return value
    if not value.startswith(_HOST.encode()):
        value = _HOST.encode() + value
    attributes = {part.strip().lower() for part in value.split(b";")[1:]}
    return value if b"secure" in attributes else value + b"; Secure"
