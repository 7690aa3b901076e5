//! `cargo xtask check`: the checks of CI, each by name.

use std::{path::Path, time::Instant};

use clap::ValueEnum;

use crate::{
    failure::Failure,
    process::{cargo, run, say},
    quickstart,
};

/// One check.
#[derive(Clone, Copy, Debug, Eq, PartialEq, ValueEnum)]
pub(crate) enum Check {
    /// Formatting
    Fmt,
    /// Lints, warnings as errors
    Clippy,
    /// All tests and doc tests
    Test,
    /// What derives keys, with one lane, and with no instruction that not every processor has
    Lanes,
    /// Documentation without warnings
    Doc,
    /// The quickstart
    Quickstart,
}

impl Check {
    fn run(self, root: &Path) -> Result<(), Failure> {
        match self {
            Self::Fmt => run(cargo(root).args(["fmt", "--all", "--check"])),
            Self::Clippy => run(cargo(root).args([
                "clippy",
                "--locked",
                "--workspace",
                "--all-targets",
                "--",
                "-D",
                "warnings",
            ])),
            Self::Test => run(cargo(root).args(["test", "--locked", "--workspace"])),
            Self::Lanes => ["one-lane", "portable"].iter().try_for_each(|way| lanes(root, way)),
            Self::Doc => run(cargo(root).env("RUSTDOCFLAGS", "-D warnings").args([
                "doc",
                "--locked",
                "--workspace",
                "--no-deps",
                "--document-private-items",
            ])),
            Self::Quickstart => quickstart::walk(root, false),
        }
    }
}

/// The tests of derivations, and those that open files, with a feature of the engine.
fn lanes(root: &Path, way: &str) -> Result<(), Failure> {
    let mut test = cargo(root);
    test.args(["test", "--locked", "--package", "strongroom-lanes", "--package", "strongroom"]);
    test.args(["--package", "strongroom-tests", "--features", &format!("strongroom/{way}"), "--lib"]);
    for name in ["cancel", "differential", "fixtures", "hostile", "passwords", "properties"] {
        test.args(["--test", name]);
    }
    run(&mut test)
}

/// Runs the named checks, or all in the order of their cost.
pub(crate) fn run_checks(root: &Path, only: &[Check]) -> Result<(), Failure> {
    let checks = if only.is_empty() { Check::value_variants() } else { only };
    for check in checks {
        let started = Instant::now();
        say(&format!("== {check:?}"));
        check.run(root)?;
        say(&format!("== {check:?} passed in {} s", started.elapsed().as_secs()));
    }
    Ok(())
}
