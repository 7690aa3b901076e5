"""The whole life of a certificate in the directory, in a real browser, with a mistake at each step.

life.py URL FIXTURES CERTIFICATE [SCREENSHOTS]

URL is that of `strongroom serve`, FIXTURES the folder of the fixtures, CERTIFICATE the SHA-256 of the server's public
key in base64, which the browser trusts instead of a CA. The password of the administrator `siteadmin`, and of
`auditor`, who may only look, is in STRONGROOM_PASSWORD, the browser in STRONGROOM_CHROMIUM. With SCREENSHOTS, the pages that the documentation shows
are kept there as images.

Every page is looked at in three widths, light and dark: nothing wider than the window, nothing on the console, and no
violation for axe-core.
"""

import os
import pathlib
import sys

from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import expect, sync_playwright

URL, FIXTURES, KEY = sys.argv[1], pathlib.Path(sys.argv[2]), sys.argv[3]
SHOTS = pathlib.Path(sys.argv[4]) if len(sys.argv) > 4 else None
PASSWORD = os.environ["STRONGROOM_PASSWORD"]
CHROMIUM = os.environ.get("STRONGROOM_CHROMIUM", "/usr/bin/chromium")
FILE_PASSWORD = "changeit"
WIDTHS = (1280, 1024, 390)
# The images that the documentation shows; STRONGROOM_EVERY_PAGE keeps all.
SHOWN = {
    "home-broken-1280-light", "list-1280-light", "certificate-replaced-1280-light", "replace-1280-light",
    "import-error-390-light", "certificate-390-dark",
}

AXE = Axe()
problems = []
seen = set()


def check(condition, words):
    if not condition:
        raise AssertionError(words)


def look(page, name):
    """Looks at a page as it is now. Once for each name."""
    if name in seen:
        return
    seen.add(name)
    for scheme in ("light", "dark"):
        page.emulate_media(color_scheme=scheme)
        for width in WIDTHS:
            page.set_viewport_size({"width": width, "height": 900})
            wide = page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")
            if wide > 0:
                problems.append(f"{name}: {wide} px too wide at {width}")
            cut = page.evaluate(
                """() => Array.from(document.querySelectorAll("main *")).filter((one) =>
                    one.clientWidth > 1 && one.scrollWidth > one.clientWidth + 1 &&
                    !["INPUT", "SELECT", "PRE"].includes(one.tagName)).map((one) => one.outerHTML.slice(0, 80))"""
            )
            if cut:
                problems.append(f"{name}: cut at {width}: {cut}")
            if width != 1024:
                for violation in AXE.run(page).response["violations"]:
                    where = [node["target"] for node in violation["nodes"]]
                    problems.append(f"{name}, {scheme}, {width}: {violation['id']}: {violation['help']}: {where}")
            image = f"{name}-{width}-{scheme}"
            if SHOTS and (image in SHOWN or "STRONGROOM_EVERY_PAGE" in os.environ):
                page.screenshot(path=SHOTS / f"{image}.png", full_page=True)
    page.emulate_media(color_scheme="light")
    page.set_viewport_size({"width": 1280, "height": 900})


def title_is(page, title):
    expect(page).to_have_title(f"{title} · Strongroom")


def says_beside(page, field, words):
    """The reason stands beside the field, which has the focus and is marked."""
    control = page.locator(f"#{field}")
    expect(control).to_have_attribute("aria-invalid", "true")
    expect(control).to_be_focused()
    check(page.title().startswith("Error: "), page.title())
    beside = page.locator(f"#{field}-problem")
    expect(beside).to_contain_text(words)
    check(f"{field}-problem" in control.get_attribute("aria-describedby"), "the reason describes the field")


def sign_in(page):
    page.goto(URL)
    title_is(page, "Sign in")
    look(page, "sign-in")
    page.get_by_label("User name").fill("siteadmin")
    page.get_by_label("Password").fill("wrong")
    page.get_by_role("button", name="Sign in").click()
    says_beside(page, "password", "Invalid username or password")
    expect(page.get_by_label("User name")).to_have_value("siteadmin")
    look(page, "sign-in-error")
    page.get_by_label("Password").fill(PASSWORD)
    page.keyboard.press("Enter")
    title_is(page, "Overview")


def import_root(page):
    look(page, "home-empty")
    page.get_by_role("link", name="Import a CA certificate").click()
    title_is(page, "Import root or intermediate certificate")
    look(page, "import-root")
    page.get_by_label("Alias", exact=True).fill("root")
    page.get_by_label("Certificate file").set_input_files(FIXTURES / "manifest.toml")
    page.get_by_role("button", name="Import").click()
    says_beside(page, "file", "Importing CA certificate failed")
    expect(page.get_by_label("Alias", exact=True)).to_have_value("root")
    look(page, "import-root-error")
    page.get_by_label("Certificate file").set_input_files(FIXTURES / "chains/root-rsa.pem")
    page.get_by_role("button", name="Import").click()
    title_is(page, "Imported")
    look(page, "imported-root")


def import_server(page):
    page.get_by_role("link", name="Certificates").first.click()
    page.get_by_role("link", name="Import a server certificate").click()
    title_is(page, "Import existing server certificate")
    look(page, "import")
    page.get_by_label("Alias", exact=True).fill("www")
    page.get_by_label("Certificate file").set_input_files(FIXTURES / "pkcs12/www.p12")
    page.get_by_label("Certificate password").fill("wrong")
    page.get_by_role("button", name="Import").click()
    says_beside(page, "password", "wrong password")
    expect(page.get_by_label("Alias", exact=True)).to_have_value("www")
    expect(page.get_by_label("Import certificate chain")).to_be_checked()
    look(page, "import-error")
    # An alias that an operation has: the browser lets it pass, the server does not.
    page.get_by_label("Alias", exact=True).fill("root")
    drop(page, FIXTURES / "pkcs12/www.p12")
    page.get_by_label("Certificate password").fill(FILE_PASSWORD)
    page.get_by_role("button", name="Import").click()
    says_beside(page, "alias", "taken by another entry")
    page.get_by_label("Alias", exact=True).fill("www")
    drop(page, FIXTURES / "pkcs12/www.p12")
    page.get_by_label("Certificate password").fill(FILE_PASSWORD)
    page.get_by_role("button", name="Import").click()
    title_is(page, "Imported")
    expect(page.get_by_role("link", name="www_intermediate")).to_be_visible()
    look(page, "imported")


def drop(page, path):
    """Drops a file on the page, beside the field."""
    data = page.evaluate_handle(
        """(bytes) => {
            const data = new DataTransfer();
            data.items.add(new File([new Uint8Array(bytes)], "dropped.p12"));
            return data;
        }""",
        list(path.read_bytes()),
    )
    page.dispatch_event("h1", "dragover", {"dataTransfer": data})
    expect(page.locator("body")).to_have_class("dropping")
    page.dispatch_event("h1", "drop", {"dataTransfer": data})
    check(page.locator("#file").evaluate("(field) => field.files[0].name") == "dropped.p12", "the file is there")


def see(page):
    page.get_by_role("link", name="Strongroom").click()
    title_is(page, "Overview")
    look(page, "home")
    page.get_by_role("link", name="Certificates").first.click()
    title_is(page, "Certificates")
    look(page, "list")
    page.get_by_label("Find").press_sequentially("inter")
    expect(page.get_by_role("row")).to_have_count(2)
    page.get_by_label("Find").fill("nobody has this")
    page.keyboard.press("Enter")
    expect(page.get_by_text("Nothing matches.")).to_be_visible()
    look(page, "list-empty")
    page.get_by_role("link", name="Show all certificates").click()
    page.get_by_role("link", name="Expires").click()
    expect(page.locator("th[aria-sort=ascending]")).to_have_text("Expires")
    page.get_by_label("Type").select_option("server")
    page.get_by_role("button", name="Filter").click()
    page.get_by_role("link", name="www", exact=True).click()
    title_is(page, "www")
    look(page, "certificate")


def replace(page):
    page.get_by_label("Certificate file").set_input_files(FIXTURES / "chains/root-rsa.pem")
    page.get_by_label("Certificate password").fill(FILE_PASSWORD)
    page.get_by_role("button", name="Check and compare").click()
    says_beside(page, "file", "")
    title_is(page, "Error: Replace www")
    look(page, "replace-error")
    page.get_by_label("Certificate file").set_input_files(FIXTURES / "pkcs12/www-direct.p12")
    page.get_by_label("Certificate password").fill(FILE_PASSWORD)
    page.get_by_role("button", name="Check and compare").click()
    title_is(page, "Replace www?")
    expect(page.get_by_text("another key")).to_be_visible()
    expect(page.get_by_role("button", name="Replace www")).to_be_focused()
    look(page, "replace")
    page.get_by_role("button", name="Replace www").click()
    title_is(page, "Imported")
    expect(page.get_by_text("the former version is kept")).to_be_visible()
    page.get_by_role("link", name="www", exact=True).click()
    expect(page.get_by_text("Version 2", exact=True)).to_be_visible()
    look(page, "certificate-replaced")


def export(page):
    with page.expect_download() as download:
        page.get_by_role("link", name="Download the certificate").click()
    check(download.value.suggested_filename == "www.cer", download.value.suggested_filename)
    page.get_by_role("link", name="Export with the private key").click()
    title_is(page, "Export www with its private key")
    look(page, "export")
    page.get_by_label("Password for the file").fill("a new password")
    page.get_by_label("Your own password").fill("wrong")
    page.get_by_role("button", name="Export").click()
    says_beside(page, "currentPassword", "your own password is wrong")
    look(page, "export-error")
    page.get_by_label("Password for the file").fill("a new password")
    page.get_by_label("Your own password").fill(PASSWORD)
    with page.expect_download() as download:
        page.get_by_role("button", name="Export").click()
    check(download.value.suggested_filename == "www.p12", download.value.suggested_filename)
    bytes = pathlib.Path(download.value.path()).read_bytes()
    check(bytes[:2] == b"\x30\x82", "a PFX in DER")
    page.get_by_role("link", name="Cancel").click()


def generate(page):
    """A key and its request."""
    page.get_by_role("link", name="Certificates").first.click()
    page.get_by_role("link", name="Generate").click()
    title_is(page, "Generate a certificate")
    look(page, "generate")
    page.get_by_label("Alias", exact=True).fill("fresh")
    page.get_by_label("Host name").fill("fresh.fixture.test")
    page.get_by_label("Further names").fill("alt.fixture.test, not a name")
    page.get_by_label("Key").select_option("p256")
    page.get_by_role("button", name="Generate").click()
    says_beside(page, "san", "not a name")
    expect(page.get_by_label("Key")).to_have_value("p256")
    look(page, "generate-error")
    page.get_by_label("Further names").fill("alt.fixture.test, 192.0.2.7")
    page.get_by_label("Valid for").fill("100000")
    page.get_by_role("button", name="Generate").click()
    says_beside(page, "validity", "100000 days")
    page.get_by_label("Valid for").fill("30")
    page.get_by_text("More options").click()
    page.get_by_label("Country").fill("Utopia")
    page.get_by_role("button", name="Generate").click()
    says_beside(page, "country", "Utopia")
    page.get_by_label("Country").fill("DE")
    page.get_by_role("button", name="Generate").click()
    title_is(page, "Generated")
    look(page, "generated")
    page.get_by_role("link", name="To the certificate").click()
    title_is(page, "fresh")
    page.get_by_role("link", name="Certificate signing request").click()
    title_is(page, "Certificate signing request for fresh")
    for name in ("fresh.fixture.test", "alt.fixture.test", "192.0.2.7"):
        expect(page.get_by_text(name, exact=True)).to_be_visible()
    look(page, "signing-request")
    shown = page.locator("pre").inner_text()
    with page.expect_download() as download:
        page.get_by_role("link", name="Download fresh.csr").click()
    check(download.value.suggested_filename == "fresh.csr", download.value.suggested_filename)
    text = pathlib.Path(download.value.path()).read_text()
    check(text.startswith("-----BEGIN CERTIFICATE REQUEST-----"), text)
    # Signed anew, with the same subject and key before the signature.
    check(text.splitlines()[2:5] == shown.splitlines()[2:5], shown)
    page.get_by_role("link", name="Import the reply of the CA").click()
    title_is(page, "Import the signed certificate for fresh")
    look(page, "signed")
    page.get_by_label("Certificate file").set_input_files(FIXTURES / "chains/root-rsa.pem")
    page.get_by_role("button", name="Import").click()
    says_beside(page, "file", "")


def web_server(page):
    """What the server itself shows. The browser trusts its first key alone, so that it goes back to that at once."""
    page.get_by_role("link", name="Certificates").first.click()
    page.get_by_role("link", name="fresh", exact=True).click()
    page.get_by_role("button", name="Make it the web server").click()
    title_is(page, "Updated")
    expect(page.get_by_text("the web server shows the certificate fresh")).to_be_visible()
    look(page, "updated")
    page.get_by_role("button", name="Show selfsignedcertificate again").click()
    title_is(page, "Updated")
    expect(page.get_by_text("shows the certificate selfsignedcertificate")).to_be_visible()
    page.get_by_role("link", name="Strongroom").click()
    page.get_by_role("link", name="Web server").click()
    title_is(page, "Web server")
    expect(page.get_by_label("Certificate", exact=True)).to_have_value("selfsignedcertificate")
    look(page, "web-server")
    # An alias that is none; what is ticked stays.
    page.get_by_label("Certificate", exact=True).fill("nobody")
    page.get_by_label("TLS_CHACHA20_POLY1305_SHA256").uncheck()
    page.get_by_role("button", name="Save").click()
    says_beside(page, "webServerCertificateAlias", "nobody")
    expect(page.get_by_label("TLS_CHACHA20_POLY1305_SHA256")).not_to_be_checked()
    page.get_by_label("Certificate", exact=True).fill("root")
    page.get_by_role("button", name="Save").click()
    says_beside(page, "webServerCertificateAlias", "root or intermediate certificate cannot be used")
    page.get_by_label("Certificate", exact=True).fill("selfsignedcertificate")
    for version in ("TLSv1.2", "TLSv1.3"):
        page.get_by_label(version).uncheck()
    page.get_by_role("button", name="Save").click()
    title_is(page, "Error: Web server")
    expect(page.locator("#sslProtocols")).to_be_focused()
    expect(page.locator("#sslProtocols-problem")).to_contain_text("no protocol is given")
    look(page, "web-server-error")
    page.get_by_label("TLSv1.3").check()
    page.get_by_label("Tell browsers to come by HTTPS alone").check()
    page.get_by_role("button", name="Save").click()
    title_is(page, "Updated")
    expect(page.get_by_text("It offers TLSv1.3 with 8 cipher suites, and tells browsers")).to_be_visible()
    page.get_by_role("link", name="Strongroom").click()
    page.get_by_role("link", name="Web server").click()
    expect(page.get_by_label("TLSv1.2")).not_to_be_checked()
    page.get_by_label("TLSv1.2").check()
    page.get_by_label("TLS_CHACHA20_POLY1305_SHA256").check()
    page.get_by_label("Tell browsers to come by HTTPS alone").uncheck()
    page.get_by_role("button", name="Save").click()
    expect(page.get_by_text("It offers TLSv1.2 and TLSv1.3 with 9 cipher suites, and does not use HSTS")).to_be_visible()
    page.goto(URL.replace("/portaladmin", "/admin"))
    page.get_by_role("link", name="TLS settings").click()
    title_is(page, "Web server")
    look(page, "server-tls")
    page.go_back()
    page.get_by_role("link", name="Web server").click()
    title_is(page, "Web server")
    look(page, "server-edit")
    page.goto(URL)


def roll_back(page):
    page.goto(page.url + "/rollBack?version=99")
    title_is(page, "Error 400")
    look(page, "error")
    page.go_back()
    page.get_by_role("link", name="Roll back to version 1").click()
    title_is(page, "Roll www back to version 1?")
    look(page, "roll-back")
    page.get_by_role("button", name="Roll back").click()
    title_is(page, "Rolled back")
    look(page, "done")
    page.get_by_role("link", name="To the certificate").click()
    expect(page.get_by_text("the content of version 1")).to_be_visible()


def delete(page):
    page.get_by_role("link", name="Certificates").first.click()
    page.get_by_role("link", name="root", exact=True).click()
    page.get_by_role("link", name="Delete").click()
    title_is(page, "Delete root?")
    expect(page.get_by_text("www loses its chain.")).to_be_visible()
    look(page, "delete")
    # Without the tick the browser sends nothing; without the browser's care the server refuses.
    page.get_by_role("button", name="Delete").click()
    title_is(page, "Delete root?")
    page.locator("#force").evaluate("(tick) => tick.remove()")
    page.get_by_role("button", name="Delete").click()
    title_is(page, "Error: Delete root?")
    look(page, "delete-error")
    page.get_by_label("Delete it all the same").check()
    page.get_by_role("button", name="Delete").click()
    title_is(page, "Deleted")
    look(page, "deleted")
    page.get_by_role("link", name="Strongroom").click()
    expect(page.get_by_text("Chain broken").first).to_be_visible()
    look(page, "home-broken")
    page.get_by_role("link", name="www", exact=True).first.click()
    expect(page.get_by_text("no path to an imported authority").first).to_be_visible()
    look(page, "certificate-broken")
    page.goto(URL)
    page.get_by_role("link", name="Certificates").first.click()
    page.get_by_role("link", name="www", exact=True).click()
    page.get_by_role("link", name="Delete").click()
    title_is(page, "Delete www?")
    page.get_by_role("button", name="Delete").click()
    title_is(page, "Deleted")
    page.get_by_role("button", name="Bring it back").click()
    title_is(page, "Rolled back")


def sign_out(page):
    page.get_by_role("button", name="Sign out").click()
    title_is(page, "Sign in")
    page.goto(URL + "/machines")
    title_is(page, "Sign in")


def with_the_keyboard(page):
    """Everything is reached with the Tab key, in the order of the page, and the focus is seen."""
    page.goto(URL)
    page.get_by_label("User name").fill("siteadmin")
    page.get_by_label("Password").fill(PASSWORD)
    page.keyboard.press("Enter")
    title_is(page, "Overview")
    page.keyboard.press("Tab")
    expect(page.get_by_role("link", name="Skip to the content")).to_be_focused()
    page.keyboard.press("Enter")
    page.keyboard.press("Tab")
    expect(page.get_by_role("link", name="Import a server certificate")).to_be_focused()
    outline = page.evaluate("getComputedStyle(document.activeElement).outlineStyle")
    check(outline == "solid", outline)


def without_script(browser):
    """The main job where nothing runs in the browser."""
    context = browser.new_context(java_script_enabled=False)
    page = context.new_page()
    page.goto(URL)
    page.get_by_label("User name").fill("siteadmin")
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Sign in").click()
    page.get_by_role("link", name="Certificates").first.click()
    page.get_by_role("link", name="www", exact=True).click()
    page.get_by_label("Certificate file").set_input_files(FIXTURES / "pkcs12/www-direct.p12")
    page.get_by_label("Certificate password").fill("wrong")
    page.get_by_role("button", name="Check and compare").click()
    expect(page.locator("#password-problem")).to_contain_text("wrong password")
    page.get_by_label("Certificate file").set_input_files(FIXTURES / "pkcs12/www.p12")
    page.get_by_label("Certificate password").fill(FILE_PASSWORD)
    page.get_by_role("button", name="Check and compare").click()
    # It was rolled back to what this file holds.
    title_is(page, "www is there already")
    expect(page.get_by_text("nothing would change")).to_be_visible()
    context.close()


def with_fewer_privileges(browser):
    """Whoever may only look is offered nothing else."""
    context = browser.new_context()
    page = context.new_page()
    page.goto(URL)
    page.get_by_label("User name").fill("auditor")
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Sign in").click()
    title_is(page, "Overview")
    for name in ("Import", "Generate", "Replace", "Web server"):
        check(page.get_by_role("link", name=name).count() == 0, name)
    page.get_by_role("link", name="Certificates").first.click()
    check(page.get_by_role("link", name="Import").count() == 0, "no import")
    page.get_by_role("link", name="www", exact=True).click()
    title_is(page, "www")
    check(page.locator("main form, aside").count() == 0, "no form")
    for name in ("Delete", "Download", "Roll back", "signing request"):
        check(page.get_by_role("link", name=name).count() == 0, name)
    look(page, "certificate-to-look-at")
    context.close()


def main():
    arguments = [f"--ignore-certificate-errors-spki-list={KEY}", "--no-sandbox", "--disable-gpu"]
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=arguments)
        context = browser.new_context(viewport={"width": 1280, "height": 900})
        context.set_default_timeout(20_000)
        page = context.new_page()
        page.on("pageerror", lambda error: problems.append(f"{page.url}: {error}"))
        page.on(
            "console",
            lambda said: problems.append(f"{page.url}: {said.text}") if said.type in ("error", "warning") else None,
        )
        for step in (sign_in, import_root, import_server, see, replace, export, roll_back, generate, web_server, delete,
                     sign_out, with_the_keyboard):
            print(step.__name__, flush=True)
            step(page)
        print("without_script", flush=True)
        without_script(browser)
        print("with_fewer_privileges", flush=True)
        with_fewer_privileges(browser)
        browser.close()
    for problem in problems:
        print(problem, file=sys.stderr)
    print(f"{len(seen)} pages looked at")
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())
