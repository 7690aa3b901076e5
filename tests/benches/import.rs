//! What a whole `import` costs, process and all, durable: beside keytool, NSS's pk12util and `openssl pkcs12`.
//!
//! `cargo xtask bench import`. `STRONGROOM_COMMAND` is the command to measure; the task sets it.

use std::{
    env, fs,
    path::{Path, PathBuf},
    process::Command,
};

use strongroom_tests::figures::{Cost, Table, Work, is_measuring, is_there, of_process, peak_memory};

const TURNS: usize = 9;

fn main() {
    if is_measuring() {
        return;
    }
    let mut table = Table::default();
    #[allow(clippy::disallowed_methods, reason = "the task says what is measured")]
    let Some(command) = env::var_os("STRONGROOM_COMMAND").map(PathBuf::from) else {
        println!("STRONGROOM_COMMAND is not set: run cargo xtask bench import");
        return;
    };
    if !is_there("openssl", "version") {
        println!("left out: everything, for openssl makes the files");
        return;
    }
    table.head();
    let folder = tempfile::tempdir().unwrap();
    // As the peers are: installed, so that its pages lie in the cache in long runs. What the linker has just written lies there
    // in pieces, and each start maps a fifth more of them.
    let installed = folder.path().join("strongroom");
    fs::copy(&command, &installed).unwrap();
    let command = installed;
    let nothing = Command::new(&command).arg("--version").output().unwrap();
    assert!(nothing.status.success(), "{command:?} runs");
    for (what, key) in
        [("RSA-2048", &["rsa:2048"][..]), ("P-256", &["ec", "-pkeyopt", "ec_paramgen_curve:P-256"])]
    {
        compare(&mut table, what, key, &folder.path().join(what), &command);
    }
    table.compare(
        "a command that does nothing",
        TURNS,
        || of_process(Command::new(&command).arg("--version")),
        &mut [("openssl version", Box::new(|| of_process(Command::new("openssl").arg("version"))))],
    );
    let nothing = table.rows.last().map_or(0.0, |row| row.elapsed_us / 1e3);
    table.figure("a command that does nothing, elapsed", nothing, "ms", "wanted: under 3");
    table.finish("import");
}

fn compare(table: &mut Table, what: &str, key: &[&str], folder: &Path, command: &Path) {
    fs::create_dir_all(folder).unwrap();
    let path = |name: &str| folder.join(name);
    run(Command::new("openssl")
        .args(["req", "-x509", "-nodes", "-days", "300", "-subj", "/CN=www.bench.test"])
        .args(["-addext", "subjectAltName=DNS:www.bench.test", "-newkey"])
        .args(key)
        .arg("-keyout")
        .arg(path("key.pem"))
        .arg("-out")
        .arg(path("certificate.pem")));
    run(Command::new("openssl")
        .args(["pkcs12", "-export", "-name", "www", "-passout", "pass:changeit", "-inkey"])
        .arg(path("key.pem"))
        .arg("-in")
        .arg(path("certificate.pem"))
        .arg("-out")
        .arg(path("www.p12")));
    let file = path("www.p12");
    // A store of its own for each import: none of them gets larger from turn to turn.
    let number = std::cell::Cell::new(0_u32);
    let next = || {
        number.set(number.get() + 1);
        number.get()
    };
    let template = path("template");
    fs::create_dir_all(&template).unwrap();
    let store = |folder: &Path| {
        let mut run = Command::new(command);
        run.env("STRONGROOM_STORE", folder.join("keystore.db"));
        run
    };
    owned(&template);
    run(store(&template).arg("init"));
    let import = || {
        let folder = path(&format!("store{}", next()));
        fs::create_dir(&folder).unwrap();
        owned(&folder);
        for file in ["keystore.db", "keystore.key"] {
            fs::copy(template.join(file), folder.join(file)).unwrap();
        }
        let mut import = store(&folder);
        import.args(["import", "www", "--pass-in", "pass:changeit", "--no-input"]).arg(&file);
        import
    };
    let ours = || of_process(&mut import());
    let pem = path("out.pem");
    let mut peers: Vec<Work<'_>> = Vec::new();
    if is_there("pk12util", "-H") && is_there("certutil", "-H") {
        let nss = path("nss");
        fs::create_dir_all(&nss).unwrap();
        run(Command::new("certutil").args(["-N", "--empty-password", "-d"]).arg(sql(&nss)));
        let (file, next) = (&file, &next);
        let base = folder.to_owned();
        peers.push((
            "pk12util -i",
            Box::new(move || -> Cost {
                let copy = base.join(format!("nss{}", next()));
                fs::create_dir(&copy).unwrap();
                for entry in fs::read_dir(&nss).unwrap() {
                    let entry = entry.unwrap();
                    fs::copy(entry.path(), copy.join(entry.file_name())).unwrap();
                }
                let mut command = Command::new("pk12util");
                command.args(["-W", "changeit", "-K", "", "-d"]).arg(sql(&copy)).arg("-i").arg(file);
                of_process(&mut command)
            }),
        ));
    } else {
        table.missing.push("pk12util and certutil (libnss3-tools)".to_owned());
    }
    if is_there("keytool", "-help") {
        let (file, next) = (&file, &next);
        let base = folder.to_owned();
        peers.push((
            "keytool -importkeystore",
            Box::new(move || {
                let mut command = Command::new("keytool");
                command.args(["-importkeystore", "-noprompt", "-srcstoretype", "PKCS12"]);
                command.args(["-srcstorepass", "changeit", "-deststorepass", "changeit", "-srckeystore"]);
                command.arg(file).arg("-destkeystore").arg(base.join(format!("java{}.p12", next())));
                of_process(&mut command)
            }),
        ));
    } else {
        table.missing.push("keytool".to_owned());
    }
    peers.push((
        "openssl pkcs12, to PEM",
        Box::new(|| {
            let mut command = Command::new("openssl");
            command.args(["pkcs12", "-nodes", "-passin", "pass:changeit", "-in"]).arg(&file);
            of_process(command.arg("-out").arg(&pem))
        }),
    ));
    table.compare(&format!("import, {what}"), TURNS, ours, &mut peers);
    let kib = f64::from(u32::try_from(peak_memory(&import())).unwrap());
    table.figure(format!("import, {what}: memory at its peak"), kib, "KiB", "wanted: under 10,240");
}

/// A folder that is the user's alone, as a store asks for.
fn owned(folder: &Path) {
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt as _;
        fs::set_permissions(folder, fs::Permissions::from_mode(0o700)).unwrap();
    }
    let _ = folder;
}

fn sql(folder: &Path) -> String {
    format!("sql:{}", folder.display())
}

fn run(command: &mut Command) {
    let output = command.output().unwrap();
    assert!(output.status.success(), "{command:?}: {}", String::from_utf8_lossy(&output.stderr));
}
