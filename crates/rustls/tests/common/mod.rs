//! A store with certificates of a CA of its own, and handshakes in memory.
#![allow(
    dead_code,
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a helper of tests, each of which uses a part"
)]

use std::{path::PathBuf, sync::Arc, time::Duration};

use rcgen::{
    BasicConstraints, CertificateParams, CertifiedIssuer, DnType, ExtendedKeyUsagePurpose, IsCa, KeyPair,
    KeyUsagePurpose, PKCS_ECDSA_P256_SHA256, PKCS_ECDSA_P384_SHA384, PKCS_ED25519, SignatureAlgorithm,
};
use rustls::{
    ClientConfig, ClientConnection, RootCertStore, ServerConfig, ServerConnection,
    crypto::CryptoProvider,
    pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer, ServerName},
};
use strongroom::{
    Keystore, UnixTime, UnlockKey,
    certificate::{Certificate, ServerCredential},
    diagnostic::DiagnosticCode,
    keystore::CredentialRequest,
    secret::PrivateKey,
};

pub(crate) const P256: &SignatureAlgorithm = &PKCS_ECDSA_P256_SHA256;
pub(crate) const P384: &SignatureAlgorithm = &PKCS_ECDSA_P384_SHA384;
pub(crate) const ED25519: &SignatureAlgorithm = &PKCS_ED25519;

pub(crate) fn provider() -> Arc<CryptoProvider> {
    Arc::new(rustls::crypto::aws_lc_rs::default_provider())
}

/// A CA with a root and an intermediate.
pub(crate) struct Ca {
    pub(crate) root: CertifiedIssuer<'static, KeyPair>,
    pub(crate) intermediate: CertifiedIssuer<'static, KeyPair>,
}

fn ca_params(name: &str) -> CertificateParams {
    let mut params = CertificateParams::default();
    params.distinguished_name.push(DnType::CommonName, name);
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    params.key_usages = vec![KeyUsagePurpose::KeyCertSign];
    params
}

impl Ca {
    pub(crate) fn new(name: &str) -> Self {
        let key = || KeyPair::generate_for(P256).unwrap();
        let root = CertifiedIssuer::self_signed(ca_params(&format!("{name} root")), key()).unwrap();
        let mut params = ca_params(&format!("{name} issuing"));
        params.use_authority_key_identifier_extension = true;
        let intermediate = CertifiedIssuer::signed_by(params, key(), &root).unwrap();
        Self { root, intermediate }
    }

    pub(crate) fn roots(&self) -> RootCertStore {
        let mut roots = RootCertStore::empty();
        roots.add(self.root.der().clone()).unwrap();
        roots
    }

    /// A leaf for `names`, and its key.
    pub(crate) fn issue(
        &self,
        names: &[&str],
        algorithm: &'static SignatureAlgorithm,
        days: (i64, i64),
    ) -> Issued {
        let key = KeyPair::generate_for(algorithm).unwrap();
        self.issue_for(names, key, days)
    }

    pub(crate) fn issue_for(&self, names: &[&str], key: KeyPair, (from, to): (i64, i64)) -> Issued {
        let names: Vec<String> = names.iter().map(|name| (*name).to_owned()).collect();
        let mut params = CertificateParams::new(names).unwrap();
        let now = i64::try_from(UnixTime::now().as_secs()).unwrap();
        let day = |days: i64| time::OffsetDateTime::from_unix_timestamp(now + days * 86_400).unwrap();
        (params.not_before, params.not_after) = (day(from), day(to));
        params.use_authority_key_identifier_extension = true;
        params.extended_key_usages =
            vec![ExtendedKeyUsagePurpose::ServerAuth, ExtendedKeyUsagePurpose::ClientAuth];
        params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
        let certificate = params.signed_by(&key, &self.intermediate).unwrap();
        Issued {
            chain: vec![certificate.der().clone(), self.intermediate.der().clone()],
            key: key.serialize_der(),
        }
    }
}

/// A leaf with its key, and the intermediate above it.
pub(crate) struct Issued {
    pub(crate) chain: Vec<CertificateDer<'static>>,
    pub(crate) key: Vec<u8>,
}

impl Issued {
    pub(crate) fn leaf(&self) -> CertificateDer<'static> {
        self.chain[0].clone()
    }

    pub(crate) fn private_key(&self) -> PrivateKeyDer<'static> {
        PrivatePkcs8KeyDer::from(self.key.clone()).into()
    }

    pub(crate) fn credential(&self) -> ServerCredential {
        let chain = self.chain.iter().map(|der| Certificate::from_der(der).unwrap()).collect();
        ServerCredential::pair(PrivateKey::from_pkcs8_der(self.key.clone()), chain).unwrap()
    }
}

/// An RSA key of 2,048 bits for PKCS #8, made once by openssl's recipe: rcgen makes it with aws-lc-rs.
pub(crate) fn rsa() -> KeyPair {
    KeyPair::generate_rsa_for(&rcgen::PKCS_RSA_SHA256, rcgen::RsaKeySize::_2048).unwrap()
}

pub(crate) struct Store {
    folder: tempfile::TempDir,
    unlock: UnlockKey,
    pub(crate) keystore: Keystore,
    pub(crate) ca: Ca,
}

impl Store {
    /// A store that trusts a CA and has no entry.
    pub(crate) fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let unlock = UnlockKey::generate().unwrap();
        let path = folder.path().join("keystore.db");
        unlock.create_file(&folder.path().join("keystore.key")).unwrap();
        let keystore = Keystore::create(&path, &unlock, UnixTime::now()).unwrap();
        let ca = Ca::new("Test");
        keystore
            .import_authority(&"root".parse().unwrap(), ca.root.pem().as_bytes(), UnixTime::now())
            .unwrap();
        Self { folder, unlock, keystore, ca }
    }

    pub(crate) fn path(&self) -> PathBuf {
        self.folder.path().join("keystore.db")
    }

    pub(crate) fn key_file(&self) -> PathBuf {
        self.folder.path().join("keystore.key")
    }

    /// Another keystore on the same file, as another process has.
    pub(crate) fn reader(&self) -> Keystore {
        Keystore::open_read_only(self.path(), &self.unlock).unwrap()
    }

    pub(crate) fn writer(&self) -> Keystore {
        self.open(&self.path())
    }

    /// The store at a path that this store's key opens.
    pub(crate) fn open(&self, path: &std::path::Path) -> Keystore {
        Keystore::open(path, &self.unlock).unwrap()
    }

    pub(crate) fn import(&self, alias: &str, issued: &Issued) {
        import(&self.keystore, alias, issued);
    }

    /// Issues for `names`, valid now, with P-256, and imports.
    pub(crate) fn entry(&self, alias: &str, names: &[&str]) -> CertificateDer<'static> {
        let issued = self.ca.issue(names, P256, (-1, 90));
        self.import(alias, &issued);
        issued.leaf()
    }
}

pub(crate) fn import(keystore: &Keystore, alias: &str, issued: &Issued) {
    let mut request = CredentialRequest::new(alias.parse().unwrap(), issued.credential(), UnixTime::now());
    request.options.replace = true;
    request.options.policy.allow =
        vec![DiagnosticCode::Expired, DiagnosticCode::NotYetValid, DiagnosticCode::NoAnchor];
    keystore.import_credential(request).unwrap();
}

/// What a client got.
#[derive(Debug)]
pub(crate) struct Met {
    pub(crate) chain: Vec<CertificateDer<'static>>,
    pub(crate) alpn: Option<Vec<u8>>,
    pub(crate) resumed: bool,
}

/// A client that takes every certificate whose key signs the handshake.
pub(crate) fn client() -> ClientConfig {
    client_of(
        rustls::crypto::aws_lc_rs::default_provider(),
        &[&rustls::version::TLS13, &rustls::version::TLS12],
    )
}

pub(crate) fn client_of(
    provider: CryptoProvider,
    versions: &[&'static rustls::SupportedProtocolVersion],
) -> ClientConfig {
    let verifier = Arc::new(Anybody(Arc::new(provider.clone())));
    ClientConfig::builder_with_provider(Arc::new(provider))
        .with_protocol_versions(versions)
        .unwrap()
        .dangerous()
        .with_custom_certificate_verifier(verifier)
        .with_no_client_auth()
}

/// One handshake in memory; the error is the client's where the server said something.
pub(crate) fn handshake(
    server: &Arc<ServerConfig>,
    client: &Arc<ClientConfig>,
    name: &str,
) -> Result<Met, rustls::Error> {
    let name = ServerName::try_from(name.to_owned()).unwrap();
    let mut client = ClientConnection::new(Arc::clone(client), name)?;
    let mut server = ServerConnection::new(Arc::clone(server))?;
    pump(&mut client, &mut server)?;
    let chain = client.peer_certificates().unwrap_or_default().iter().map(|der| der.clone().into_owned());
    Ok(Met {
        chain: chain.collect(),
        alpn: client.alpn_protocol().map(<[u8]>::to_vec),
        resumed: client.handshake_kind() == Some(rustls::HandshakeKind::Resumed),
    })
}

pub(crate) fn pump(
    client: &mut ClientConnection,
    server: &mut ServerConnection,
) -> Result<(), rustls::Error> {
    // Some more turns bring the tickets over.
    for _ in 0..12 {
        let mut bytes = Vec::new();
        while client.wants_write() {
            client.write_tls(&mut bytes).unwrap();
        }
        let mut rest = bytes.as_slice();
        let mut refused = Ok(());
        while !rest.is_empty() {
            server.read_tls(&mut rest).unwrap();
            refused = server.process_new_packets().map(drop);
            if refused.is_err() {
                break;
            }
        }
        let mut bytes = Vec::new();
        while server.wants_write() {
            server.write_tls(&mut bytes).unwrap();
        }
        let mut rest = bytes.as_slice();
        while !rest.is_empty() {
            client.read_tls(&mut rest).unwrap();
            client.process_new_packets()?;
        }
        refused?;
    }
    assert!(!client.is_handshaking() && !server.is_handshaking());
    Ok(())
}

/// Waits until something is so.
#[track_caller]
pub(crate) fn eventually(what: &str, mut is: impl FnMut() -> bool) {
    for _ in 0..500 {
        if is() {
            return;
        }
        std::thread::sleep(Duration::from_millis(10));
    }
    panic!("not within 5 s: {what}");
}

#[derive(Debug)]
struct Anybody(Arc<CryptoProvider>);

impl rustls::client::danger::ServerCertVerifier for Anybody {
    fn verify_server_cert(
        &self,
        _: &CertificateDer<'_>,
        _: &[CertificateDer<'_>],
        _: &ServerName<'_>,
        _: &[u8],
        _: UnixTime,
    ) -> Result<rustls::client::danger::ServerCertVerified, rustls::Error> {
        Ok(rustls::client::danger::ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &rustls::DigitallySignedStruct,
    ) -> Result<rustls::client::danger::HandshakeSignatureValid, rustls::Error> {
        rustls::crypto::verify_tls12_signature(message, cert, dss, &self.0.signature_verification_algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &rustls::DigitallySignedStruct,
    ) -> Result<rustls::client::danger::HandshakeSignatureValid, rustls::Error> {
        rustls::crypto::verify_tls13_signature(message, cert, dss, &self.0.signature_verification_algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<rustls::SignatureScheme> {
        self.0.signature_verification_algorithms.supported_schemes()
    }
}
