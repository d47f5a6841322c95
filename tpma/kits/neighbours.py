"""Addresses of other rooms' pages, which this room knows by name only."""

from typing import Any

from flask import current_app, url_for


def address(endpoint: str, **values: Any) -> str:
    """The address of a page, or "" where that room is not installed."""
    return url_for(endpoint, **values) if endpoint in current_app.view_functions else ""
