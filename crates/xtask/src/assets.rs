//! `cargo xtask assets`: what a package of the command has beside the binary, and a Debian package of it all.

use std::{
    fs,
    os::unix::fs::PermissionsExt as _,
    path::{Path, PathBuf},
    process::Command,
};

use crate::{
    failure::Failure,
    process::{cargo, output, run, say},
};

/// The shells, and where each looks for completions.
const SHELLS: [(&str, &str); 3] = [
    ("bash", "usr/share/bash-completion/completions/strongroom"),
    ("zsh", "usr/share/zsh/vendor-completions/_strongroom"),
    ("fish", "usr/share/fish/vendor_completions.d/strongroom.fish"),
];

/// The user that the service runs as (sysusers.d(5)).
const SYSUSERS: &str = "u strongroom - \"Strongroom keystore\" /var/lib/strongroom /usr/sbin/nologin\n";

/// What dpkg runs behind the unpacking: the user first, since the unit names it.
const POSTINST: &str = "#!/bin/sh\nset -e\nif [ \"$1\" = configure ] && command -v systemd-sysusers >/dev/null; then\n    \
systemd-sysusers strongroom.conf\nfi\nif [ -d /run/systemd/system ]; then\n    systemctl daemon-reload || true\nfi\n";

/// Builds the command and writes a tree as it is installed; with `dpkg-deb` also the package of it.
pub(crate) fn write(root: &Path, folder: &Path, profile: &str) -> Result<(), Failure> {
    let tree = folder.join("root");
    match fs::remove_dir_all(&tree) {
        Err(reason) if reason.kind() != std::io::ErrorKind::NotFound => {
            return Err(Failure::File { path: tree, reason });
        }
        _ => {}
    }
    let built = output(cargo(root).args([
        "build",
        "--quiet",
        "--locked",
        "--package",
        "strongroom-cli",
        "--message-format",
        "json",
        "--profile",
        profile,
    ]))?;
    let program = executable(&built).ok_or(Failure::NoBinary)?;
    place(&tree.join("usr/bin/strongroom"), &read(&program)?, 0o755)?;
    for (shell, path) in SHELLS {
        let script = output(Command::new(&program).args(["completions", shell]))?;
        place(&tree.join(path), script.as_bytes(), 0o644)?;
    }
    let pages = tree.join("usr/share/man/man1");
    fs::create_dir_all(&pages).map_err(|reason| Failure::File { path: pages.clone(), reason })?;
    run(Command::new(&program).args(["man", "--dir"]).arg(&pages))?;
    let unit = read(&root.join("dist/strongroom.service"))?;
    place(&tree.join("usr/lib/systemd/system/strongroom.service"), &unit, 0o644)?;
    place(&tree.join("usr/lib/sysusers.d/strongroom.conf"), SYSUSERS.as_bytes(), 0o644)?;
    for licence in ["LICENSE-MIT", "LICENSE-APACHE"] {
        let text = read(&root.join(licence))?;
        place(&tree.join("usr/share/doc/strongroom").join(licence), &text, 0o644)?;
    }
    say(&format!("wrote {}", tree.display()));
    package(&tree, folder)
}

/// The Debian package, where that system's tool is there.
fn package(tree: &Path, folder: &Path) -> Result<(), Failure> {
    let Ok(found) = Command::new("dpkg").arg("--print-architecture").output() else {
        say("skipped: the package, since dpkg is not installed");
        return Ok(());
    };
    let architecture = String::from_utf8_lossy(&found.stdout).trim().to_owned();
    let version = env!("CARGO_PKG_VERSION");
    let control = format!(
        "Package: strongroom\nVersion: {version}\nArchitecture: {architecture}\nMaintainer: The Strongroom authors\n\
         Section: admin\nPriority: optional\nDepends: libc6\nDescription: keystore for server certificates\n \
         Imports server certificates with their keys, validates them, keeps them sealed, and serves them.\n"
    );
    place(&tree.join("DEBIAN/control"), control.as_bytes(), 0o644)?;
    place(&tree.join("DEBIAN/postinst"), POSTINST.as_bytes(), 0o755)?;
    let file = folder.join(format!("strongroom_{version}_{architecture}.deb"));
    run(Command::new("dpkg-deb").args(["--root-owner-group", "--build"]).arg(tree).arg(&file))
}

fn read(path: &Path) -> Result<Vec<u8>, Failure> {
    fs::read(path).map_err(|reason| Failure::File { path: path.to_owned(), reason })
}

/// Writes a file with its folders and its mode.
fn place(path: &Path, content: &[u8], mode: u32) -> Result<(), Failure> {
    let failed = |reason| Failure::File { path: path.to_owned(), reason };
    if let Some(parent) = path.parent() {
        fs::create_dir_all(parent).map_err(failed)?;
    }
    fs::write(path, content).map_err(failed)?;
    fs::set_permissions(path, fs::Permissions::from_mode(mode)).map_err(failed)
}

/// The binary that cargo says it made.
fn executable(messages: &str) -> Option<PathBuf> {
    let made = messages.lines().filter_map(|line| serde_json::from_str::<serde_json::Value>(line).ok());
    let mut paths = made.filter_map(|message| message.get("executable")?.as_str().map(PathBuf::from));
    paths.next_back()
}
