"""The cluster's own certificate authority and the certificate that its nodes share; made once, renewed in time."""

import datetime
import ipaddress
import os

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

CA_DAYS, SERVER_DAYS, RENEW_DAYS = 3650, 365, 30
HOST = "localhost"


def _now():
    return datetime.datetime.now(datetime.timezone.utc).replace(tzinfo=None, microsecond=0)


def _write(path, data, mode):
    # Made with its mode from the first byte on, and put in place whole.
    temporary = path.with_name(path.name + ".new")
    temporary.unlink(missing_ok=True)
    with os.fdopen(os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode), "wb") as file:
        file.write(data)
    temporary.replace(path)


def _write_pair(directory, name, key, certificate):
    _write(directory / f"{name}.key",
           key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8,
                             serialization.NoEncryption()), 0o600)
    _write(directory / f"{name}.crt", certificate.public_bytes(serialization.Encoding.PEM), 0o644)


def _days_left(path):
    try:
        certificate = x509.load_pem_x509_certificate(path.read_bytes())
    except (OSError, ValueError):
        return -1
    # not_valid_after is deprecated where not_valid_after_utc exists; Debian 12 has only the first.
    end = getattr(certificate, "not_valid_after_utc", None)
    end = end.replace(tzinfo=None) if end else certificate.not_valid_after
    return (end - _now()).days


def _builder(subject, issuer, public_key, days):
    now = _now()
    return (x509.CertificateBuilder().subject_name(subject).issuer_name(issuer).public_key(public_key)
            .serial_number(x509.random_serial_number())
            .not_valid_before(now - datetime.timedelta(hours=1)).not_valid_after(now + datetime.timedelta(days=days)))


def _key_usage(**used):
    names = ("digital_signature", "content_commitment", "key_encipherment", "data_encipherment", "key_agreement",
             "key_cert_sign", "crl_sign", "encipher_only", "decipher_only")
    return x509.KeyUsage(**{name: used.get(name, False) for name in names})


def _make_ca(directory):
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "customerd local CA")])
    certificate = (_builder(name, name, key.public_key(), CA_DAYS)
                   .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
                   .add_extension(_key_usage(key_cert_sign=True, crl_sign=True), critical=True)
                   .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
                   .sign(key, hashes.SHA256()))
    _write_pair(directory, "ca", key, certificate)


def _make_server(directory):
    ca_key = serialization.load_pem_private_key((directory / "ca.key").read_bytes(), None)
    ca = x509.load_pem_x509_certificate((directory / "ca.crt").read_bytes())
    key = ec.generate_private_key(ec.SECP256R1())
    names = [x509.DNSName(HOST), x509.IPAddress(ipaddress.ip_address("127.0.0.1")),
             x509.IPAddress(ipaddress.ip_address("::1"))]
    certificate = (_builder(x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, HOST)]), ca.subject, key.public_key(),
                            SERVER_DAYS)
                   .add_extension(x509.SubjectAlternativeName(names), critical=False)
                   .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
                   .add_extension(_key_usage(digital_signature=True), critical=True)
                   # Nodes are clients of each other, too.
                   .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH,
                                                         ExtendedKeyUsageOID.CLIENT_AUTH]), critical=False)
                   .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(ca_key.public_key()), critical=False)
                   .sign(ca_key, hashes.SHA256()))
    _write_pair(directory, "server", key, certificate)


def ensure(directory):
    """Makes what is missing or ends soon: ca.crt, ca.key, server.crt, server.key."""
    if _days_left(directory / "ca.crt") < RENEW_DAYS or not (directory / "ca.key").exists():
        _make_ca(directory)
        (directory / "server.crt").unlink(missing_ok=True)
    if _days_left(directory / "server.crt") < RENEW_DAYS or not (directory / "server.key").exists():
        _make_server(directory)
