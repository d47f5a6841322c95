"""DKIM signatures of our own (RFC 6376), for relays that do not sign for us.

The header list is ours: dkimpy's own leaves List-Unsubscribe-Post out, without which receivers
honour no one-click unsubscribe (RFC 8058). Date and Message-ID stay out since relays rewrite them.
"""

from dataclasses import dataclass, field

import dkim

from tpma.adapters.mail_checks import header_names
from tpma.core.errors import Invalid

# Signed as often as they stand, and once more: a second one added on the way breaks the signature.
_SEALED = (
    b"from",
    b"to",
    b"subject",
    b"reply-to",
    b"list-unsubscribe",
    b"list-unsubscribe-post",
)
_SIGNED = (
    b"mime-version",
    b"content-type",
    b"content-transfer-encoding",
    b"list-id",
    b"feedback-id",
    b"x-tpma-code",
    b"x-tpma-attempt",
)
_TRIAL = b"From: a@b.example\r\n\r\nx\r\n"


@dataclass(frozen=True, slots=True)
class DkimSigner:
    """Signs for `domain`, whose DNS shows the public key at `<selector>._domainkey`."""

    domain: str
    selector: str
    key: bytes = field(repr=False)  # PEM, RSA

    def __post_init__(self) -> None:
        """Raises Invalid for a key that cannot sign."""
        self(_TRIAL, f"a@{self.domain}")

    def __call__(self, raw: bytes, mail_from: str, domain: str = "") -> bytes:
        """The mail with its signature on top; unchanged if it comes from somebody else's domain.

        `domain` is a partner's whose DNS shows the key too. Raises Invalid if it cannot be signed.
        """
        signing = domain or self.domain
        if not f".{mail_from.rpartition('@')[2]}".lower().endswith(f".{signing}".lower()):
            return raw
        names = header_names(raw)
        included = [name for name in _SIGNED if name in names]
        for name in _SEALED:
            included += [name] * (names.count(name) + 1)
        try:
            signature = dkim.sign(
                raw,
                self.selector.encode("ascii"),
                signing.encode("ascii"),
                self.key,
                canonicalize=(b"relaxed", b"relaxed"),
                include_headers=included,
            )
        except (dkim.DKIMException, ValueError) as error:
            raise Invalid(f"DKIM: {error}", field="dkim_key_file") from error
        return bytes(signature) + raw
