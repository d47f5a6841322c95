"""Sending domains where mail leaves by SMTP: there is no provider to ask, only DNS.

The return path lies below the partner's domain, so SPF is aligned; its MX leads to this
installation's own bounce domain, so bounces come where they are read.
"""

import base64
from dataclasses import dataclass

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

from tpma.core.errors import Invalid
from tpma.ports.identities import DomainSpec, IdentityState, Record, TenantSpec, TenantState


@dataclass(frozen=True, slots=True)
class DkimKey:
    """The public half of the key we sign with."""

    selector: str
    public: str  # base64 of the SubjectPublicKeyInfo, as DNS has it
    bits: int

    @classmethod
    def of(cls, selector: str, pem: bytes) -> "DkimKey":
        """Raises Invalid for what is no RSA key."""
        try:
            key = serialization.load_pem_private_key(pem, password=None)
        except (ValueError, TypeError) as error:
            raise Invalid(f"TPMA_DKIM_KEY_FILE: {error}") from error
        if not isinstance(key, rsa.RSAPrivateKey):
            raise Invalid("TPMA_DKIM_KEY_FILE: an RSA key is needed")
        spki = key.public_key().public_bytes(
            serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo
        )
        return cls(selector, base64.b64encode(spki).decode(), key.key_size)


class SmtpIdentities:
    name = "smtp"

    def __init__(self, *, bounce_domain: str, spf_include: str, key: DkimKey | None) -> None:
        """Without a key the relay signs, and only a test mail can tell how."""
        self._bounces, self._include, self._key = bounce_domain, spf_include, key

    has_tenants = False

    def ensure_tenant(self, tenant: TenantSpec) -> TenantState | None:
        return None

    def ensure_identity(self, spec: DomainSpec) -> IdentityState:
        own = spec.tenant is None and spec.domain == self._bounces.removeprefix("bounce.")
        back = self._bounces if own else f"bounce.{spec.domain}"
        key = self._key
        return IdentityState(
            domain=spec.domain,
            records=tuple(self._records(spec.domain, back)),
            dkim_domain=spec.domain if key else "",
            dkim_bits=key.bits if key else 0,
            mail_from=back,
        )

    def check_identity(self, spec: DomainSpec) -> IdentityState:
        return self.ensure_identity(spec)

    def set_tenant_sending(self, tenant: TenantState, enabled: bool) -> None:
        """There is nobody to tell; our own lanes stop what has to stop."""

    def teardown(self, domain: str) -> None:
        """Nobody knew the domain but us."""

    def _records(self, domain: str, back: str) -> list[Record]:
        found = []
        if self._key is not None:
            name = f"{self._key.selector}._domainkey.{domain}"
            found.append(Record("dkim", "TXT", name, f"v=DKIM1; k=rsa; p={self._key.public}"))
        if back == self._bounces:  # the platform's own: its MX leads wherever the operator reads
            return found
        return [
            *found,
            Record("return_path", "MX", back, f"10 {self._bounces}"),
            Record("spf", "TXT", back, f"v=spf1 include:{self._include} -all"),
        ]
