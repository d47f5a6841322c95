"""What AWS refuses, in its own words where they are known.

Texts marked "ours" in docs/simulator.md were not seen from the real service.
"""


class Refusal(Exception):
    """An error answer: a code of the service model, its status and a message."""

    def __init__(self, code: str, message: str, status: int = 400) -> None:
        super().__init__(code)
        self.code = code
        self.message = message
        self.status = status


def bad_request(message: str) -> Refusal:
    return Refusal("BadRequestException", message)


def not_found(message: str) -> Refusal:
    return Refusal("NotFoundException", message, 404)


def already_exists(message: str) -> Refusal:
    return Refusal("AlreadyExistsException", message)


def too_many(message: str) -> Refusal:
    return Refusal("TooManyRequestsException", message, 429)


def rejected(message: str) -> Refusal:
    return Refusal("MessageRejected", message)


def paused(message: str) -> Refusal:
    return Refusal("SendingPausedException", message)


RATE = "Maximum sending rate exceeded."
QUOTA = "Daily message quota exceeded."
