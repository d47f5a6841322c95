"""Where a launch's readers meet it: the platform's host, or one of the partner's own."""

from urllib.parse import urlsplit, urlunsplit

from tpma.launches.models import Launch
from tpma.launches.rules import EDITABLE


def on_host(base_url: str, host: str) -> str:
    """This installation's address under another name; itself where there is none."""
    if not host:
        return base_url
    parts = urlsplit(base_url)
    port = f":{parts.port}" if parts.port else ""
    return urlunsplit(parts._replace(netloc=f"{host}{port}"))


def base_of(launch: Launch, base_url: str) -> str:
    """What every link, page and picture of the launch begins with, as frozen with it."""
    return base_url if launch.state in EDITABLE else on_host(base_url, launch.link_host)


def page_of(launch: Launch, base_url: str) -> str:
    return f"{base_of(launch, base_url)}/l/{launch.page_slug}"
