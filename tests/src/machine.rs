//! What a test may ask of the machine that it runs on: how long it may take, and what it may mount.

use std::process::{Command, Stdio};

/// The short number, or the full one where it is asked for (`STRONGROOM_DURABILITY=full`).
#[must_use]
#[expect(clippy::disallowed_methods, reason = "a switch of the tests")]
pub fn scaled(short: usize, full: usize) -> usize {
    if std::env::var_os("STRONGROOM_DURABILITY").is_some_and(|value| value == "full") { full } else { short }
}

/// Whether this process is root's: permissions bind no such process, and it may mount.
#[must_use]
pub fn is_root() -> bool {
    nix::unistd::Uid::effective().is_root()
}

/// Whether a program is there and ends well.
#[must_use]
pub fn runs(program: &str, arguments: &[&str]) -> bool {
    let quiet = || Stdio::null();
    Command::new(program)
        .args(arguments)
        .stdout(quiet())
        .stderr(quiet())
        .status()
        .is_ok_and(|status| status.success())
}

/// Whether this process may mount without anybody seeing it. If not, the test of this name is run in a process that may,
/// and is over here; what is mounted goes with that process.
#[must_use]
#[expect(clippy::disallowed_methods, reason = "tells the process that may mount from the one that starts it")]
#[expect(clippy::print_stdout, reason = "what is skipped is said")]
pub fn may_mount(test: &str) -> bool {
    if std::env::var_os("STRONGROOM_MAY_MOUNT").is_some() {
        return true;
    }
    let own = if is_root() { "-m" } else { "-rm" };
    if !runs("unshare", &[own, "true"]) {
        println!("{test}: SKIPPED: neither root nor a user namespace, so nothing can be mounted");
        return false;
    }
    let status = Command::new("unshare")
        .arg(own)
        .arg(std::env::current_exe().unwrap())
        .args(["--exact", "--nocapture", test])
        .env("STRONGROOM_MAY_MOUNT", "1")
        .status()
        .unwrap();
    assert!(status.success());
    false
}

/// `mount` with its arguments.
#[track_caller]
pub fn mount(arguments: &[&str]) {
    let output = Command::new("mount").args(arguments).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
}
