"""Certificate authorities and server certificates, made when a test runs."""

import datetime
import ipaddress
import pathlib
import ssl
import warnings

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric import rsa as _rsa
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

DAY = datetime.timedelta(days=1)


def _now():
    return datetime.datetime.now(datetime.timezone.utc).replace(tzinfo=None)


class CertificateAuthority:
    """An authority with its files under `directory`."""

    def __init__(self, directory, name="test authority"):
        self._directory = pathlib.Path(directory)
        self._directory.mkdir(parents=True, exist_ok=True)
        self._key = ec.generate_private_key(ec.SECP256R1())
        self._subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
        self._issued = 0
        usage = x509.KeyUsage(digital_signature=True, key_cert_sign=True, crl_sign=True, content_commitment=False,
                              key_encipherment=False, data_encipherment=False, key_agreement=False,
                              encipher_only=False, decipher_only=False)
        certificate = (self._builder(self._subject, self._key, _now() - DAY, _now() + 30 * DAY)
                       .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
                       .add_extension(usage, critical=True)
                       .add_extension(x509.SubjectKeyIdentifier.from_public_key(self._key.public_key()), critical=False)
                       .sign(self._key, hashes.SHA256()))
        self.ca_file = self._write("ca.pem", certificate.public_bytes(serialization.Encoding.PEM))

    def issue(self, names=("localhost",), ips=(), not_before=None, not_after=None,
              usage=ExtendedKeyUsageOID.SERVER_AUTH, rsa=False):
        """A server certificate for the host names and addresses: (certificate file, key file)."""
        key = _rsa.generate_private_key(public_exponent=65537, key_size=2048) if rsa else \
            ec.generate_private_key(ec.SECP256R1())
        subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "a node")])
        alternatives = [x509.DNSName(name) for name in names]
        alternatives += [x509.IPAddress(ipaddress.ip_address(ip)) for ip in ips]
        builder = (self._builder(subject, key, not_before or _now() - DAY, not_after or _now() + 10 * DAY)
                   .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
                   .add_extension(x509.ExtendedKeyUsage([usage]), critical=False)
                   .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(self._key.public_key()), critical=False))
        if alternatives:
            builder = builder.add_extension(x509.SubjectAlternativeName(alternatives), critical=False)
        certificate = builder.sign(self._key, hashes.SHA256())
        self._issued += 1
        key_pem = key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8,
                                    serialization.NoEncryption())
        return (self._write(f"node-{self._issued}.pem", certificate.public_bytes(serialization.Encoding.PEM)),
                self._write(f"node-{self._issued}.key", key_pem))

    def expired(self, names=("localhost",)):
        """A certificate that ended an hour ago."""
        return self.issue(names, not_before=_now() - 2 * DAY, not_after=_now() - DAY / 24)

    def issue_client(self, name, not_after=None):
        """A client's certificate: (certificate file, key file)."""
        return self.issue([name.replace(" ", "-")], not_before=_now() - 2 * DAY, not_after=not_after,
                          usage=ExtendedKeyUsageOID.CLIENT_AUTH)

    @staticmethod
    def hour_ago():
        return _now() - DAY / 24

    def not_yet_valid(self, names=("localhost",)):
        """A certificate that begins tomorrow."""
        return self.issue(names, not_before=_now() + DAY, not_after=_now() + 2 * DAY)

    def _builder(self, subject, key, not_before, not_after):
        return (x509.CertificateBuilder().subject_name(subject).issuer_name(self._subject)
                .public_key(key.public_key()).serial_number(x509.random_serial_number())
                .not_valid_before(not_before).not_valid_after(not_after))

    def _write(self, name, content):
        path = self._directory / name
        path.write_bytes(content)
        path.chmod(0o600)
        return str(path)


def server_context(files, newest=None, ciphers=None):
    """A server's context for (certificate file, key file); `newest` caps the protocol version."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    if newest is not None:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", DeprecationWarning)
            context.minimum_version = min(newest, ssl.TLSVersion.TLSv1_2)
            context.maximum_version = newest
        if newest < ssl.TLSVersion.TLSv1_2:
            context.set_ciphers("ALL:@SECLEVEL=0")
    if ciphers is not None:
        context.set_ciphers(ciphers)
    context.load_cert_chain(*files)
    return context
