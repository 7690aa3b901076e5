//! The store of one revision beside that of another.

use std::{
    cell::RefCell,
    path::{Path, PathBuf},
    process::Command,
    time::Duration,
};

use tempfile::TempDir;

use super::{Side, TURNS, pairs, timed, worker::Worker};
use crate::{
    failure::Failure,
    process::{output, say},
};

/// Entries of the small store.
const FEW: usize = 1_000;
/// Entries of a store that is filled by commands, where nothing else can fill it.
const BY_COMMAND: usize = 50;
/// The password of the file that is imported.
const PASSWORD: &str = "changeit";

/// Prints every figure that can be had.
pub(super) fn compare(root: &Path, ours: &Side, theirs: &Side) -> Result<(), Failure> {
    let (Some(our_bench), Some(their_bench)) = (&ours.bench, &theirs.bench) else {
        say(&format!("\nwhole commands, on stores of {BY_COMMAND} entries that they filled"));
        let (own, other) = (Stores::by_command(root, ours)?, Stores::by_command(root, theirs)?);
        return whole_commands(own, other);
    };
    let entries = entries();
    let small = [Worker::start(our_bench, FEW)?, Worker::start(their_bench, FEW)?];
    let large = [Worker::start(our_bench, entries)?, Worker::start(their_bench, entries)?];
    say("\nsize on disk of the filled store");
    for (own, other) in [&small, &large].map(|[own, other]| (own.bytes, other.bytes)) {
        say(&format!("{:>6.2}  {own} bytes : {other}", share(own, other)));
    }
    let own = Stores::of(root, ours, &small[0], &large[0])?;
    let other = Stores::of(root, theirs, &small[1], &large[1])?;
    say(&format!("\nwhole commands, on a store of {entries} entries; init makes one, ls lists {FEW}"));
    whole_commands(own, other)?;
    say(&format!("\nin process, a store of {entries} entries"));
    in_process(large)
}

/// How many entries the large store has.
#[expect(clippy::disallowed_methods, reason = "the only switch of this measurement")]
fn entries() -> usize {
    std::env::var("STRONGROOM_ENTRIES").ok().and_then(|text| text.parse().ok()).unwrap_or(100_000)
}

fn in_process([own, other]: [Worker; 2]) -> Result<(), Failure> {
    let (own, other) = (RefCell::new(own), RefCell::new(other));
    let both = |what: &str, turns, of: &dyn Fn(&RefCell<Worker>) -> Result<Duration, Failure>| {
        pairs(what, turns, || of(&own), || of(&other))
    };
    let ask = |what: &'static str| move |worker: &RefCell<Worker>| worker.borrow_mut().ask(what);
    both("opening", TURNS, &ask("open"))?;
    both("show of one", TURNS, &ask("show"))?;
    both("a page of 100", TURNS, &ask("page"))?;
    both("import of one", TURNS, &ask("import"))?;
    both("the store's part of an import: what it takes beyond judging the chain", TURNS, &|worker| {
        let (import, judge) = (ask("import")(worker)?, ask("judge")(worker)?);
        Ok(import.saturating_sub(judge))
    })?;
    both("removal of one", TURNS, &ask("remove"))?;
    both("import of 1,250 entries in one change: 10,000 records", 1, &ask("batch"))?;
    let (ours, theirs) = (ask("frames")(&own)?, ask("frames")(&other)?);
    let (ours, theirs) = (ours.subsec_nanos().into(), theirs.subsec_nanos().into());
    say(&format!(
        "{:>6.2}  pages in the write-ahead log for an import: {ours} : {theirs}",
        share(ours, theirs)
    ));
    Ok(())
}

fn share(part: u64, whole: u64) -> f64 {
    Duration::from_nanos(part).as_secs_f64() / Duration::from_nanos(whole).as_secs_f64()
}

/// The stores of a revision, and how its command is run on them.
struct Stores<'s> {
    side: &'s Side,
    root: &'s Path,
    folder: TempDir,
    small: PathBuf,
    large: PathBuf,
    /// How many were made, imported and removed.
    made: u32,
    imported: u32,
    removed: u32,
}

impl<'s> Stores<'s> {
    /// The stores of workers.
    fn of(root: &'s Path, side: &'s Side, small: &Worker, large: &Worker) -> Result<Self, Failure> {
        let folder = tempfile::tempdir();
        let folder =
            folder.map_err(|reason| Failure::File { path: PathBuf::from("a temporary folder"), reason })?;
        let (small, large) = (small.store.clone(), large.store.clone());
        let stores = Self { side, root, folder, small, large, made: 0, imported: 0, removed: 0 };
        output(&mut stores.command(&stores.large, &["ca", "import", "fixture-root", "chains/root-rsa.pem"]))?;
        Ok(stores)
    }

    /// One store that the command itself filled.
    fn by_command(root: &'s Path, side: &'s Side) -> Result<Self, Failure> {
        let folder = tempfile::tempdir();
        let folder =
            folder.map_err(|reason| Failure::File { path: PathBuf::from("a temporary folder"), reason })?;
        let store = folder.path().join("filled/keystore.db");
        let (small, large) = (store.clone(), store);
        let stores = Self { side, root, folder, small, large, made: 0, imported: 0, removed: 0 };
        output(&mut stores.command(&stores.large, &["init"]))?;
        output(&mut stores.command(&stores.large, &["ca", "import", "fixture-root", "chains/root-rsa.pem"]))?;
        for n in 0..BY_COMMAND {
            output(&mut stores.import(&format!("entry-{n:07}")))?;
        }
        Ok(stores)
    }

    fn command(&self, store: &Path, arguments: &[&str]) -> Command {
        let mut command = Command::new(&self.side.command);
        command.current_dir(self.root.join("fixtures")).env("P", PASSWORD);
        command.args(["--no-input", "--store"]).arg(store).args(arguments);
        command
    }

    fn import(&self, alias: &str) -> Command {
        self.command(&self.large, &["import", alias, "pkcs12/www-direct.p12", "--pass-in", "env:P"])
    }

    fn run(&mut self, what: &str) -> Result<Duration, Failure> {
        let mut command = match what {
            "init" => {
                self.made += 1;
                let store = self.folder.path().join(format!("{}/keystore.db", self.made));
                self.command(&store, &["init"])
            }
            "import" => {
                self.imported += 1;
                self.import(&format!("by-command-{}", self.imported))
            }
            "rm" => {
                self.removed += 1;
                self.command(&self.large, &["rm", &format!("by-command-{}", self.removed)])
            }
            "ls" => self.command(&self.small, &["ls"]),
            _ => self.command(&self.large, &["show", "entry-0000001"]),
        };
        timed(&mut command)
    }
}

fn whole_commands(own: Stores<'_>, other: Stores<'_>) -> Result<(), Failure> {
    let (mut own, mut other) = (own, other);
    for what in ["init", "import", "show", "ls", "rm"] {
        pairs(&format!("whole command: {what}"), TURNS, || own.run(what), || other.run(what))?;
    }
    Ok(())
}
