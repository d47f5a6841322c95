"""Networks of data centres and mail security vendors (BOT-06)."""


def is_listed(_address: str) -> bool:
    return False
