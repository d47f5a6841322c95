"""Variable envelope return paths: the address a bounce comes back to names the attempt.

`b+<attempt>.<mac>@bounce.<domain>`. The mac is keyed, so nobody can report a bounce for a mail
whose bytes they never saw; both parts survive servers that change the case.
"""

import base64
import hmac
import re
from dataclasses import dataclass

from tpma.core.signing import Signer

_MAC_BYTES = 10  # 16 characters of base32
_LOCAL = re.compile(r"b\+([0-9a-f]{32})\.([a-z2-7]{16})")
ATTEMPT = re.compile(r"[0-9a-f]{32}")


@dataclass(frozen=True, slots=True)
class Verp:
    signer: Signer
    domain: str

    def address(self, attempt_id: str, domain: str = "") -> str:
        """The envelope sender of one attempt, named by 32 hexadecimal digits; `domain` is that
        of a partner whose MX leads here."""
        domain = domain or self.domain
        return f"b+{attempt_id}.{self._mac(attempt_id, domain)}@{domain}"

    def attempt(self, address: str) -> str | None:
        """Whose bounce this is; None if the address is none of ours or was made up."""
        local, _at, domain = address.strip().strip("<>").lower().rpartition("@")
        found = _LOCAL.fullmatch(local)
        if not found:
            return None
        attempt_id, mac = found.groups()
        return attempt_id if hmac.compare_digest(mac, self._mac(attempt_id, domain)) else None

    def _mac(self, attempt_id: str, domain: str) -> str:
        """Also over a domain that is not our own: which ones we wrote, the mac alone knows."""
        other = "" if domain.lower() == self.domain.lower() else f"@{domain.lower()}"
        made = self.signer.keyed_hash("verp", attempt_id + other, size=_MAC_BYTES)
        return base64.b32encode(made).decode().lower()
