//! Verifies client certificates against the authorities of the store, as they are now.

use std::{fmt, sync::Arc};

use arc_swap::ArcSwap;
use rustls::{
    CertificateError, DigitallySignedStruct, DistinguishedName, Error, RootCertStore, SignatureScheme,
    client::danger::HandshakeSignatureValid,
    crypto::{CryptoProvider, verify_tls12_signature, verify_tls13_signature},
    pki_types::{CertificateDer, UnixTime},
    server::{
        WebPkiClientVerifier,
        danger::{ClientCertVerified, ClientCertVerifier},
    },
};
use strongroom::certificate::Certificate;

/// A verifier whose trust anchors are swapped. It sends no names of CAs: they would be those of the handshake before.
pub(crate) struct LiveVerifier {
    anchors: ArcSwap<Anchors>,
    provider: Arc<CryptoProvider>,
    optional: bool,
}

/// What verifies against the anchors of one moment; without an anchor nothing does.
struct Anchors(Option<Arc<dyn ClientCertVerifier>>);

impl LiveVerifier {
    pub(crate) fn new(anchors: &[Certificate], provider: Arc<CryptoProvider>, optional: bool) -> Self {
        let now = ArcSwap::from_pointee(Anchors::of(anchors, &provider));
        Self { anchors: now, provider, optional }
    }

    /// The same anchors, for clients that may also have no certificate.
    pub(crate) fn trust(&self, anchors: &[Certificate]) {
        self.anchors.store(Arc::new(Anchors::of(anchors, &self.provider)));
    }
}

impl Anchors {
    fn of(anchors: &[Certificate], provider: &Arc<CryptoProvider>) -> Self {
        let mut roots = RootCertStore::empty();
        // One that webpki cannot read anchors nothing for it.
        roots.add_parsable_certificates(anchors.iter().map(|anchor| anchor.der().clone()));
        let builder = WebPkiClientVerifier::builder_with_provider(Arc::new(roots), Arc::clone(provider));
        Self(builder.build().ok())
    }
}

impl ClientCertVerifier for LiveVerifier {
    fn client_auth_mandatory(&self) -> bool {
        !self.optional
    }

    fn root_hint_subjects(&self) -> &[DistinguishedName] {
        &[]
    }

    fn verify_client_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        now: UnixTime,
    ) -> Result<ClientCertVerified, Error> {
        match &self.anchors.load().0 {
            Some(verifier) => verifier.verify_client_cert(end_entity, intermediates, now),
            None => Err(CertificateError::UnknownIssuer.into()),
        }
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        verify_tls12_signature(message, cert, dss, &self.provider.signature_verification_algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        verify_tls13_signature(message, cert, dss, &self.provider.signature_verification_algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.provider.signature_verification_algorithms.supported_schemes()
    }
}

impl fmt::Debug for LiveVerifier {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "LiveVerifier(optional: {})", self.optional)
    }
}
