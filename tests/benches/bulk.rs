//! `import --all` of many files on all cores: beside what the key derivations alone take on as many threads, and what a file
//! takes outside of them.
//!
//! `cargo xtask bench bulk`; `--files N` for fewer, `STRONGROOM_ITERATIONS` for files of so many alone. `STRONGROOM_COMMAND` is the command to measure; the task sets it.

use std::{
    env, fs,
    path::{Path, PathBuf},
    process::Command,
};

use strongroom_tests::{
    armour::pem,
    bare::Chains,
    figures::{Table, Work, in_process, is_measuring, of_process, peak_memory},
    many::{PASSWORD, file_of, on_all_cores, threads, todays_root},
};

const TURNS: usize = 3;

fn main() {
    if is_measuring() {
        return;
    }
    #[allow(clippy::disallowed_methods, reason = "the task says what is measured")]
    let [command, files, iterations] =
        ["COMMAND", "FILES", "ITERATIONS"].map(|name| env::var(format!("STRONGROOM_{name}")).ok());
    let Some(command) = command.map(PathBuf::from) else {
        println!("STRONGROOM_COMMAND is not set: run cargo xtask bench bulk");
        return;
    };
    let files = files.map_or(10_000, |files| files.parse().expect("a number"));
    let all = iterations.map_or_else(|| vec![100_000, 2_048], |only| vec![only.parse().expect("a number")]);
    let mut table = Table::default();
    table.head();
    for iterations in all {
        compare(&mut table, &command, files, iterations);
    }
    table.finish("bulk");
}

fn compare(table: &mut Table, command: &Path, files: u32, iterations: u32) {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name);
    let ca = todays_root();
    fs::write(path("root.pem"), pem("CERTIFICATE", ca.file())).unwrap();
    fs::create_dir(path("in")).unwrap();
    on_all_cores(files, |number| {
        let file = file_of(&ca, number, iterations);
        fs::write(path("in").join(format!("{number:05}.p12")), file).unwrap();
    });

    let template = path("template");
    owned(&template);
    let run = |store: &Path, arguments: &[&str]| {
        let mut run = Command::new(command);
        run.current_dir(folder.path()).env("STRONGROOM_STORE", store.join("keystore.db")).args(arguments);
        run
    };
    of_process(&mut run(&template, &["init"]));
    of_process(&mut run(&template, &["ca", "import", "root", "root.pem"]));
    let limit = files.to_string();
    let import =
        ["import", "--all", "in", "--limit", &limit, "--pass-in", &format!("pass:{PASSWORD}"), "--no-input"];
    let mut turn = 0;
    let mut next = || {
        turn += 1;
        let store = path(&format!("store{turn}"));
        owned(&store);
        for file in ["keystore.db", "keystore.key"] {
            fs::copy(template.join(file), store.join(file)).unwrap();
        }
        store
    };
    let first = next();
    let memory = peak_memory(&run(&first, &import));
    let ours = || of_process(&mut run(&next(), &import)).each(files);
    // As many as give a second of it.
    let sample = files.min(2_000_000_000 / (iterations * 8)).max(threads());
    let chains = Chains::new(2, 1, iterations);
    let bare = || in_process(1, || on_all_cores(sample, |_| chains.run())).each(sample);
    let mut peers: [Work<'_>; 1] = [("key derivations alone", Box::new(bare))];
    let what = format!("{files} files of {iterations} iterations");
    table.compare(&what, TURNS, ours, &mut peers);
    let row = table.rows.last().unwrap();
    let (rate, outside) = (1.0 / row.elapsed.median, row.processor_us * (1.0 - 1.0 / row.processor.median));
    let (cores, kib) = (threads(), u32::try_from(memory).unwrap());
    if iterations > 50_000 {
        table.figure(format!("rate beside that of the derivations, {cores} cores"), rate, "", "wanted: 0.9");
    }
    table.figure("processor time of a file outside its derivations", outside, "us", "");
    table.figure("memory at its peak, for each file", f64::from(kib) / f64::from(files), "KiB", "");
}

/// A folder that is the user's alone, as a store asks for.
fn owned(folder: &Path) {
    use std::os::unix::fs::PermissionsExt as _;
    fs::create_dir(folder).unwrap();
    fs::set_permissions(folder, fs::Permissions::from_mode(0o700)).unwrap();
}
