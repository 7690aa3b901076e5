//! What the tests share: a store that worker processes change, and how it is judged.

use std::{
    fs,
    io::{BufRead as _, BufReader, Read as _},
    path::{Path, PathBuf},
    process::{Child, ChildStdout, Command, Stdio},
    sync::OnceLock,
    time::Instant,
};

use strongroom::{
    Keystore, UnlockKey,
    certificate::{Certificate, ServerCredential},
    keystore::{CredentialRequest, NewKeystore},
    secret::PrivateKey,
    store::Journal,
};
use strongroom_tests::authority::{leaf_params, now, root};
pub(crate) use strongroom_tests::machine::scaled;
use strongroom_tests::preload;
use tempfile::TempDir;

/// Numbers that depend on a seed alone.
pub(crate) struct Random(pub(crate) u64);

impl Random {
    pub(crate) fn below(&mut self, limit: usize) -> usize {
        // xorshift64*
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        let drawn = self.0.wrapping_mul(0x2545_f491_4f6c_dd1d) >> 33;
        usize::try_from(drawn).unwrap() % limit.max(1)
    }
}

/// A store in a folder of its own, `store`; its key is `store.key` and what is imported lies in `store.pool`.
pub(crate) struct Bench {
    pub(crate) folder: TempDir,
}

impl Bench {
    /// A store with the authority `root` and the server `kept`.
    pub(crate) fn new(journal: Journal) -> Self {
        Self::on(journal, |_| {})
    }

    /// The same, where `mount` has put a file system of its own into the store's folder.
    pub(crate) fn on(journal: Journal, mount: impl FnOnce(&Path)) -> Self {
        let bench = Self { folder: tempfile::tempdir().unwrap() };
        for folder in [bench.dir(), bench.pool()] {
            fs::create_dir(&folder).unwrap();
        }
        mount(&bench.dir());
        for folder in [bench.dir(), bench.pool()] {
            narrow(&folder, 0o700);
        }
        let authority = root("Root");
        for name in ["a", "b"] {
            let credential = authority.issue(&leaf_params(&format!("{name}.test")), &[]);
            fs::write(bench.pool().join(format!("{name}.der")), credential.leaf().der()).unwrap();
            let key = credential.key().expose_pkcs8_der();
            fs::write(bench.pool().join(format!("{name}.key")), key).unwrap();
        }
        let unlock = UnlockKey::generate().unwrap();
        unlock.create_file(&bench.key()).unwrap();
        let mut wanted = NewKeystore::default();
        wanted.journal = journal;
        let keystore = Keystore::create_with(bench.db(), &unlock, &wanted, now()).unwrap();
        keystore.import_authority(&"root".parse().unwrap(), authority.file(), now()).unwrap();
        drop(keystore);
        let made = bench.worker(["import", bench.dir().to_str().unwrap(), "kept", "1"]).output().unwrap();
        assert!(made.status.success());
        let keystore = bench.open();
        keystore.rename(&"kept-0".parse().unwrap(), &"kept".parse().unwrap(), now()).unwrap();
        bench
    }

    pub(crate) fn dir(&self) -> PathBuf {
        self.folder.path().canonicalize().unwrap().join("store")
    }

    pub(crate) fn db(&self) -> PathBuf {
        self.dir().join("keystore.db")
    }

    pub(crate) fn key(&self) -> PathBuf {
        self.dir().with_extension("key")
    }

    /// The key and the leaf of `a` or `b`, to be imported under an alias.
    pub(crate) fn request(&self, alias: &str, leaf: &str) -> CredentialRequest {
        let read = |suffix: &str| fs::read(self.pool().join(format!("{leaf}.{suffix}"))).unwrap();
        let certificate = Certificate::from_der(&read("der")).unwrap();
        let key = PrivateKey::from_pkcs8_der(read("key"));
        let credential = ServerCredential::pair(key, vec![certificate]).unwrap();
        CredentialRequest::new(alias.parse().unwrap(), credential, now())
    }

    fn pool(&self) -> PathBuf {
        self.dir().with_extension("pool")
    }

    pub(crate) fn unlock(&self) -> UnlockKey {
        UnlockKey::read_file(&self.key()).unwrap()
    }

    pub(crate) fn open(&self) -> Keystore {
        Keystore::open(self.db(), &self.unlock()).unwrap()
    }

    /// A worker process, not started.
    pub(crate) fn worker<'a>(&self, arguments: impl IntoIterator<Item = &'a str>) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_store-worker"));
        command.args(arguments).stdout(Stdio::piped()).stderr(Stdio::piped());
        command
    }

    /// A worker under the shim.
    pub(crate) fn shimmed<'a>(&self, arguments: impl IntoIterator<Item = &'a str>) -> Command {
        let mut command = self.worker(arguments);
        command.env("LD_PRELOAD", shim()).env("SHIM_DIR", self.dir());
        command
    }

    /// A copy of the store's files, to start from again.
    pub(crate) fn snapshot(&self) -> Vec<(PathBuf, Vec<u8>)> {
        files(&self.dir())
    }

    pub(crate) fn put_back(&self, snapshot: &[(PathBuf, Vec<u8>)]) {
        for file in fs::read_dir(self.dir()).unwrap() {
            let path = file.unwrap().path();
            if path.is_dir() {
                // What servers say of themselves.
                fs::remove_dir_all(path).unwrap();
            } else {
                fs::remove_file(path).unwrap();
            }
        }
        for (path, content) in snapshot {
            write_private(path, content);
        }
    }
}

/// The files of a folder.
pub(crate) fn all_files(folder: &Path) -> Vec<(PathBuf, Vec<u8>)> {
    let paths = fs::read_dir(folder).unwrap().map(|file| file.unwrap().path());
    paths.filter(|path| path.is_file()).map(|path| (path.clone(), fs::read(path).unwrap())).collect()
}

/// The files of a folder, but for the shared memory, which no crash of the system keeps.
pub(crate) fn files(folder: &Path) -> Vec<(PathBuf, Vec<u8>)> {
    let mut files = all_files(folder);
    files.retain(|(path, _)| !path.to_string_lossy().ends_with("-shm"));
    files
}

pub(crate) fn write_private(path: &Path, content: &[u8]) {
    fs::write(path, content).unwrap();
    narrow(path, 0o600);
}

pub(crate) fn narrow(path: &Path, mode: u32) {
    fs::set_permissions(path, std::os::unix::fs::PermissionsExt::from_mode(mode)).unwrap();
}

/// The shim, built once.
pub(crate) fn shim() -> &'static Path {
    static SHIM: OnceLock<PathBuf> = OnceLock::new();
    SHIM.get_or_init(|| preload::build("faults", env!("CARGO_TARGET_TMPDIR")))
}

/// A running worker that has the store open.
pub(crate) struct Running {
    child: Child,
    out: BufReader<ChildStdout>,
}

impl Running {
    pub(crate) fn start(mut command: Command) -> Self {
        let mut child = command.spawn().unwrap();
        let mut out = BufReader::new(child.stdout.take().unwrap());
        let mut line = String::new();
        out.read_line(&mut line).unwrap();
        assert_eq!(line, "OPEN\n");
        Self { child, out }
    }

    /// Lets it come to its end; gives how long that took, in microseconds, and half as much again.
    pub(crate) fn measure(mut self) -> usize {
        let started = Instant::now();
        self.out.read_to_string(&mut String::new()).unwrap();
        assert!(self.child.wait().unwrap().success());
        usize::try_from(started.elapsed().as_micros() * 3 / 2).unwrap()
    }

    /// Kills it; gives what it had acknowledged.
    pub(crate) fn kill(mut self) -> Vec<String> {
        self.child.kill().unwrap();
        let mut text = String::new();
        self.out.read_to_string(&mut text).unwrap();
        self.child.wait().unwrap();
        acknowledged(&text)
    }
}

/// The lines after `ACK `.
pub(crate) fn acknowledged(output: &str) -> Vec<String> {
    // The last line may be cut.
    let whole = output.rfind('\n').map_or("", |end| &output[..end]);
    whole.lines().filter_map(|line| line.strip_prefix("ACK ")).map(str::to_owned).collect()
}
