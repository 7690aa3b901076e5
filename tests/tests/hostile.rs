//! Hostile PKCS #12 files, each beside its control: the same file without the flaw, which opens with exactly its key
//! and certificate. The classes are those of docs/hostile.md.

#[path = "hostile/boundary.rs"]
mod boundary;
#[path = "hostile/check.rs"]
mod check;
#[path = "hostile/content.rs"]
mod content;
#[path = "hostile/ends.rs"]
mod ends;
#[path = "hostile/integrity.rs"]
mod integrity;
#[path = "hostile/names.rs"]
mod names;
#[path = "hostile/pairs.rs"]
mod pairs;
#[path = "hostile/structure.rs"]
mod structure;
#[path = "hostile/work.rs"]
mod work;

use std::{fs, process::Command};

use libtest_mimic::{Arguments, Failed, Trial};

/// Asks a run for a line with its peak of memory.
const SHOW_PEAK: &str = "STRONGROOM_SHOW_PEAK";
/// Asks a run for lines with the refusals that took longest, so many.
const SHOW_SLOWEST: &str = "STRONGROOM_SHOW_SLOWEST";
/// What hostile files may take above an idle process, in KiB: 64 MiB.
const MOST: u64 = 64 * 1024;

#[expect(
    clippy::disallowed_methods,
    reason = "one run asks another for its peak of memory, a person for times"
)]
fn main() {
    let arguments = Arguments::from_args();
    let suites = [
        structure::trials,
        ends::trials,
        work::trials,
        integrity::trials,
        names::trials,
        content::trials,
        pairs::trials,
        boundary::trials,
    ];
    let mut all: Vec<Trial> = suites.iter().flat_map(|suite| suite()).collect();
    all.push(Trial::test("peak::of_all_but_scrypt_is_64_mib_above_idle", peak));
    let conclusion = libtest_mimic::run(&arguments, all);
    if std::env::var_os(SHOW_PEAK).is_some() {
        println!("peak {}", high_water().unwrap_or(0));
    }
    let count = std::env::var(SHOW_SLOWEST).ok().and_then(|count| count.parse().ok()).unwrap_or(0);
    for (took, name) in check::slowest(count) {
        println!("{:>7.1} ms  {name}", took.as_secs_f64() * 1e3);
    }
    conclusion.exit();
}

/// Runs all classes one after the other in a process of their own. Making the files counts as well.
fn peak() -> Result<(), Failed> {
    if high_water().is_none() {
        eprintln!("skipped: this system does not tell the peak of memory");
        return Ok(());
    }
    let run = |arguments: &[&str]| -> Result<u64, Failed> {
        let output = Command::new(std::env::current_exe()?)
            .args(["--test-threads", "1"])
            .args(arguments)
            .env(SHOW_PEAK, "1")
            .output()?;
        let said = String::from_utf8(output.stdout)?;
        let peak = said.lines().find_map(|line| line.strip_prefix("peak ")?.parse().ok());
        peak.filter(|_| output.status.success()).ok_or_else(|| said.into())
    };
    let idle = run(&["no_such_test"])?;
    let busy = run(&["--skip", "scrypt", "--skip", "peak"])?;
    let above = busy.saturating_sub(idle);
    println!("{above} KiB above {idle}");
    if above < MOST { Ok(()) } else { Err(format!("{above} KiB above {idle}; at most {MOST}").into()) }
}

/// The peak of this process's resident memory, in KiB, where /proc tells it.
fn high_water() -> Option<u64> {
    let status = fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
    line.trim().strip_suffix(" kB")?.trim().parse().ok()
}
