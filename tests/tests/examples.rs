//! The examples of the engine, built and run as their first lines say.

use std::{
    fs,
    io::{BufRead as _, BufReader, Write as _},
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    sync::OnceLock,
    thread,
    time::{Duration, Instant},
};

use strongroom_tests::{
    command::{Run, Shop, shop},
    manifest,
    server::has_curl,
};

const EC: &str = "pkcs12/openssl-3.0.19.p256.pbes2-aes256-sha256.chain2.p12";
const REPLACE: [&str; 6] = ["import", "www", EC, "--pass-in", "pass:changeit", "--replace"];

/// An example, built on first use.
fn example(name: &str) -> Command {
    static FOLDER: OnceLock<PathBuf> = OnceLock::new();
    let folder = FOLDER.get_or_init(|| {
        let built = Command::new(env!("CARGO"))
            .args(["build", "--quiet", "--locked", "--package", "strongroom", "--examples"])
            .current_dir(Path::new(env!("CARGO_MANIFEST_DIR")).join(".."))
            .status()
            .expect("cargo runs");
        assert!(built.success(), "the examples build");
        // target/debug/deps/<this test>
        std::env::current_exe().unwrap().parent().unwrap().with_file_name("examples")
    });
    Command::new(folder.join(format!("{name}{}", std::env::consts::EXE_SUFFIX)))
}

fn run(mut command: Command, input: &str) -> Run {
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().unwrap();
    child.stdin.take().unwrap().write_all(input.as_bytes()).unwrap();
    child.wait_with_output().unwrap().into()
}

/// With the store and its key as first arguments.
fn on_store(name: &str, shop: &Shop) -> Command {
    let mut command = example(name);
    command.arg(shop.store()).arg(shop.folder.path().join("keystore.key"));
    command
}

#[test]
fn open_pfx_says_what_is_in_a_file_or_why_it_was_refused() {
    let open = |password: &str| {
        let mut command = example("open_pfx");
        command.arg(manifest::folder().join("pkcs12/www.p12"));
        run(command, password)
    };
    let opened = open("changeit\n");
    assert_eq!(opened.code, 0, "{}", opened.err);
    assert!(opened.out.starts_with("CN=www.fixture.test"), "{}", opened.out);
    assert!(opened.out.contains(" with a key RSA-2048, until 20"), "{}", opened.out);
    let refused = open("wrong\n");
    assert_eq!(refused.code, 1, "{}", refused.err);
    let said = "refused at the stage mac: wrong password, or the file was changed after it was made [wrong_password]\n  check the password";
    assert!(refused.out.starts_with(said), "{}", refused.out);
}

#[test]
fn import_folder_takes_what_is_good_and_says_why_the_rest_is_not() {
    let shop = Shop::open();
    shop.import_root();
    let folder = shop.folder.path().join("files");
    fs::create_dir(&folder).unwrap();
    fs::write(folder.join("www.p12"), manifest::read("pkcs12/www.p12")).unwrap();
    fs::write(folder.join("ec.pfx"), manifest::read(EC)).unwrap();
    fs::write(folder.join("notes.txt"), "nothing").unwrap();
    let mut command = on_store("import_folder", &shop);
    command.arg(&folder);
    let done = run(command, "changeit\n");
    assert_eq!(done.code, 1, "{}", done.err);
    let lines: Vec<&str> = done.out.lines().collect();
    assert_eq!(lines.len(), 2, "{}", done.out);
    assert!(lines[0].contains("ec.pfx: no path to an imported authority"), "{}", done.out);
    assert_eq!(lines[1], "www imported");
}

#[test]
fn expiry_metrics_has_a_line_for_each_entry() {
    let shop = shop();
    let done = run(on_store("expiry_metrics", &shop), "");
    assert_eq!(done.code, 0, "{}", done.err);
    for alias in ["root", "www", "www_intermediate"] {
        let start = format!("strongroom_seconds_until_expiry{{alias=\"{alias}\"}} ");
        let line = done.out.lines().find_map(|line| line.strip_prefix(&start)).expect(&done.out);
        assert!(line.parse::<i64>().unwrap() > 0, "{line}");
    }
}

/// The server of the example; it ends with this value.
struct Live {
    child: Child,
    port: String,
}

impl Live {
    fn start(shop: &Shop) -> Self {
        let mut command = on_store("serve_live", shop);
        let mut child = command.args(["www", "127.0.0.1:0"]).stdout(Stdio::piped()).spawn().unwrap();
        let mut line = String::new();
        BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
        let port = line.trim().rsplit(':').next().unwrap().to_owned();
        Self { child, port }
    }

    /// What a client gets that trusts this root alone.
    fn get(&self, root: &str) -> String {
        let output = Command::new("curl")
            .args(["-s", "--resolve", &format!("www.fixture.test:{}:127.0.0.1", self.port), "--cacert"])
            .arg(manifest::folder().join(root))
            .arg(format!("https://www.fixture.test:{}/", self.port))
            .output()
            .unwrap();
        String::from_utf8(output.stdout).unwrap()
    }
}

impl Drop for Live {
    fn drop(&mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }
}

#[test]
fn serve_live_serves_the_next_version_without_a_restart() {
    if !has_curl() {
        return;
    }
    let shop = shop();
    let (rsa, ec) = ("chains/root-rsa.pem", "chains/root-ec.pem");
    assert_eq!(shop.run(["ca", "import", "root-ec", ec]).code, 0);
    let live = Live::start(&shop);
    assert_eq!((live.get(rsa).as_str(), live.get(ec).as_str()), ("hello", ""));
    let replaced = shop.run(REPLACE);
    assert_eq!(replaced.code, 0, "{}", replaced.err);
    let start = Instant::now();
    while live.get(ec) != "hello" {
        assert!(start.elapsed() < Duration::from_secs(20), "the new certificate is not served");
        thread::sleep(Duration::from_millis(50));
    }
    assert_eq!(live.get(rsa), "");
}

#[test]
fn serve_live_has_forty_lines_at_the_most() {
    let source = include_str!("../../crates/core/examples/serve_live.rs");
    assert!(source.lines().count() <= 40);
}
