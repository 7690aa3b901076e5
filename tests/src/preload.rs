//! Libraries of `tests/shim` that are loaded into a process with `LD_PRELOAD`.

use std::{
    path::{Path, PathBuf},
    process::Command,
};

/// Builds one in a folder, as `CARGO_TARGET_TMPDIR` of the test is.
#[must_use]
pub fn build(name: &str, folder: &str) -> PathBuf {
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("shim/{name}.c"));
    let built = Path::new(folder).join(format!("{name}-{}.so", std::process::id()));
    let status = Command::new("cc")
        .args(["-O1", "-Wall", "-Werror", "-shared", "-fPIC", "-o"])
        .arg(&built)
        .arg(source)
        .status()
        .expect("a C compiler, which also builds SQLite");
    assert!(status.success());
    built
}
