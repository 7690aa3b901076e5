//! What a thief of the files, or a process of the same user, gets to see of keys and passwords while a server runs, and
//! after it crashed: nothing. The database, its log and all that a crash leaves are searched for their bytes.
#![cfg(target_os = "linux")]

use std::{
    fs,
    io::{BufRead as _, BufReader},
    os::unix::{
        fs::{MetadataExt as _, PermissionsExt as _, chown},
        process::{CommandExt as _, ExitStatusExt as _},
    },
    path::{Path, PathBuf},
    process::{Child, Command, ExitStatus, Output, Stdio},
};

use strongroom::{Password, ServerCertificateRequest};
use strongroom_tests::{authority::now, command::binary, manifest, scratch::Scratch};
use tempfile::TempDir;

/// Opens the store.
const PHRASE: &str = "a passphrase for the store";
/// Of the administrator.
const ADMIN: &str = "the administrator's word";
/// Of the fixtures.
const FILE: &str = "changeit";
const SERVERS: [&str; 2] = ["www", "www-direct"];

fn holds(content: &[u8], needle: &[u8]) -> bool {
    content.windows(needle.len()).any(|window| window == needle)
}

/// The long INTEGERs and OCTET STRINGs of a DER structure, at any depth: of a PKCS #8 key its primes, exponents and
/// coefficient, or its scalar.
fn numbers(mut der: &[u8], found: &mut Vec<Vec<u8>>) {
    while let [tag, first, rest @ ..] = der {
        let (length, rest) = if *first < 0x80 {
            (usize::from(*first), rest)
        } else {
            let (length, rest) = rest.split_at(usize::from(first & 0x7f));
            (length.iter().fold(0, |length, byte| (length << 8) | usize::from(*byte)), rest)
        };
        let (content, after) = rest.split_at(length);
        let is_octets = *tag == 4;
        if tag & 0x20 != 0 || (is_octets && content.first() == Some(&0x30)) {
            numbers(content, found);
        } else if (is_octets || *tag == 2) && content.len() >= 16 {
            found.push(content.iter().copied().skip_while(|byte| *byte == 0).collect());
        }
        der = after;
    }
}

/// What must be nowhere, and the leaves, which the store has in the clear.
struct Wanted {
    secrets: Vec<Vec<u8>>,
    leaves: Vec<Vec<u8>>,
}

impl Wanted {
    /// The PKCS #8 form of both fixtures' keys and each secret number in it; the passwords in UTF-8 and in UTF-16.
    fn new() -> Self {
        let scratch = Scratch::new(now());
        let keystore = &scratch.keystore;
        keystore
            .import_authority(&"root".parse().unwrap(), &manifest::read("chains/root-rsa.pem"), now())
            .unwrap();
        let password = Password::new(FILE).unwrap();
        let (mut secrets, mut leaves) = (Vec::new(), Vec::new());
        for server in SERVERS {
            let (file, alias) = (manifest::read(&format!("pkcs12/{server}.p12")), server.parse().unwrap());
            keystore
                .import_server_certificate(ServerCertificateRequest::new(alias, &file, &password, now()))
                .unwrap();
            let opened = keystore.credential(&server.parse().unwrap(), now()).unwrap();
            let (leaf, key) = (opened.chain()[0].der().to_vec(), opened.key().expose_pkcs8_der());
            let mut found = Vec::new();
            numbers(key, &mut found);
            // The modulus is public.
            found.retain(|number| !holds(&leaf, number));
            assert_eq!(found.len(), if server == "www" { 6 } else { 1 }, "RSA: d p q dp dq qinv; EC: d");
            secrets.push(key.to_vec());
            secrets.append(&mut found);
            leaves.push(leaf);
        }
        for text in [PHRASE, ADMIN, FILE] {
            secrets.push(text.as_bytes().to_vec());
            secrets.push(text.encode_utf16().flat_map(u16::to_be_bytes).collect());
            secrets.push(text.encode_utf16().flat_map(u16::to_le_bytes).collect());
        }
        Self { secrets, leaves }
    }

    /// No file of `folder` has a secret; the leaves are found, so the search finds.
    #[track_caller]
    fn search(&self, folder: &Path) {
        let mut all = Vec::new();
        for path in files_below(folder) {
            let content = fs::read(&path).unwrap();
            for secret in &self.secrets {
                assert!(
                    !holds(&content, secret),
                    "{} has a secret of {} bytes",
                    path.display(),
                    secret.len()
                );
            }
            all.extend(content);
        }
        // A certificate may lie on several pages: its first bytes are looked for.
        for leaf in &self.leaves {
            assert!(holds(&all, &leaf[..64]), "a leaf is not found, so the search shows nothing");
        }
    }
}

/// What servers say of themselves lies in a folder of its own.
fn files_below(folder: &Path) -> Vec<PathBuf> {
    let paths = fs::read_dir(folder).unwrap().map(|file| file.unwrap().path());
    paths.flat_map(|path| if path.is_dir() { files_below(&path) } else { vec![path] }).collect()
}

/// A folder of the user that the server runs as: `store/` with a store, `run/` where it runs, and the command.
struct House {
    folder: TempDir,
    /// Not root, where the test may choose: nothing is hidden from root.
    user: u32,
}

impl House {
    fn new() -> Self {
        let own = fs::metadata("/proc/self").unwrap().uid();
        let house = Self { folder: tempfile::tempdir().unwrap(), user: if own == 0 { 65_534 } else { own } };
        fs::copy(binary(), house.path("strongroom")).unwrap();
        for name in ["store", "run"] {
            fs::create_dir(house.path(name)).unwrap();
            fs::set_permissions(house.path(name), fs::Permissions::from_mode(0o700)).unwrap();
        }
        for file in ["pkcs12/www.p12", "pkcs12/www-direct.p12", "chains/root-rsa.pem"] {
            let to = house.path(Path::new(file).file_name().unwrap().to_str().unwrap());
            fs::write(to, manifest::read(file)).unwrap();
        }
        if own == 0 {
            for name in ["", "strongroom", "store", "run", "www.p12", "www-direct.p12", "root-rsa.pem"] {
                chown(house.path(name), Some(house.user), None).unwrap();
            }
        }
        house
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// A program as that user, where the server runs.
    fn run(&self, program: impl AsRef<Path>) -> Command {
        let mut command = Command::new(program.as_ref());
        command.current_dir(self.path("run")).env_clear().env("PATH", "/usr/bin:/bin").env("LC_ALL", "C");
        if fs::metadata("/proc/self").unwrap().uid() != self.user {
            command.uid(self.user).gid(self.user);
        }
        command
    }

    /// The command on the store; core files of any size are allowed from outside.
    fn strongroom(&self, arguments: &[&str]) -> Command {
        let mut command = self.run("/bin/sh");
        command.args(["-c", "ulimit -c unlimited; exec \"$0\" \"$@\""]).arg(self.path("strongroom"));
        command.arg("--store").arg(self.path("store/keystore.db"));
        command.args(["--no-input", "--json", "--unlock", "passphrase:env:PHRASE"]).args(arguments);
        command.env("PHRASE", PHRASE).env("ADMIN", ADMIN).env("FILE", FILE);
        command
    }

    #[track_caller]
    fn done(&self, arguments: &[&str]) {
        let output: Output = self.strongroom(arguments).output().unwrap();
        assert!(output.status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&output.stdout));
    }

    /// A running server with the store open.
    fn serve(&self) -> Child {
        let mut command = self.strongroom(&["serve", "--listen", "127.0.0.1:0"]);
        let mut child = command.stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap();
        let mut line = String::new();
        BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
        assert!(line.contains("https://127.0.0.1:"), "{line}");
        child
    }

    /// What `cat` as that user says of a file of a process.
    fn reads(&self, pid: u32, file: &str) -> Output {
        self.run("/bin/cat").arg(format!("/proc/{pid}/{file}")).output().unwrap()
    }
}

fn end(mut child: Child, signal: &str) -> ExitStatus {
    assert!(Command::new("kill").args([signal, &child.id().to_string()]).status().unwrap().success());
    child.wait().unwrap()
}

/// Its files in /proc belong to root, its environment and memory cannot be read, it writes no core file.
#[track_caller]
fn is_closed(house: &House, child: &Child) {
    let pid = child.id();
    let limits = fs::read_to_string(format!("/proc/{pid}/limits")).unwrap();
    let core = limits.lines().find(|line| line.starts_with("Max core file size")).unwrap();
    assert_eq!(core.split_whitespace().collect::<Vec<_>>()[4..6], ["0", "0"], "{core}");
    if house.user != 0 {
        assert_eq!(fs::metadata(format!("/proc/{pid}/mem")).unwrap().uid(), 0, "the process is not dumpable");
        for file in ["environ", "mem"] {
            let output = house.reads(pid, file);
            assert_eq!(String::from_utf8_lossy(&output.stdout), "");
            let said = String::from_utf8_lossy(&output.stderr);
            assert!(said.contains("Permission denied"), "{file}: {said}");
        }
    }
}

/// The same questions to a process without protection, or the answers above would say nothing.
fn control(house: &House) {
    let child = house.run("/bin/sh").args(["-c", "ulimit -c unlimited; exec sleep 60"]).spawn().unwrap();
    // The shell becomes sleep.
    while fs::read_to_string(format!("/proc/{}/comm", child.id())).unwrap() != "sleep\n" {
        std::thread::yield_now();
    }
    let output = house.reads(child.id(), "environ");
    assert!(holds(&output.stdout, b"LC_ALL=C"), "{}", String::from_utf8_lossy(&output.stderr));
    if !end(child, "-ABRT").core_dumped() {
        println!("this system writes no core files of anybody: that part of the test shows nothing here");
    }
    for file in fs::read_dir(house.path("run")).unwrap() {
        fs::remove_file(file.unwrap().path()).unwrap();
    }
}

#[test]
fn files_log_and_crash_of_a_server_hold_no_key_and_no_password() {
    let wanted = Wanted::new();
    let house = House::new();
    control(&house);
    house.done(&["init"]);
    house.done(&["ca", "import", "root", "../root-rsa.pem"]);
    house.done(&["user", "add", "siteadmin", "--pass-in", "env:ADMIN"]);
    for (signal, number) in [("-ABRT", 6), ("-TRAP", 5)] {
        let server = house.serve();
        for name in SERVERS {
            house.done(&["import", name, &format!("../{name}.p12"), "--pass-in", "env:FILE", "--replace"]);
        }
        // The server keeps the log from being emptied.
        assert!(fs::metadata(house.path("store/keystore.db-wal")).unwrap().len() > 0);
        wanted.search(&house.path("store"));
        is_closed(&house, &server);
        let status = end(server, signal);
        assert_eq!((status.signal(), status.core_dumped()), (Some(number), false), "{signal}");
        assert_eq!(fs::read_dir(house.path("run")).unwrap().count(), 0, "{signal} left something");
        wanted.search(&house.path("store"));
        for name in SERVERS {
            house.done(&["rm", name]);
        }
    }
}
