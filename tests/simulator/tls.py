"""A certificate for loopback, made when asked for, so that no key lies in the repository."""

from __future__ import annotations

import os
import ssl
import subprocess
import tempfile


class Certificate:
    """`wrong-name` is for another host. Trust is the client's business: hand it `ca_file`, or do not."""

    def __init__(self, kind: str = "good") -> None:
        if kind not in ("good", "wrong-name"):
            raise ValueError("a certificate is good or wrong-name")
        self._directory = tempfile.TemporaryDirectory(prefix="taskbell-tls-")
        self.ca_file = os.path.join(self._directory.name, "ca.pem")
        key = os.path.join(self._directory.name, "key.pem")
        names = "DNS:localhost,IP:127.0.0.1" if kind == "good" else "DNS:elsewhere.invalid"
        subprocess.run(
            ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1",
             "-nodes", "-days", "2", "-subj", "/CN=simulator", "-addext", f"subjectAltName={names}",
             "-keyout", key, "-out", self.ca_file],
            check=True, stdin=subprocess.DEVNULL, capture_output=True,
        )
        self.context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self.context.load_cert_chain(self.ca_file, key)

    def remove(self) -> None:
        self._directory.cleanup()
