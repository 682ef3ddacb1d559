"""Network addresses: whom one address stands for when tries are counted."""

from ipaddress import IPv6Address, ip_address, ip_network

_LENGTH_MAX = 64


def network_of(address: str) -> str:
    """Return whom an address stands for: itself for IPv4, its /64 for IPv6.

    A household or a rented machine has a whole /64, so that counting single IPv6 addresses counts
    nothing. What is no address (a socket's path) stands for itself.

    >>> network_of("192.0.2.7"), network_of("2001:db8::1"), network_of("::ffff:192.0.2.7")
    ('192.0.2.7', '2001:db8::/64', '192.0.2.7')
    """
    try:
        read = ip_address(address)
    except ValueError:
        return address[:_LENGTH_MAX]
    if isinstance(read, IPv6Address):
        if read.ipv4_mapped:
            return str(read.ipv4_mapped)
        return str(ip_network((int(read), 64), strict=False))
    return str(read)
