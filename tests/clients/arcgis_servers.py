"""The machine certificates of a GIS, a notebook and a mission server, by Esri's own client.

Usage: arcgis_servers.py PORTAL MACHINE USER FIXTURES, with the user's password in STRONGROOM_PASSWORD, on the store
that arcgis_portal.py leaves. `cargo xtask clients` runs both.
"""

import os
import sys
import warnings

warnings.filterwarnings("ignore")

from arcgis.gis import GIS
from arcgis.gis.mission import MissionServer
from arcgis.gis.nb import NotebookServer
from arcgis.gis.server import Server

from authority import Authority

SUCCESS = {"status": "success"}
BEFORE = ["root", "selfsignedcertificate", "shop", "www", "www_intermediate"]


def expect(what, found, wanted):
    print(f"{what}: {found}")
    if found != wanted:
        sys.exit(f"{what}: expected {wanted}")


def drive(kind, machine, fixtures, key, word):
    """One machine of a server. `key` is what a list is read by, `word` what a delete gives."""
    authority = Authority(f"{kind} CA")
    fixture = lambda name: os.path.join(fixtures, *name.split("/"))
    listed = lambda: sorted(machine.ssl_certificates[key])
    expect(f"{kind}: list", listed(), BEFORE)
    one = machine.ssl_certificate("www")
    expect(f"{kind}: one certificate", (one["aliasName"], one["entryType"]), ("www", "PrivateKeyEntry"))
    again = machine.import_root_certificate(f"{kind}-root", fixture("chains/root-ec.pem"))
    expect(f"{kind}: import_root_certificate", again["status"], "success")
    done = machine.import_existing_server_certificate(f"{kind}-www", "changeit", fixture("pkcs12/www.p12"))
    expect(f"{kind}: import_existing_server_certificate", done["status"], "success")
    wrong = machine.import_existing_server_certificate(f"{kind}-bad", "wrong", fixture("pkcs12/www.p12"))
    expect(f"{kind}: a wrong password", (wrong["status"], "wrong password" in wrong["messages"][0]), ("error", True))
    exported = machine.export_certificate("www")
    expect(f"{kind}: export_certificate", os.path.basename(str(exported)), "www.cer")

    made = f"{kind}-made"
    if hasattr(machine, "create_self_signed_cert"):
        machine.create_self_signed_cert(
            made, "2048", "made.fixture.test", "", "Fixtures", "", "", "", sigalg="SHA256withRSA",
            san="DNS:made.fixture.test",
        )
    else:
        # Its class has no such method; what the others send is the same request.
        machine._con.post(
            f"{machine._url}/sslcertificates/generate",
            {"f": "json", "alias": made, "commonName": "made.fixture.test", "organization": "Fixtures"},
        )
    expect(f"{kind}: made", made in machine.ssl_certificates[key], True)
    request = machine.generate_CSR(made)["certificateSigningRequest"]
    reply = authority.sign(request, "made.fixture.test")
    early = machine.import_CA_signed_certificate(made, reply)
    expect(f"{kind}: a reply before its CA", (early["status"], early["code"]), ("error", 400))
    machine.import_root_certificate(f"{kind}-ca", authority.certificate)
    done = machine.import_CA_signed_certificate(made, reply)
    expect(f"{kind}: import_CA_signed_certificate", done["status"], "success")

    for alias in [made, f"{kind}-ca", f"{kind}-www", f"{kind}-root"]:
        found = machine.delete_certificate(alias)
        expect(f"{kind}: delete_certificate", found, word)
    expect(f"{kind}: afterwards", listed(), BEFORE)


def main():
    portal, name, user, fixtures = sys.argv[1:5]
    password = os.environ["STRONGROOM_PASSWORD"]
    server = Server(url=f"{portal}/admin", username=user, password=password, verify_cert=False)
    drive("server", server.machines.get(name), fixtures, "certificates", "success")

    host = portal.rsplit("/", 1)[0]
    gis = GIS(portal, user, password, verify_cert=False)
    notebook = NotebookServer(f"{host}/notebook/admin", gis)
    drive("notebook", notebook.machine.list()[0], fixtures, "certificates", "success")
    mission = MissionServer(f"{host}/mission/admin", gis)
    drive("mission", mission.machine.list()[0], fixtures, "sslCertificates", "success")


if __name__ == "__main__":
    main()
