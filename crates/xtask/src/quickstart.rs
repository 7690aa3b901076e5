//! `cargo xtask quickstart`: the main job from an empty folder, every command and answer shown.

mod api;
pub(crate) mod server;

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
};

use self::{api::Api, server::Server};
use crate::{
    failure::Failure,
    process::{build_strongroom, output, run, say},
};

/// The administrator of the example, and its password.
pub(crate) const USER: &str = "siteadmin";
pub(crate) const PASSWORD: &str = "quickstart-only";
/// The password of the example's PKCS #12 files.
const FILE_PASSWORD: &str = "changeit";

/// An example store, and how to speak of it.
pub(crate) struct Example {
    /// The binary.
    program: PathBuf,
    /// The folder of the workspace.
    root: PathBuf,
    /// The store.
    store: PathBuf,
}

impl Example {
    /// Builds the binary, and makes an empty store in a fresh folder below `target/`.
    pub(crate) fn make(root: &Path, folder: &str) -> Result<Self, Failure> {
        let program = build_strongroom(root)?;
        let folder = root.join("target").join(folder);
        match fs::remove_dir_all(&folder) {
            Err(reason) if reason.kind() != std::io::ErrorKind::NotFound => {
                return Err(Failure::File { path: folder, reason });
            }
            _ => {}
        }
        let example = Self { program, root: root.to_owned(), store: folder.join("keystore.db") };
        run(&mut example.command(&["init"]))?;
        Ok(example)
    }

    /// `strongroom` on the store, with the passwords of the example in its environment.
    pub(crate) fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(&self.program);
        command
            .current_dir(&self.root)
            .arg("--store")
            .arg(self.store.strip_prefix(&self.root).unwrap_or(&self.store))
            .args(arguments)
            .env("FILE_PASSWORD", FILE_PASSWORD)
            .env("USER_PASSWORD", PASSWORD);
        command
    }
}

/// Walks through the main job. With `keep`, the server is left running.
pub(crate) fn walk(root: &Path, keep: bool) -> Result<(), Failure> {
    say("# A store, with a random key file beside it");
    let example = Example::make(root, "quickstart")?;
    say("\n# The CA first, then a server certificate; the intermediate is in the file");
    run(&mut example.command(&["ca", "import", "root", "fixtures/chains/root-rsa.pem"]))?;
    let import = ["import", "www", "fixtures/pkcs12/www.p12", "--pass-in", "env:FILE_PASSWORD"];
    run(&mut example.command(&import))?;
    run(&mut example.command(&["show", "www"]))?;

    say("\n# An administrator, and the API over TLS on a free port");
    run(&mut example.command(&["user", "add", USER, "--pass-in", "env:USER_PASSWORD"]))?;
    let server = Server::start(example.command(&["--json", "serve", "--listen", "127.0.0.1:0"]))?;
    say(&format!("serving {}", server.url));

    say("\n# importExistingServerCertificate, as an ArcGIS client performs it");
    let own = output(&mut example.command(&["show", "selfsignedcertificate", "--pem"]))?;
    let api = Api::connect(&server.url, &own)?;
    let token = api.generate_token(USER, PASSWORD)?;
    let file = root.join("fixtures/pkcs12/www-direct.p12");
    api.import("shop", &file, FILE_PASSWORD, &token, &server.machine)?;

    say("\n# The alias, listed by another process");
    run(&mut example.command(&["ls"]))?;
    if keep {
        say(&format!(
            "\nleft running, process {}: {} (sign in as {USER}, password {PASSWORD})",
            server.process(),
            server.url
        ));
        server.keep();
        return Ok(());
    }
    server.stop()
}
