//! The directory in a real browser: the whole life of a certificate, with axe-core, by `tests/browser/life.py`.
//!
//! Needs Chromium (`STRONGROOM_CHROMIUM`, else `/usr/bin/chromium`), and a Python that has `playwright` and
//! `axe-playwright-python` (`STRONGROOM_BROWSER_PYTHON`, else `python3`). Skips, and says so, without them.
//! With `STRONGROOM_SCREENSHOTS=FOLDER` the pages are kept there as images.

use std::{
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

use strongroom::certificate::Certificate;
use strongroom_tests::{
    armour::base64,
    command::{Run, Shop},
    server::Server,
};

const PASSWORD: &str = "p@ss wörd&+%!#";

fn workspace() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

#[expect(
    clippy::disallowed_methods,
    reason = "where the tools are, and whether images are wanted, may be said"
)]
fn said(variable: &str) -> Option<String> {
    std::env::var(variable).ok()
}

/// The browser and the Python that drives it; says what is missing.
fn tools() -> Option<(String, String)> {
    let named = |variable, usual: &str| said(variable).unwrap_or_else(|| usual.to_owned());
    let chromium = named("STRONGROOM_CHROMIUM", "/usr/bin/chromium");
    let python = named("STRONGROOM_BROWSER_PYTHON", "python3");
    if !Path::new(&chromium).exists() {
        eprintln!("skipped: there is no Chromium at {chromium}");
        return None;
    }
    let imported = Command::new(&python)
        .args(["-c", "import playwright.sync_api, axe_playwright_python.sync_playwright"])
        .stderr(Stdio::null())
        .status();
    if !imported.is_ok_and(|status| status.success()) {
        eprintln!(
            "skipped: {python} has no playwright and axe-playwright-python; see STRONGROOM_BROWSER_PYTHON"
        );
        return None;
    }
    Some((chromium, python))
}

#[test]
fn a_certificate_lives_its_life_in_the_browser() {
    let Some((chromium, python)) = tools() else {
        return;
    };
    let shop = Shop::open();
    for more in [["siteadmin"].as_slice(), &["auditor", "--privileges", "list,audit"]] {
        let arguments = ["user", "add", "--pass-in", "env:P"].iter().chain(more);
        let add: Run = shop.command(arguments).env("P", PASSWORD).output().unwrap().into();
        assert_eq!(add.code, 0, "{}", add.err);
    }
    let server = Server::start_with(&shop, |command| {
        command.arg("--allow-key-export");
    });
    let own = pem::parse(shop.run(["show", "selfsignedcertificate", "--pem"]).out).unwrap();
    let own = Certificate::from_der(own.contents()).unwrap();

    let mut command = Command::new(python);
    command
        .arg(workspace().join("tests/browser/life.py"))
        .arg(format!("{}/portaladmin", server.base))
        .arg(workspace().join("fixtures"))
        .arg(base64(own.spki_fingerprint().as_bytes()))
        .env("STRONGROOM_PASSWORD", PASSWORD)
        .env("STRONGROOM_CHROMIUM", chromium);
    if let Some(folder) = said("STRONGROOM_SCREENSHOTS") {
        command.arg(workspace().join(folder));
    }
    let run: Run = command.output().unwrap().into();
    assert_eq!(run.code, 0, "{}\n{}", run.out, run.err);
    assert!(run.out.contains(" pages looked at"), "{}", run.out);
}
