//! What every case is held against.

use std::{
    cell::RefCell,
    fmt::Debug,
    sync::{Mutex, OnceLock, mpsc},
    thread,
    time::{Duration, Instant},
};

use libtest_mimic::{Failed, Trial};
use strongroom::{
    Error, Password, ServerCertificateRequest,
    certificate::ServerCredential,
    limits::{KdfBudget, Limits},
    pkcs12::{Contents, Pfx},
    secret::PrivateKey,
};
use strongroom_tests::{
    authority::{TestCa, leaf_params, now, root},
    forge::{Bag, Cipher, Forge, Hash, Scheme, Secret},
    scratch::Scratch,
};

pub const PASSWORD: &str = "changeit";

/// Far more than any refusal takes, far less than any bomb.
const WATCHDOG: Duration = Duration::from_secs(30);

/// A CA, and a key with the certificate that it issued.
pub struct Identity {
    pub root: TestCa,
    pub key: Vec<u8>,
    pub certificate: Vec<u8>,
}

/// The identity that every file holds unless a case says otherwise.
pub fn identity() -> &'static Identity {
    static IDENTITY: OnceLock<Identity> = OnceLock::new();
    IDENTITY.get_or_init(|| {
        let root = root("Hostile Root");
        let (key, certificate) = issue(&root, "www.hostile.test");
        Identity { root, key, certificate }
    })
}

/// A key and its certificate for a host.
pub fn issue(root: &TestCa, host: &str) -> (Vec<u8>, Vec<u8>) {
    let credential = root.issue(&leaf_params(host), &[]);
    (credential.key().expose_pkcs8_der().to_vec(), credential.leaf().der().to_vec())
}

pub fn secret() -> Secret {
    Secret::of(PASSWORD)
}

pub fn key_bag() -> Bag {
    Bag::key(&identity().key)
}

pub fn certificate_bag() -> Bag {
    Bag::certificate(&identity().certificate)
}

/// The usual encryption, with one iteration.
pub fn scheme() -> Scheme {
    Scheme::pbkdf2(Cipher::Aes256, Hash::Sha256, 1)
}

/// The usual file: an encrypted safe with the certificate, a shrouded key in a safe in the clear, and a MAC.
pub fn file() -> Forge {
    file_with(&scheme(), &scheme())
}

/// The usual file under given schemes for the certificate's safe and for the key.
pub fn file_with(certificate: &Scheme, key: &Scheme) -> Forge {
    Forge::new(secret()).encrypted(&[certificate_bag()], certificate).plain(&[Bag::shrouded(
        &identity().key,
        key,
        &secret(),
    )])
}

/// A file whose bags lie in the clear.
pub fn plain_file(key: Bag, certificate: Bag) -> Forge {
    Forge::new(secret()).plain(&[key, certificate])
}

/// Opens a file as an import does, up to its bags.
pub fn open(file: &[u8], password: &str, limits: &Limits) -> Result<Contents, Error> {
    let password = Password::new(password)?;
    let mut budget = KdfBudget::new(limits);
    let contents =
        Pfx::from_bytes(file, limits)?.verify(&password, &mut budget)?.decrypt(None, &mut budget)?;
    contents.require_credential()?;
    Ok(contents)
}

/// Opens a file and pairs its key with its certificate.
pub fn credential(file: &[u8], password: &str, limits: &Limits) -> Result<ServerCredential, Error> {
    Ok(ServerCredential::choose(open(file, password, limits)?, None)?)
}

/// Whether a file opens with exactly the usual key and certificate.
pub fn holds_identity(file: &[u8], password: &str, limits: &Limits) -> Result<Contents, Failed> {
    let contents = open(file, password, limits).map_err(|error| format!("{}: {error}", error.code()))?;
    let keys: Vec<&[u8]> = contents.keys.iter().map(|bag| exposed(&bag.key)).collect();
    let certificates: Vec<&[u8]> = contents.certificates.iter().map(|bag| bag.der.as_slice()).collect();
    same("keys", &[identity().key.as_slice()][..], &keys)?;
    same("certificates", &[identity().certificate.as_slice()][..], &certificates)?;
    let chosen = credential(file, password, limits).map_err(|error| format!("{}: {error}", error.code()))?;
    same("leaf", identity().certificate.as_slice(), chosen.leaf().der())?;
    Ok(contents)
}

fn exposed(key: &PrivateKey) -> &[u8] {
    key.expose_pkcs8_der()
}

pub fn same<T: PartialEq + Debug + ?Sized>(what: &str, expected: &T, found: &T) -> Result<(), Failed> {
    if expected == found {
        return Ok(());
    }
    Err(format!("{what}: expected {expected:?}, found {found:?}").into())
}

/// Runs `work` and gives up on it after a while: a refusal must not cost what the file asks for.
pub fn watched<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> Result<T, Failed> {
    let (done, waiting) = mpsc::channel();
    thread::spawn(move || done.send(work()));
    waiting.recv_timeout(WATCHDOG).map_err(|reason| match reason {
        mpsc::RecvTimeoutError::Timeout => "still at work after half a minute".into(),
        mpsc::RecvTimeoutError::Disconnected => "it panicked".into(),
    })
}

/// A test of one class.
pub fn trial(class: &str, name: &str, test: impl FnOnce() -> Result<(), Failed> + Send + 'static) -> Trial {
    let name = format!("{class}::{name}");
    Trial::test(name.clone(), move || {
        RUNNING.set(name);
        test()
    })
}

thread_local! {
    /// The name of the test that runs on this thread.
    static RUNNING: RefCell<String> = const { RefCell::new(String::new()) };
}

/// How long each refusal took, without the making of the file; shown on request, never judged.
static REFUSALS: Mutex<Vec<(Duration, String)>> = Mutex::new(Vec::new());

/// The refusals that took longest, the longest first.
pub fn slowest(count: usize) -> Vec<(Duration, String)> {
    let mut all = REFUSALS.lock().unwrap().clone();
    all.sort_by(|a, b| b.cmp(a));
    all.truncate(count);
    all
}

/// A control that opens, and the same file with a flaw, which is refused.
///
/// `make` is called with `good` and with `bad`.
pub fn flaw<T: Send + 'static>(
    class: &str,
    name: &str,
    code: &'static str,
    (good, bad): (T, T),
    make: impl Fn(T) -> Vec<u8> + Send + 'static,
) -> Trial {
    flaw_within(Limits::default(), class, name, code, (good, bad), make)
}

/// [`flaw`] under given limits.
pub fn flaw_within<T: Send + 'static>(
    limits: Limits,
    class: &str,
    name: &str,
    code: &'static str,
    (good, bad): (T, T),
    make: impl Fn(T) -> Vec<u8> + Send + 'static,
) -> Trial {
    trial(class, name, move || {
        holds_identity(&make(good), PASSWORD, &limits)
            .map_err(|failed| format!("the control: {}", failed.message().unwrap_or_default()))?;
        refused(make(bad), PASSWORD, limits, code)
    })
}

/// Whether a file is refused with `code`, by the stages alone and by a keystore, which it leaves as it was.
pub fn refused(file: Vec<u8>, password: &str, limits: Limits, code: &'static str) -> Result<(), Failed> {
    let (copy, text) = (file.clone(), password.to_owned());
    let (found, took) = watched(move || {
        let started = Instant::now();
        (credential(&copy, &text, &limits).map(|_| ()), started.elapsed())
    })?;
    REFUSALS.lock().unwrap().push((took, RUNNING.with_borrow(Clone::clone)));
    match found {
        Ok(()) => return Err(format!("opened; expected {code}").into()),
        Err(error) if error.code() != code => {
            return Err(format!("{}: {error}; expected {code}", error.code()).into());
        }
        Err(error) if error.to_string().len() > MAX_MESSAGE => {
            return Err(format!("a message of {} bytes", error.to_string().len()).into());
        }
        Err(_) => {}
    }
    let text = password.to_owned();
    watched(move || import_is_refused(&file, &text, limits, code))?
}

/// The longest message of a refusal, in bytes: what a file says must not flood a log.
const MAX_MESSAGE: usize = 4096;

fn import_is_refused(file: &[u8], password: &str, limits: Limits, code: &str) -> Result<(), Failed> {
    let scratch = Scratch::new(now());
    let before = scratch.bytes();
    let password = Password::new(password)?;
    let mut request = ServerCertificateRequest::new("www".parse()?, file, &password, now());
    request.opening.limits = limits;
    match scratch.keystore.import_server_certificate(request) {
        Ok(_) => return Err("imported".into()),
        Err(error) => same("the code at import", code, error.code())?,
    }
    if scratch.bytes() != before {
        return Err("the refused import changed the store".into());
    }
    same("entries", &0, &scratch.keystore.page(None, 10, now())?.len())
}

/// A file that opens with the usual content, whatever oddity is in it.
pub fn tolerated(
    class: &str,
    name: &str,
    make: impl Fn() -> Vec<u8> + Send + 'static,
    and: impl Fn(&Contents) -> Result<(), Failed> + Send + 'static,
) -> Trial {
    trial(class, name, move || {
        let file = make();
        watched(move || holds_identity(&file, PASSWORD, &Limits::default()))?.and_then(|found| and(&found))
    })
}
