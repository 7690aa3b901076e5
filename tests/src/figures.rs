//! What something costs beside its peers: processor time as well as elapsed time, in turns of one run, as ratios.

use std::{
    env, fs,
    path::Path,
    process::{Command, Stdio},
    time::{Duration, Instant},
};

use nix::sys::{
    resource::{UsageWho, getrusage},
    time::TimeValLike as _,
};
use serde::Serialize;

/// What one piece of work took.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub struct Cost {
    /// On processors, by all threads.
    pub processor: Duration,
    /// By the clock.
    pub elapsed: Duration,
}

impl Cost {
    /// That was measured elsewhere.
    #[must_use]
    pub fn of(processor: Duration, elapsed: Duration) -> Self {
        Self { processor, elapsed }
    }

    /// That of each of `count`, which were done together.
    #[must_use]
    pub fn each(self, count: u32) -> Self {
        Self { processor: self.processor / count, elapsed: self.elapsed / count }
    }
}

/// A ratio over the turns of a run.
#[derive(Clone, Copy, Debug, Serialize)]
#[non_exhaustive]
pub struct Spread {
    /// The middle one.
    pub median: f64,
    /// The smallest.
    pub least: f64,
    /// The greatest.
    pub most: f64,
}

/// One line of the table.
#[derive(Clone, Debug, Serialize)]
#[non_exhaustive]
pub struct Row {
    /// What was done.
    pub what: String,
    /// Beside what.
    pub peer: String,
    /// Our processor time in microseconds, the median.
    pub processor_us: f64,
    /// Our elapsed time in microseconds, the median.
    pub elapsed_us: f64,
    /// Ours to the peer's.
    pub processor: Spread,
    /// Ours to the peer's.
    pub elapsed: Spread,
}

/// A figure that has no peer.
#[derive(Clone, Debug, Serialize)]
#[non_exhaustive]
pub struct Figure {
    /// What it is of.
    pub what: String,
    /// How much.
    pub value: f64,
    /// Of what.
    pub unit: &'static str,
    /// What is wanted, or where it comes from.
    pub remark: String,
}

/// What a run found.
#[derive(Clone, Debug, Default, Serialize)]
#[non_exhaustive]
pub struct Table {
    /// Its rows.
    pub rows: Vec<Row>,
    /// What is not a ratio.
    pub figures: Vec<Figure>,
    /// Peers that are not on this machine, and rows that were left out.
    pub missing: Vec<String>,
}

/// A piece of work beside others.
pub type Work<'a> = (&'a str, Box<dyn FnMut() -> Cost + 'a>);

fn used(who: UsageWho) -> Duration {
    let usage = getrusage(who).unwrap();
    let micros = usage.user_time().num_microseconds() + usage.system_time().num_microseconds();
    Duration::from_micros(u64::try_from(micros).unwrap())
}

/// The cost of `times` runs in this process, of each.
pub fn in_process(times: u32, mut work: impl FnMut()) -> Cost {
    let (before, started) = (used(UsageWho::RUSAGE_SELF), Instant::now());
    (0..times).for_each(|_| work());
    let (processor, elapsed) = (used(UsageWho::RUSAGE_SELF) - before, started.elapsed());
    Cost { processor, elapsed }.each(times)
}

/// The cost of a whole process, which has to succeed.
///
/// # Panics
///
/// If it fails.
pub fn of_process(command: &mut Command) -> Cost {
    let (before, started) = (used(UsageWho::RUSAGE_CHILDREN), Instant::now());
    let output = command.stdin(Stdio::null()).output().expect("it starts");
    let (processor, elapsed) = (used(UsageWho::RUSAGE_CHILDREN) - before, started.elapsed());
    assert!(output.status.success(), "{command:?}: {}", String::from_utf8_lossy(&output.stderr));
    Cost { processor, elapsed }
}

impl Table {
    /// Does `ours` and the work of all peers in turn, `turns` times, and adds a row for each peer.
    pub fn compare(
        &mut self,
        what: &str,
        turns: usize,
        mut ours: impl FnMut() -> Cost,
        peers: &mut [Work<'_>],
    ) {
        // Once unmeasured: files and libraries are then in memory for all.
        ours();
        for (_, peer) in peers.iter_mut() {
            peer();
        }
        let mut costs: Vec<(Cost, Vec<Cost>)> = Vec::new();
        for _ in 0..turns {
            costs.push((ours(), peers.iter_mut().map(|(_, peer)| peer()).collect()));
        }
        for (place, (peer, _)) in peers.iter().enumerate() {
            let ratio = |of: fn(&Cost) -> Duration| {
                spread(costs.iter().map(|(own, all)| of(own).as_secs_f64() / of(&all[place]).as_secs_f64()))
            };
            let own = |of: fn(&Cost) -> Duration| {
                spread(costs.iter().map(|(own, _)| of(own).as_secs_f64() * 1e6)).median
            };
            let row = Row {
                what: what.to_owned(),
                peer: (*peer).to_owned(),
                processor_us: own(|cost| cost.processor),
                elapsed_us: own(|cost| cost.elapsed),
                processor: ratio(|cost| cost.processor),
                elapsed: ratio(|cost| cost.elapsed),
            };
            println!("{}", line(&row));
            self.rows.push(row);
        }
    }

    /// Adds a figure that has no peer, and prints it.
    pub fn figure(
        &mut self,
        what: impl Into<String>,
        value: f64,
        unit: &'static str,
        remark: impl Into<String>,
    ) {
        let figure = Figure { what: what.into(), value, unit, remark: remark.into() };
        let shown = if value < 10.0 { format!("{value:.3}") } else { format!("{value:.0}") };
        println!("{:<57} {shown:>10} {unit}  {}", figure.what, figure.remark);
        self.figures.push(figure);
    }

    /// Prints what the columns are.
    pub fn head(&self) {
        println!(
            "{:<34} {:<22} {:>10} {:>10}  {:<20} {:<20}",
            "what", "beside", "ours, us", "elapsed", "processor", "elapsed"
        );
    }

    /// Prints what was left out, and writes all as JSON to `target/bench/NAME.json`.
    ///
    /// # Panics
    ///
    /// If the file cannot be written.
    pub fn finish(&self, name: &str) {
        for missing in &self.missing {
            println!("left out: {missing}");
        }
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../target/bench");
        fs::create_dir_all(&folder).unwrap();
        let path = folder.join(format!("{name}.json"));
        fs::write(&path, serde_json::to_vec_pretty(self).unwrap()).unwrap();
        println!("ratios below 1 are less than the peer's; all of it in target/bench/{name}.json");
    }
}

fn line(row: &Row) -> String {
    let spread = |of: &Spread| format!("{:.2} ({:.2} to {:.2})", of.median, of.least, of.most);
    format!(
        "{:<34} {:<22} {:>10.0} {:>10.0}  {:<20} {:<20}",
        row.what,
        row.peer,
        row.processor_us,
        row.elapsed_us,
        spread(&row.processor),
        spread(&row.elapsed)
    )
}

fn spread(values: impl Iterator<Item = f64>) -> Spread {
    let mut all: Vec<f64> = values.collect();
    all.sort_by(f64::total_cmp);
    Spread { median: all[all.len() / 2], least: all[0], most: all[all.len() - 1] }
}

/// The variable that has a benchmark run a command, and say how much memory it took.
const MEASURED: &str = "STRONGROOM_MEASURED";

/// Runs the command that [`peak_memory`] started this process for, if it did: to be asked before all else.
///
/// # Panics
///
/// If the command fails.
#[must_use]
#[expect(clippy::disallowed_methods, reason = "how it knows that it is the other process")]
pub fn is_measuring() -> bool {
    if env::var_os(MEASURED).is_none() {
        return false;
    }
    let mut arguments = env::args_os().skip(1);
    let mut command = Command::new(arguments.next().unwrap());
    let done = command.args(arguments).env_remove(MEASURED).stdout(Stdio::null()).status().unwrap();
    assert!(done.success(), "{command:?}");
    println!("{}", getrusage(UsageWho::RUSAGE_CHILDREN).unwrap().max_rss());
    true
}

/// The most memory that a command had resident, in KiB. A small process of this program is its parent, since a child is
/// charged with what its parent had when it was started.
///
/// # Panics
///
/// If the command fails.
#[must_use]
pub fn peak_memory(command: &Command) -> u64 {
    let mut parent = Command::new(env::current_exe().unwrap());
    parent.arg(command.get_program()).args(command.get_args()).env(MEASURED, "1");
    for (name, value) in command.get_envs() {
        match value {
            Some(value) => parent.env(name, value),
            None => parent.env_remove(name),
        };
    }
    if let Some(folder) = command.get_current_dir() {
        parent.current_dir(folder);
    }
    let output = parent.stdin(Stdio::null()).output().unwrap();
    assert!(output.status.success(), "{command:?}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8_lossy(&output.stdout).trim().parse().unwrap()
}

/// Whether a program can be started.
#[must_use]
pub fn is_there(program: &str, argument: &str) -> bool {
    Command::new(program).arg(argument).stdin(Stdio::null()).output().is_ok()
}
