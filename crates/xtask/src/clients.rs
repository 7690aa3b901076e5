//! `cargo xtask clients`: the unmodified `arcgis` Python package against a server of its own.

use std::{path::Path, process::Command};

use crate::{
    failure::Failure,
    process::{run, say},
    quickstart::{Example, PASSWORD, USER, server::Server},
};

/// Starts a server and runs the scripts of `tests/clients` against it.
pub(crate) fn drive(root: &Path, python: &Path) -> Result<(), Failure> {
    let example = Example::make(root, "clients")?;
    run(&mut example.command(&["user", "add", USER, "--pass-in", "env:USER_PASSWORD"]))?;
    let server = Server::start(example.command(&["--json", "serve", "--listen", "127.0.0.1:0"]))?;
    let portal = server.url.strip_suffix("/portaladmin").unwrap_or(&server.url).to_owned();
    for script in ["arcgis_portal.py", "arcgis_servers.py"] {
        say(&format!("\n# {script}"));
        run(Command::new(python)
            .arg(root.join("tests/clients").join(script))
            .args([&portal, &server.machine, USER])
            .arg(root.join("fixtures"))
            .env("STRONGROOM_PASSWORD", PASSWORD))?;
    }
    say("\n# What the store holds now");
    run(&mut example.command(&["ls"]))?;
    server.stop()
}
