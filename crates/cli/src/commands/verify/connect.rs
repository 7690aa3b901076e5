//! `verify ALIAS --connect`: whether a server sends what the store holds.

use std::{
    io,
    net::{IpAddr, TcpStream, ToSocketAddrs as _},
    sync::{Arc, Mutex, PoisonError},
    time::{Duration, Instant},
};

use rustls::{
    ClientConfig, ClientConnection, DigitallySignedStruct, SignatureScheme,
    client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier},
    crypto::CryptoProvider,
    pki_types::{CertificateDer, ServerName},
};
use schemars::JsonSchema;
use serde::Serialize;
use strongroom::{
    Alias, Entry, Keystore,
    certificate::{Certificate, Fingerprint},
    instant::{rfc3339, seconds},
    validate::{PeerName, Policy, verify},
};

use super::{
    super::{now, open_read_only},
    StartTls,
};
use crate::{
    args::{Arguments, Host, Verify},
    failure::{Exit, Failure},
    render::Printer,
};

/// How long all of it may take.
const PATIENCE: Duration = Duration::from_secs(10);
/// The port of a server whose protocol begins with TLS.
const HTTPS: u16 = 443;

#[derive(JsonSchema, Serialize)]
pub(in crate::commands) struct ConnectView {
    alias: String,
    /// `served`; all else is an error.
    outcome: &'static str,
    host: String,
    port: u16,
    /// The name that was asked for; null where the server was asked without one.
    server_name: Option<String>,
    /// The leaf that was sent.
    sha256: String,
    version: u32,
    not_after: String,
    /// For example `TLSv1.3`.
    protocol: String,
}

/// What a server sent.
pub(in crate::commands) struct Sent {
    chain: Vec<Certificate>,
    protocol: String,
    name: ServerName<'static>,
}

/// One look at what a server sends.
pub(in crate::commands) struct Probe<'p> {
    host: &'p Host,
    starttls: Option<StartTls>,
    /// What the server is asked for, where that is not its own name.
    name: Option<&'p PeerName>,
}

impl<'p> Probe<'p> {
    pub(in crate::commands) fn new(
        host: &'p Host,
        starttls: Option<StartTls>,
        name: Option<&'p PeerName>,
    ) -> Self {
        Self { host, starttls, name }
    }

    pub(in crate::commands) fn port(&self) -> u16 {
        self.host.port.unwrap_or_else(|| self.starttls.map_or(HTTPS, |protocol| protocol.port()))
    }

    /// Shakes hands, and compares what comes with an entry and its chain: `not_served` where it is something else,
    /// `cannot_connect` where nothing comes.
    pub(in crate::commands) fn compare(&self, keystore: &Keystore, entry: &Entry) -> Result<Sent, Failure> {
        let sent = self.handshake(server_name(self.name, entry, self.host)?)?;
        compare_leaf(keystore, entry, sent.leaf()?)?;
        compare_chain(keystore, entry, &sent.chain)?;
        Ok(sent)
    }
}

impl Sent {
    fn leaf(&self) -> Result<&Certificate, Failure> {
        self.chain.first().ok_or_else(|| not_served("the server sends no certificate".to_owned()))
    }
}

pub(super) fn run(
    arguments: &Arguments,
    command: &Verify,
    alias: &Alias,
    host: &Host,
    printer: &Printer,
) -> Result<(), Failure> {
    let keystore = open_read_only(arguments, printer)?;
    let entry = keystore.entry(alias, now())?;
    if entry.kind != strongroom::keystore::EntryKind::Server {
        return Err(not_a_server_entry(&entry));
    }
    let probe = Probe::new(host, command.starttls, command.name.first());
    let sent = probe.compare(&keystore, &entry)?;
    let leaf = sent.leaf()?;
    for name in &command.name {
        if !named(leaf, name) {
            return Err(not_served(format!("what the server sends is not for {name}")));
        }
    }
    if leaf.not_after() < seconds(now()) {
        return Err(not_served(format!(
            "the server sends what the store has, which expired {}",
            rfc3339(leaf.not_after())
        )));
    }
    let view = ConnectView {
        alias: entry.alias.to_string(),
        outcome: "served",
        host: host.name.to_string(),
        port: probe.port(),
        server_name: match &sent.name {
            ServerName::DnsName(name) => Some(name.as_ref().to_owned()),
            _ => None,
        },
        sha256: leaf.fingerprint().to_string(),
        version: entry.version,
        not_after: rfc3339(leaf.not_after()),
        protocol: sent.protocol,
    };
    printer.result(&view, &[], || {
        format!(
            "{}:{} serves {} version {} with its chain, over {}, valid until {}\n",
            view.host, view.port, view.alias, view.version, view.protocol, view.not_after
        )
    });
    Ok(())
}

/// A CA certificate was named where a server's is meant.
pub(in crate::commands) fn not_a_server_entry(entry: &Entry) -> Failure {
    let message = format!("\"{}\" is a CA certificate, which no server sends as its own", entry.alias);
    Failure::new(Exit::Usage, "not_a_server_entry", "arguments", message)
}

fn not_served(message: String) -> Failure {
    Failure::new(Exit::Validation, "not_served", "connect", message)
}

/// The name to ask for: the one that was given, the host's, or where that is an address the first of the entry.
fn server_name(name: Option<&PeerName>, entry: &Entry, host: &Host) -> Result<ServerName<'static>, Failure> {
    let first =
        entry.certificate.hosts().find(|name| !name.starts_with('*') && name.parse::<IpAddr>().is_err());
    let host = host.name.to_string();
    let text = match (name, host.parse::<IpAddr>()) {
        (Some(name), _) => name.to_string(),
        (None, Ok(_)) => first.map_or(host, str::to_owned),
        (None, Err(_)) => host,
    };
    ServerName::try_from(text.clone()).map_err(|_| {
        Failure::new(Exit::Usage, "bad_host", "arguments", format!("a client cannot ask for the name {text}"))
    })
}

fn named(leaf: &Certificate, name: &PeerName) -> bool {
    let mut policy = Policy::verification();
    policy.names = vec![name.clone()];
    let refused = verify(leaf, &[], &strongroom::validate::Authorities::new(), &policy, now());
    let mismatch = |found: &strongroom::diagnostic::Diagnostic| {
        found.code == strongroom::diagnostic::DiagnosticCode::NameMismatch
    };
    refused.err().is_none_or(|refused| !refused.findings.iter().any(mismatch))
}

fn compare_leaf(keystore: &Keystore, entry: &Entry, leaf: &Certificate) -> Result<(), Failure> {
    if leaf.fingerprint() == entry.certificate.fingerprint() {
        return Ok(());
    }
    let former = keystore.history(&entry.alias)?;
    let former = former.iter().find(|version| version.certificate.fingerprint() == leaf.fingerprint());
    Err(not_served(match former {
        Some(version) => format!(
            "the server still sends version {} of {}, stored {}; the store has version {} since {}",
            version.number,
            entry.alias,
            rfc3339(seconds(version.created_at)),
            entry.version,
            rfc3339(seconds(entry.created_at))
        ),
        None => {
            format!(
                "the server sends another certificate: {} (SHA-256 {})",
                leaf.subject(),
                leaf.fingerprint()
            )
        }
    }))
}

/// Every certificate between leaf and root must be sent; a root may be.
fn compare_chain(keystore: &Keystore, entry: &Entry, sent: &[Certificate]) -> Result<(), Failure> {
    let stored = keystore.sealed_credential(&entry.alias, now())?.take_served();
    let has = |wanted: Fingerprint| sent.iter().any(|certificate| certificate.fingerprint() == wanted);
    let missing: Vec<&str> = stored
        .iter()
        .skip(1)
        .filter(|certificate| !has(certificate.fingerprint()))
        .map(|certificate| certificate.subject())
        .collect();
    if missing.is_empty() {
        return Ok(());
    }
    Err(not_served(format!(
        "the server sends the right certificate without what is above it: {}",
        missing.join("; ")
    )))
}

impl Probe<'_> {
    /// One handshake, and nothing after it.
    fn handshake(&self, name: ServerName<'static>) -> Result<Sent, Failure> {
        let (host, port) = (self.host, self.port());
        let failed = |error: &dyn std::fmt::Display| {
            let message = format!("no handshake with {}:{port}: {error}", host.name);
            Failure::new(Exit::Other, "cannot_connect", "connect", message)
        };
        let until = Instant::now() + PATIENCE;
        let mut stream = connect(&host.name.to_string(), port, until).map_err(|error| failed(&error))?;
        if let Some(protocol) = self.starttls {
            protocol.ask(Timed { stream: &stream, until }).map_err(|error| failed(&error))?;
        }
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let seen = Arc::new(Seen { provider: Arc::clone(&provider), chain: Mutex::default() });
        let config = ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .map_err(|error| failed(&error))?
            .dangerous()
            .with_custom_certificate_verifier(seen.clone())
            .with_no_client_auth();
        let mut connection =
            ClientConnection::new(Arc::new(config), name.clone()).map_err(|error| failed(&error))?;
        let mut timed = Timed { stream: &stream, until };
        let done = connection.complete_io(&mut timed);
        let chain = std::mem::take(&mut *seen.chain.lock().unwrap_or_else(PoisonError::into_inner));
        // A server that wants a certificate of ours ends the handshake after it has shown its own.
        if chain.is_empty() {
            done.map_err(|error| failed(&error))?;
        }
        let protocol = connection.protocol_version().map(|version| format!("{version:?}").replace('_', "."));
        connection.send_close_notify();
        let _ = connection.write_tls(&mut stream);
        let chain: Result<Vec<_>, _> = chain.iter().map(|der| Certificate::from_der(der)).collect();
        let chain =
            chain.map_err(|error| not_served(format!("the server sends what is no certificate: {error}")))?;
        Ok(Sent { chain, protocol: protocol.unwrap_or_default(), name })
    }
}

fn connect(host: &str, port: u16, until: Instant) -> io::Result<TcpStream> {
    let mut last = io::Error::other("the name has no address");
    for address in (host, port).to_socket_addrs()? {
        let left = until.saturating_duration_since(Instant::now()).max(Duration::from_millis(1));
        match TcpStream::connect_timeout(&address, left) {
            Ok(stream) => return Ok(stream),
            Err(error) => last = error,
        }
    }
    Err(last)
}

/// A connection that is given up at an instant, however slowly the other side writes.
struct Timed<'s> {
    stream: &'s TcpStream,
    until: Instant,
}

impl Timed<'_> {
    fn left(&self) -> io::Result<Option<Duration>> {
        let left = self.until.saturating_duration_since(Instant::now());
        if left.is_zero() {
            Err(io::Error::new(io::ErrorKind::TimedOut, "the server takes too long"))
        } else {
            Ok(Some(left))
        }
    }
}

impl io::Read for Timed<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.stream.set_read_timeout(self.left()?)?;
        let mut stream = self.stream;
        stream.read(buffer).map_err(|error| match error.kind() {
            io::ErrorKind::WouldBlock | io::ErrorKind::TimedOut => {
                io::Error::new(io::ErrorKind::TimedOut, "the server takes too long")
            }
            _ => error,
        })
    }
}

impl io::Write for Timed<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.stream.set_write_timeout(self.left()?)?;
        let mut stream = self.stream;
        stream.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Takes every chain, to look at it; that the server has the key of its leaf is verified.
#[derive(Debug)]
struct Seen {
    provider: Arc<CryptoProvider>,
    chain: Mutex<Vec<CertificateDer<'static>>>,
}

impl ServerCertVerifier for Seen {
    fn verify_server_cert(
        &self,
        leaf: &CertificateDer<'_>,
        others: &[CertificateDer<'_>],
        _name: &ServerName<'_>,
        _ocsp: &[u8],
        _now: rustls::pki_types::UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        let all = std::iter::once(leaf).chain(others).map(|der| der.clone().into_owned());
        *self.chain.lock().unwrap_or_else(PoisonError::into_inner) = all.collect();
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        let algorithms = &self.provider.signature_verification_algorithms;
        rustls::crypto::verify_tls12_signature(message, cert, dss, algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        let algorithms = &self.provider.signature_verification_algorithms;
        rustls::crypto::verify_tls13_signature(message, cert, dss, algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.provider.signature_verification_algorithms.supported_schemes()
    }
}
