"""What a browser calls itself, in two words that a person knows."""

_BROWSERS = (
    ("micromessenger", "WeChat"),
    ("edg", "Edge"),
    ("opr/", "Opera"),
    ("firefox", "Firefox"),
    ("fxios", "Firefox"),
    ("chrome", "Chrome"),
    ("crios", "Chrome"),
    ("safari", "Safari"),
)
_SYSTEMS = (
    ("iphone", "iPhone"),
    ("ipad", "iPad"),
    ("android", "Android"),
    ("windows", "Windows"),
    ("mac os", "macOS"),
    ("cros", "ChromeOS"),
    ("linux", "Linux"),
)
_SHOWN_MAX = 40


def agent_name(agent: str) -> str:
    """Return browser and system, such as Chrome · Windows; what is not known is shown as it is.

    >>> agent_name("Mozilla/5.0 (Windows NT 10.0) AppleWebKit/537 Chrome/120 Safari/537 Edg/120")
    'Edge · Windows'
    >>> agent_name("curl/8.5")
    'curl/8.5'
    """
    told = agent.lower()
    found = [
        next((name for sign, name in signs if sign in told), "") for signs in (_BROWSERS, _SYSTEMS)
    ]
    return " · ".join(filter(None, found)) or agent[:_SHOWN_MAX]
