//! The binary `strongroom`, built once and run on a store of its own.

use std::{
    ffi::OsStr,
    fs,
    path::{Path, PathBuf},
    process::{Command, Output},
    sync::OnceLock,
};

use serde_json::Value;
use tempfile::TempDir;

/// The binary; built on first use, so that it is the current one whichever test runs first. A benchmark is given the one to
/// measure.
pub fn binary() -> &'static Path {
    static BINARY: OnceLock<PathBuf> = OnceLock::new();
    BINARY.get_or_init(|| {
        #[allow(clippy::disallowed_methods, reason = "the task says what is measured")]
        if let Some(measured) = std::env::var_os("STRONGROOM_COMMAND") {
            return measured.into();
        }
        let workspace = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
        let built = Command::new(env!("CARGO"))
            .args(["build", "--quiet", "--locked", "--package", "strongroom-cli"])
            .current_dir(workspace)
            .status()
            .expect("cargo runs");
        assert!(built.success(), "the binary builds");
        // target/debug/deps/<this test>
        let folder = std::env::current_exe().unwrap().parent().unwrap().parent().unwrap().to_owned();
        folder.join(format!("strongroom{}", std::env::consts::EXE_SUFFIX))
    })
}

/// A folder with a store in it.
#[derive(Debug)]
#[non_exhaustive]
pub struct Shop {
    /// The folder; it goes with this value.
    pub folder: TempDir,
}

/// What a run gave.
#[derive(Debug)]
#[non_exhaustive]
pub struct Run {
    /// The exit code.
    pub code: i32,
    /// Standard output.
    pub out: String,
    /// Standard error.
    pub err: String,
}

impl Run {
    /// Standard output as JSON.
    #[must_use]
    pub fn json(&self) -> Value {
        serde_json::from_str(&self.out).unwrap_or_else(|error| panic!("{error}: {}", self.out))
    }

    /// The code of the error on standard output.
    #[must_use]
    pub fn error_code(&self) -> String {
        self.json()["error"]["code"].as_str().unwrap_or_else(|| panic!("no error: {}", self.out)).to_owned()
    }
}

impl From<Output> for Run {
    fn from(output: Output) -> Self {
        Self {
            code: output.status.code().expect("ended by itself"),
            out: String::from_utf8(output.stdout).unwrap(),
            err: String::from_utf8(output.stderr).unwrap(),
        }
    }
}

impl Shop {
    /// A folder without a store.
    #[must_use]
    pub fn empty() -> Self {
        Self { folder: tempfile::tempdir().unwrap() }
    }

    /// A folder with an empty store.
    #[must_use]
    pub fn open() -> Self {
        let shop = Self::empty();
        assert_eq!(shop.run(["init"]).code, 0);
        shop
    }

    /// The store.
    #[must_use]
    pub fn store(&self) -> PathBuf {
        self.folder.path().join("keystore.db")
    }

    /// The command on this store, ready to run.
    pub fn command<S: AsRef<OsStr>>(&self, arguments: impl IntoIterator<Item = S>) -> Command {
        let mut command = Command::new(binary());
        command
            .env_clear()
            .current_dir(Path::new(env!("CARGO_MANIFEST_DIR")).join("../fixtures"))
            .arg("--store")
            .arg(self.store())
            .arg("--no-input")
            .args(arguments);
        command
    }

    /// Runs the command.
    pub fn run<S: AsRef<OsStr>>(&self, arguments: impl IntoIterator<Item = S>) -> Run {
        self.command(arguments).output().unwrap().into()
    }

    /// Runs the command with `--json`.
    pub fn json<'a>(&self, arguments: impl IntoIterator<Item = &'a str>) -> Run {
        self.run(std::iter::once("--json").chain(arguments))
    }

    /// Imports the CA of most fixtures.
    pub fn import_root(&self) {
        assert_eq!(self.run(["ca", "import", "root", "chains/root-rsa.pem"]).code, 0);
    }

    /// What the folder holds: every file with its content.
    #[must_use]
    pub fn content(&self) -> Vec<(PathBuf, Vec<u8>)> {
        let mut files: Vec<_> = fs::read_dir(self.folder.path())
            .unwrap()
            .map(|file| file.unwrap().path())
            // Servers have a folder of their own.
            .filter(|path| path.is_file())
            .map(|path| (path.clone(), fs::read(path).unwrap()))
            .collect();
        files.sort();
        files
    }

    /// The names of what the folder holds.
    #[must_use]
    pub fn content_names(&self) -> Vec<String> {
        let names = fs::read_dir(self.folder.path()).unwrap();
        names.map(|file| file.unwrap().file_name().to_string_lossy().into_owned()).collect()
    }

    /// What the database holds, but for the log.
    #[must_use]
    pub fn database(&self) -> Vec<u8> {
        crate::dump::content(&self.store())
    }
}

/// The import of a fixture whose CA is that of [`Shop::import_root`].
pub const WWW: [&str; 5] = ["import", "www", "pkcs12/www.p12", "--pass-in", "pass:changeit"];

/// A store with that CA and that entry.
#[must_use]
pub fn shop() -> Shop {
    let shop = Shop::open();
    shop.import_root();
    assert_eq!(shop.run(WWW).code, 0);
    shop
}

/// The result of a run that has to succeed.
#[expect(clippy::must_use_candidate, reason = "many tests ask for the success alone")]
#[track_caller]
pub fn fine(run: &Run) -> Value {
    assert_eq!(run.code, 0, "{}{}", run.out, run.err);
    run.json()["result"].clone()
}

/// The help of a run that has to be refused so.
#[expect(clippy::must_use_candidate, reason = "most tests ask for the refusal alone")]
#[track_caller]
pub fn refused(run: &Run, code: i32, error: &str) -> String {
    assert_eq!((run.code, run.error_code().as_str()), (code, error), "{}{}", run.out, run.err);
    run.json()["error"]["help"].as_str().unwrap_or_default().to_owned()
}
