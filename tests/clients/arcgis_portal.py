"""The certificates of a portal, by Esri's own client and both of its logins.

Usage: arcgis_portal.py PORTAL MACHINE USER FIXTURES, with the user's password in STRONGROOM_PASSWORD.
Needs the packages `arcgis` and `six` (pip install arcgis six; about 640 MB). `cargo xtask clients` runs it
against a server of its own.
"""

import os
import ssl
import sys
import tempfile
import warnings

warnings.filterwarnings("ignore")

from arcgis.gis import GIS
from arcgis.gis.admin._security import SSLCertificates

from authority import Authority

SUCCESS = {"status": "success"}


def expect(what, found, wanted):
    print(f"{what}: {found}")
    if found != wanted:
        sys.exit(f"{what}: expected {wanted}")


def refused(what, call, *parts):
    """An error that the client raises, with what it says."""
    try:
        found = call()
    except Exception as error:
        for part in parts:
            if part not in str(error):
                sys.exit(f"{what}: {part!r} is not in {error}")
        print(f"{what}: refused: {str(error).splitlines()[0]}")
        return
    sys.exit(f"{what}: expected a refusal, found {found}")


def aliases(manager):
    return sorted(one.properties["aliasName"] for one in manager.list(True))


def main():
    portal, machine, user, fixtures = sys.argv[1:5]
    password = os.environ["STRONGROOM_PASSWORD"]
    fixture = lambda name: os.path.join(fixtures, *name.split("/"))
    www, direct, root = fixture("pkcs12/www.p12"), fixture("pkcs12/www-direct.p12"), fixture("chains/root-rsa.pem")

    for name, options in [("OAuth", {}), ("generateToken", {"use_gen_token": True})]:
        gis = GIS(portal, user, password, verify_cert=False, **options)
        expect(f"signed in by {name}", gis.properties.user.username, user)
        expect("certificates", aliases(gis.admin.security.ssl), ["selfsignedcertificate"])
    refused("a wrong password by OAuth", lambda: GIS(portal, user, "wrong", verify_cert=False), "Invalid username or password")
    refused(
        "a wrong password by generateToken",
        lambda: GIS(portal, user, "wrong", verify_cert=False, use_gen_token=True),
        "Invalid username or password",
    )

    gis = GIS(portal, user, password, verify_cert=False)
    site = gis.admin.security.ssl
    expect("import before its CA", site.import_server_certificate("www", "changeit", www), False)
    expect("import_certificate", site.import_certificate(root, "root", norestart=True), True)
    expect("import without the chain", site.import_server_certificate("www", "changeit", www, False), False)
    expect("import, chain absent", site.import_server_certificate("www", "changeit", www), SUCCESS)
    expect("import, chain true", site.import_server_certificate("shop", "changeit", direct, True), SUCCESS)
    expect("import, chain false", site.import_server_certificate("plain", "changeit", direct, False)["status"], "success")
    expect("a wrong password is no success", site.import_server_certificate("bad", "not the password", www), False)
    expect("the name of an operation is no alias", site.import_server_certificate("update", "changeit", www), False)

    by_machine = SSLCertificates(f"{portal}/portaladmin/machines/{machine}/sslCertificates", gis=gis)
    for manager in (site, by_machine):
        expect("listed", aliases(manager), ["plain", "root", "selfsignedcertificate", "shop", "www", "www_intermediate"])
    one = site.get("www").properties
    expect("entryType", one["entryType"], "PrivateKeyEntry")
    expect("names", list(one["subjectAlternativeNames"]), ["DNSName: www.fixture.test", "DNSName: fixture.test"])

    with tempfile.TemporaryDirectory() as folder:
        path = site.get("www").export(folder)
        with open(path, "rb") as file:
            der = file.read()
        expect("export", os.path.basename(path), "www.cer")
        expect("exported", "BEGIN CERTIFICATE" in ssl.DER_cert_to_PEM_cert(der), True)

    # The certificate of the web server, and back: each is in force when the answer comes.
    address = (portal.split("/")[2].split(":")[0], int(portal.split("/")[2].split(":")[1]))
    shown = lambda: ssl.PEM_cert_to_DER_cert(ssl.get_server_certificate(address))
    listed = site.properties
    before = shown()
    done = site.update("www", listed["sslProtocols"], listed["cipherSuites"], False)
    expect("update", done["status"], "success")
    expect("shown at once", shown() == der, True)
    refused(
        "a CA for the web server",
        lambda: site.update("root", "TLSv1.2,TLSv1.3", listed["cipherSuites"]),
        "A root or intermediate certificate cannot be used as a Web server's SSL certificate",
    )
    refused("an alias that is not there", lambda: site.update("none", "TLSv1.3", listed["cipherSuites"]), "none")
    expect("still shown", shown() == der, True)
    done = site.update("selfsignedcertificate", "TLSv1.2,TLSv1.3", listed["cipherSuites"])
    expect("and back", (done["status"], shown() == before), ("success", True))

    # A key that is made here, its request, and the reply of a CA.
    made = site.generate("made", "made.fixture.test", "Fixtures", alt_name="DNS:made.fixture.test")
    expect("generate", made, True)
    request = site.get("made").generate_csr()
    expect("generate_csr", request.startswith("-----BEGIN NEW CERTIFICATE REQUEST-----\r\n"), True)
    authority = Authority("Clients CA")
    reply = authority.sign(request, "made.fixture.test")
    refused("a reply before its CA", lambda: site.get("made").import_signed_certificate(reply), "no path to an imported authority")
    expect("its CA", site.import_certificate(authority.certificate, "clients-ca", norestart=True), True)
    expect("import_signed_certificate", site.get("made").import_signed_certificate(reply)["status"], "success")
    # The class remembers what it read before.
    again = next(one for one in site.list(True) if one.properties["aliasName"] == "made")
    expect("issuer", again.properties["issuer"], "CN=Clients CA")
    for alias in ["made", "clients-ca"]:
        expect(f"delete {alias}", site.get(alias).delete(), True)

    expect("delete", site.get("plain").delete(), True)
    expect("after delete", aliases(site), ["root", "selfsignedcertificate", "shop", "www", "www_intermediate"])


if __name__ == "__main__":
    main()
