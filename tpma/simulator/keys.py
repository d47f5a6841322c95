"""An authority of our own: it signs the certificate of the SNS topics and that of the TLS door."""

import base64
import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.x509.oid import NameOID

_YEARS = timedelta(days=3650)
PrivateKey = ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey


@dataclass(frozen=True)
class Keys:
    folder: Path
    signing: rsa.RSAPrivateKey
    certificate: bytes  # PEM, of the signing key

    @property
    def certificate_path(self) -> str:
        """As SNS names it: 32 hex digits of the certificate."""
        name = hashlib.sha256(self.certificate).hexdigest()[:32]
        return f"/SimpleNotificationService-{name}.pem"

    def sign(self, text: str, version: str) -> str:
        digest = hashes.SHA256() if version == "2" else hashes.SHA1()
        made = self.signing.sign(text.encode(), padding.PKCS1v15(), digest)
        return base64.b64encode(made).decode()


def keys(home: Path, region: str, now: float) -> Keys:
    """Those of this home, made at the first start."""
    folder = home / "keys"
    if not (folder / "sns.pem").exists():
        folder.mkdir(mode=0o700, exist_ok=True)
        _make(folder, region, now)
    key = serialization.load_pem_private_key((folder / "sns.key").read_bytes(), None)
    if not isinstance(key, rsa.RSAPrivateKey):
        raise ValueError(f"{folder}/sns.key must be an RSA key; remove {folder} to make new ones")
    return Keys(folder, key, (folder / "sns.pem").read_bytes())


def _make(folder: Path, region: str, now: float) -> None:
    sns_host = f"sns.{region}.amazonaws.com"
    root = ec.generate_private_key(ec.SECP256R1())
    authority = _authority(root, now)
    door = ec.generate_private_key(ec.SECP256R1())
    names = [x509.DNSName("localhost"), x509.DNSName(sns_host)]
    hosts = [*names, *(x509.IPAddress(ip_address(each)) for each in ("127.0.0.1", "::1"))]
    door_certificate = _leaf(door, sns_host, root, authority, now, hosts)
    signing = rsa.generate_private_key(65537, 2048)
    signing_certificate = _leaf(signing, sns_host, root, authority, now, names[1:])
    (folder / "ca.pem").write_bytes(_pem(authority))
    _write_private(folder / "tls.key", door)
    (folder / "tls.pem").write_bytes(_pem(door_certificate) + _pem(authority))
    _write_private(folder / "sns.key", signing)
    (folder / "sns.pem").write_bytes(_pem(signing_certificate))  # last: it says all is there


def _authority(key: ec.EllipticCurvePrivateKey, now: float) -> x509.Certificate:
    name = _name("tpma simulator authority")
    return (
        _begun(name, name, key.public_key(), now)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(_usage(certificates=True), critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        .sign(key, hashes.SHA256())
    )


def _leaf(
    key: PrivateKey,
    subject: str,
    root: ec.EllipticCurvePrivateKey,
    authority: x509.Certificate,
    now: float,
    names: Sequence[x509.GeneralName],
) -> x509.Certificate:
    issuer = x509.AuthorityKeyIdentifier.from_issuer_public_key(root.public_key())
    return (
        _begun(_name(subject), authority.subject, key.public_key(), now)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(x509.SubjectAlternativeName(names), critical=False)
        .add_extension(_usage(certificates=False), critical=True)
        .add_extension(issuer, critical=False)
        .sign(root, hashes.SHA256())
    )


def _begun(
    subject: x509.Name,
    issuer: x509.Name,
    key: ec.EllipticCurvePublicKey | rsa.RSAPublicKey,
    now: float,
) -> x509.CertificateBuilder:
    moment = datetime.fromtimestamp(now, UTC)
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key)
        .serial_number(x509.random_serial_number())
        .not_valid_before(moment - timedelta(days=1))
        .not_valid_after(moment + _YEARS)
    )


def _usage(*, certificates: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=not certificates,
        key_cert_sign=certificates,
        crl_sign=certificates,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        encipher_only=False,
        decipher_only=False,
    )


def _name(text: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, text)])


def _pem(certificate: x509.Certificate) -> bytes:
    return certificate.public_bytes(serialization.Encoding.PEM)


def _write_private(path: Path, key: PrivateKey) -> None:
    path.touch(mode=0o600)
    path.write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
    )
