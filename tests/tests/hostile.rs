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

use libtest_mimic::Arguments;

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
    libtest_mimic::run(&arguments, suites.iter().flat_map(|suite| suite()).collect()).exit();
}
