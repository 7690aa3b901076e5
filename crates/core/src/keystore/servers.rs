//! Servers that run on a store, as they say themselves: a file each in a folder beside it, with a lock that ends with the
//! process.
//!
//! It is a hint for people, and for whoever is about to remove an entry. Nobody vouches for it, and no verdict rests on it.

use std::{
    fmt::Write as _,
    fs::{self, File, TryLockError},
    io::{Read as _, Seek as _, SeekFrom, Write as _},
    net::SocketAddr,
    path::{Path, PathBuf},
    time::Duration,
};

use rustls_pki_types::UnixTime;

use crate::{
    alias::Alias,
    certificate::{Fingerprint, printable},
    private_file::{self, FileError},
    store::beside,
};

/// The first line of a file.
const MAGIC: &str = "strongroom-server 1";
/// The longest file that is read.
const MAX_LEN: u64 = 1 << 20;
/// The most entries that a server lists.
const MAX_LISTED: usize = 1_000;
/// The most files that are looked at.
const MAX_SERVERS: usize = 1_000;
/// A file takes whole blocks of so many bytes: what it says is written over what it said, also on a full disk.
const BLOCK: usize = 4_096;
/// A server that writes its file is waited for.
const LOOKS: u32 = 5;
const PAUSE: Duration = Duration::from_millis(4);

/// What a running server says of itself.
#[derive(Clone, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub struct ServerReport {
    /// Its process.
    pub pid: u32,
    /// The machine that it runs on.
    pub host: String,
    /// What it is.
    pub program: String,
    /// When it began.
    pub started: UnixTime,
    /// When it wrote this.
    pub updated: UnixTime,
    /// The commit of the store that it serves.
    pub sequence: u64,
    /// Names that it can answer for.
    pub names: u64,
    /// The alias that answers for unknown names.
    pub default: Option<Alias>,
    /// Whether that one answers for every name.
    pub only_default: bool,
    /// Where it listens, as far as it says so.
    pub address: Option<SocketAddr>,
    /// Entries that it answered with, in the order of their aliases.
    pub served: Vec<ServedEntry>,
    /// Whether there are more than are listed.
    pub more: bool,
    /// Entries that it cannot serve as they are in the store, with the reason.
    pub refused: Vec<(Alias, String)>,
    /// Why it cannot read the store.
    pub failure: Option<String>,
}

/// An entry that a server answered with.
#[derive(Clone, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub struct ServedEntry {
    /// Its alias.
    pub alias: Alias,
    /// The version that it serves.
    pub version: u32,
    /// The leaf of that version.
    pub sha256: Fingerprint,
}

impl ServedEntry {
    /// An entry in a version.
    #[must_use]
    pub fn new(alias: Alias, version: u32, sha256: Fingerprint) -> Self {
        Self { alias, version, sha256 }
    }
}

impl ServerReport {
    /// This process on this machine, as a server of that name; the rest is for the server to say.
    #[must_use]
    pub fn of_this_process(program: &str, started: UnixTime) -> Self {
        #[cfg(unix)]
        let host = rustix::system::uname().nodename().to_string_lossy().into_owned();
        #[cfg(not(unix))]
        let host = String::new();
        Self { pid: std::process::id(), host, program: program.to_owned(), ..Self::blank(started) }
    }

    /// Nothing but when it began.
    const fn blank(started: UnixTime) -> Self {
        Self {
            pid: 0,
            host: String::new(),
            program: String::new(),
            started,
            updated: started,
            sequence: 0,
            names: 0,
            default: None,
            only_default: false,
            address: None,
            served: Vec::new(),
            more: false,
            refused: Vec::new(),
            failure: None,
        }
    }

    /// Whether it serves entries; a process that watches a store and serves nothing of it is called
    /// [`WATCH`](Self::WATCH).
    #[must_use]
    pub fn is_server(&self) -> bool {
        self.program != Self::WATCH
    }

    /// The program of the server that shows what was chosen with [`Keystore::set_web_server`](crate::Keystore::set_web_server).
    pub const SERVE: &'static str = "strongroom serve";
    /// The program of a process that watches a store.
    pub const WATCH: &'static str = "strongroom watch";

    /// The entry that it shows to every client, whatever name that asks for.
    #[must_use]
    pub fn shown_to_all(&self) -> Option<&Alias> {
        self.default.as_ref().filter(|_| self.only_default)
    }

    /// Whether the server may be serving an entry now.
    #[must_use]
    pub fn may_serve(&self, alias: &Alias) -> bool {
        self.more
            || self.default.as_ref() == Some(alias)
            || self.served.iter().any(|entry| entry.alias == *alias)
    }

    /// The server in a few words.
    #[must_use]
    pub fn name(&self) -> String {
        format!("{} (process {} on {})", self.program, self.pid, self.host)
    }

    fn to_text(&self) -> String {
        let mut text = format!("{MAGIC}\n");
        let line = |value: &str| printable(value);
        let _ =
            writeln!(text, "pid {}\nhost {}\nprogram {}", self.pid, line(&self.host), line(&self.program));
        let _ = writeln!(text, "started {}\nupdated {}", self.started.as_secs(), self.updated.as_secs());
        let _ = writeln!(text, "sequence {}\nnames {}", self.sequence, self.names);
        if let Some(alias) = &self.default {
            let _ = writeln!(text, "default {alias}");
        }
        if self.only_default {
            text.push_str("only-default\n");
        }
        if let Some(address) = self.address {
            let _ = writeln!(text, "address {address}");
        }
        for entry in self.served.iter().take(MAX_LISTED) {
            let _ = writeln!(text, "served {} {} {}", entry.alias, entry.version, entry.sha256);
        }
        if self.more || self.served.len() > MAX_LISTED {
            text.push_str("more\n");
        }
        for (alias, reason) in self.refused.iter().take(MAX_LISTED) {
            let _ = writeln!(text, "refused {alias} {}", line(reason));
        }
        if let Some(reason) = &self.failure {
            let _ = writeln!(text, "failure {}", line(reason));
        }
        // The same at both ends: a file of which a part is from before has not.
        let _ = writeln!(text, "end {}", self.updated.as_secs());
        text
    }

    /// Reads a whole file; `None` for one that is not, or is just being written. What stands behind its end is left from
    /// before.
    fn from_text(text: &str) -> Option<Self> {
        let mut lines = text.lines();
        if lines.next()? != MAGIC {
            return None;
        }
        let mut report = Self::blank(UnixTime::since_unix_epoch(Duration::ZERO));
        for line in lines {
            let (word, value) = line.split_once(' ').unwrap_or((line, ""));
            match word {
                "end" => return (instant(value)? == report.updated).then_some(report),
                "pid" => report.pid = value.parse().ok()?,
                // Whoever can write the folder wrote this.
                "host" => report.host = printable(value),
                "program" => report.program = printable(value),
                "started" => report.started = instant(value)?,
                "updated" => report.updated = instant(value)?,
                "sequence" => report.sequence = value.parse().ok()?,
                "names" => report.names = value.parse().ok()?,
                "default" => report.default = Some(value.parse().ok()?),
                "only-default" => report.only_default = true,
                "address" => report.address = Some(value.parse().ok()?),
                "served" => report.served.push(served(value)?),
                "more" => report.more = true,
                "refused" => {
                    let (alias, reason) = value.split_once(' ')?;
                    report.refused.push((alias.parse().ok()?, printable(reason)));
                }
                "failure" => report.failure = Some(printable(value)),
                // A later program may say more.
                _ => {}
            }
        }
        None
    }
}

fn instant(value: &str) -> Option<UnixTime> {
    value.parse().ok().map(|seconds| UnixTime::since_unix_epoch(Duration::from_secs(seconds)))
}

fn served(value: &str) -> Option<ServedEntry> {
    let mut words = value.split(' ');
    let (alias, version) = (words.next()?.parse().ok()?, words.next()?.parse().ok()?);
    let digits = words.next().filter(|digits| digits.len() == 64 && digits.is_ascii())?;
    let mut bytes = [0_u8; 32];
    for (byte, pair) in bytes.iter_mut().zip(digits.as_bytes().chunks(2)) {
        *byte = u8::from_str_radix(std::str::from_utf8(pair).ok()?, 16).ok()?;
    }
    Some(ServedEntry { alias, version, sha256: Fingerprint::from_bytes(bytes) })
}

/// The file of one running server; gone with it.
#[derive(Debug)]
pub struct ServerFile {
    path: PathBuf,
    file: File,
}

impl ServerFile {
    /// Makes the file, 0600, in the folder beside the store `keystore.db`: `keystore.db.servers`, 0700. What servers left
    /// behind that ended without a word is removed.
    ///
    /// # Errors
    ///
    /// [`FileError`] if the folder cannot be written, or is not this user's alone.
    pub fn create(store: &Path, report: &ServerReport) -> Result<Self, FileError> {
        let folder = folder_of(store);
        if let Err(error) = make_folder(&folder)
            && error.kind() != std::io::ErrorKind::AlreadyExists
        {
            return Err(FileError::io("make", &folder, error));
        }
        private_file::check_owned(&folder, true)?;
        for path in files(&folder) {
            if !is_alive(&path) {
                let _ = fs::remove_file(path);
            }
        }
        let mut number = 0_u32;
        let path = loop {
            let path = folder.join(format!("{}-{number}", report.pid));
            match private_file::create(&path, b"") {
                Ok(()) => break path,
                Err(FileError::Exists { .. }) if number < 10_000 => number += 1,
                Err(other) => return Err(other),
            }
        };
        let file = private_file::open_private(&path, true)?;
        // Whoever looks has it for an instant.
        for _ in 0..LOOKS {
            if file.try_lock().is_ok() {
                break;
            }
            std::thread::sleep(PAUSE);
        }
        let mut made = Self { path, file };
        made.write(report)?;
        Ok(made)
    }

    /// Says what the server does now. Nothing is cut off before it is written again: the file of a server stays whole while
    /// the disk is full.
    ///
    /// # Errors
    ///
    /// [`FileError`] if the file cannot be written.
    pub fn write(&mut self, report: &ServerReport) -> Result<(), FileError> {
        let mut text = report.to_text().into_bytes();
        let len = text.len().next_multiple_of(BLOCK);
        text.resize(len, b'\n');
        let written = self
            .file
            .seek(SeekFrom::Start(0))
            .and_then(|_| self.file.write_all(&text))
            .and_then(|()| self.file.set_len(u64::try_from(len).unwrap_or(u64::MAX)));
        written.map_err(|error| FileError::io("write", &self.path, error))
    }
}

impl Drop for ServerFile {
    fn drop(&mut self) {
        let _ = fs::remove_file(&self.path);
    }
}

/// What the servers say that run on the store at `path` now; nothing where that cannot be seen.
#[must_use]
pub fn running_servers(path: &Path) -> Vec<ServerReport> {
    let mut found: Vec<ServerReport> = files(&folder_of(path))
        .into_iter()
        .filter(|path| is_alive(path))
        .filter_map(|path| read(&path))
        .collect();
    found.sort_by_key(|server| (server.started, server.pid));
    found
}

/// What servers left behind in their folder beside the store at `path` that ended without a word: files of theirs whose
/// lock nobody has. To remove them loses nothing; the next server does so as well.
#[must_use]
pub fn stale_server_files(path: &Path) -> Vec<PathBuf> {
    let is_left = |path: &PathBuf| {
        private_file::open_private(path, false).is_ok_and(|file| {
            let mut magic = [0_u8; MAGIC.len()];
            file.try_lock_shared().is_ok()
                && (&file).read_exact(&mut magic).is_ok()
                && magic == MAGIC.as_bytes()
        })
    };
    let mut found: Vec<PathBuf> = files(&folder_of(path)).into_iter().filter(is_left).collect();
    found.sort();
    found
}

fn folder_of(store: &Path) -> PathBuf {
    beside(store, ".servers")
}

fn files(folder: &Path) -> Vec<PathBuf> {
    let Ok(entries) = fs::read_dir(folder) else {
        return Vec::new();
    };
    entries.filter_map(|entry| Some(entry.ok()?.path())).take(MAX_SERVERS).collect()
}

#[cfg(unix)]
fn make_folder(folder: &Path) -> std::io::Result<()> {
    use std::os::unix::fs::DirBuilderExt as _;
    fs::DirBuilder::new().mode(0o700).create(folder)
}

#[cfg(not(unix))]
fn make_folder(folder: &Path) -> std::io::Result<()> {
    fs::create_dir(folder)
}

/// Whether a server has the lock of its file.
fn is_alive(path: &Path) -> bool {
    let Ok(file) = private_file::open_private(path, false) else {
        return false;
    };
    matches!(file.try_lock_shared(), Err(TryLockError::WouldBlock))
}

fn read(path: &Path) -> Option<ServerReport> {
    for look in 0..LOOKS {
        if look > 0 {
            std::thread::sleep(PAUSE);
        }
        let mut text = String::new();
        let file = private_file::open_private(path, false).ok()?;
        if file.take(MAX_LEN).read_to_string(&mut text).is_ok()
            && let Some(report) = ServerReport::from_text(&text)
        {
            return Some(report);
        }
    }
    None
}

#[cfg(test)]
mod tests;
