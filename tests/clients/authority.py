"""A CA of its own for the clients' scripts, made with the program openssl."""

import os
import subprocess
import tempfile


class Authority:
    """Signs certificate requests. Its files go with it."""

    def __init__(self, name):
        self.folder = tempfile.TemporaryDirectory()
        self.certificate = self.path("ca.pem")
        self._run(
            "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "30",
            "-subj", f"/CN={name}", "-keyout", self.path("ca.key"), "-out", self.certificate,
        )

    def path(self, name):
        return os.path.join(self.folder.name, name)

    def sign(self, request, host):
        """The path of a certificate for `host` with the key of the request."""
        with open(self.path("request.pem"), "w", newline="") as file:
            file.write(request)
        with open(self.path("extensions"), "w") as file:
            file.write(f"subjectAltName=DNS:{host}\nextendedKeyUsage=serverAuth\nbasicConstraints=critical,CA:FALSE\n")
        reply = self.path("reply.pem")
        self._run(
            "x509", "-req", "-in", self.path("request.pem"), "-CA", self.certificate, "-CAkey", self.path("ca.key"),
            "-CAcreateserial", "-days", "20", "-extfile", self.path("extensions"), "-out", reply,
        )
        return reply

    def _run(self, *arguments):
        subprocess.run(["openssl", *arguments], check=True, capture_output=True)
