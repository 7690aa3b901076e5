"""Imports a root and a server certificate with Esri's own client, and lists them.

Usage: arcgis_import.py PORTAL MACHINE USER FIXTURES, with the user's password in STRONGROOM_PASSWORD.
Needs the packages `arcgis` and `six` (pip install arcgis six; about 640 MB). `cargo xtask clients` runs it
against a server of its own.
"""

import os
import sys
import warnings

warnings.filterwarnings("ignore")

from arcgis.gis import GIS
from arcgis.gis.admin._security import SSLCertificates


def expect(what, found, wanted):
    print(f"{what}: {found}")
    if found != wanted:
        sys.exit(f"{what}: expected {wanted}")


def main():
    portal, machine, user, fixtures = sys.argv[1:5]
    gis = GIS(portal, user, os.environ["STRONGROOM_PASSWORD"], use_gen_token=True, verify_cert=False)
    print("signed in as", gis.properties.user.username)

    site = gis.admin.security.ssl
    root = os.path.join(fixtures, "chains", "root-rsa.pem")
    expect("import_certificate", site.import_certificate(root, "root", norestart=True), True)
    www = os.path.join(fixtures, "pkcs12", "www.p12")
    expect("import_server_certificate", site.import_server_certificate("www", "changeit", www), {"status": "success"})
    refused = site.import_server_certificate("bad", "not the password", www)
    expect("a wrong password is no success", refused, False)

    by_machine = SSLCertificates(f"{portal}/portaladmin/machines/{machine}/sslCertificates", gis=gis)
    shop = os.path.join(fixtures, "pkcs12", "www-direct.p12")
    expect("by machine", by_machine.import_server_certificate("shop", "changeit", shop, True), {"status": "success"})

    listed = sorted(c.properties["aliasName"] for c in site.list())
    expect("listed", listed, ["root", "selfsignedcertificate", "shop", "www", "www_intermediate"])
    one = next(c for c in site.list() if c.properties["aliasName"] == "www").properties
    expect("entryType", one["entryType"], "PrivateKeyEntry")
    expect("names", list(one["subjectAlternativeNames"]), ["DNSName: www.fixture.test", "DNSName: fixture.test"])


if __name__ == "__main__":
    main()
