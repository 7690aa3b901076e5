//! Which CA certificates of a file its own path needs, for a person to decide whether to trust them.

use super::{Keystore, chains::load_authorities, request::CredentialRequest};
use crate::{
    certificate::{Certificate, climb},
    diagnostic::DiagnosticCode,
    error::Error,
    instant::seconds,
    validate::{
        Authorities, PathCertificate, Role, Trust, ValidatedChain, ValidationError, anchors_now, verify,
    },
};

/// A CA certificate that a file embeds, that its path needs, and that the store does not have.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct EmbeddedAuthority {
    /// The certificate.
    pub certificate: Certificate,
    /// [`Role::Anchor`] if the path would end here, so that every certificate below it is accepted from now on.
    pub role: Role,
}

impl Keystore {
    /// The CA certificates that must be imported with a credential for it to be accepted, and that came with it: the
    /// last one anchors the path. It is a root if the file has one, or else the highest intermediate. Empty if the
    /// imported authorities do.
    ///
    /// Nothing is trusted by this: whoever asked puts the digest of the anchor into
    /// [`ImportOptions::vouched`](crate::keystore::ImportOptions::vouched) after comparing it with what the CA publishes.
    ///
    /// ```
    /// # let folder = tempfile::tempdir()?;
    /// # let unlock = strongroom::UnlockKey::generate()?;
    /// # let path = folder.path().join("keystore.db");
    /// # let keystore = strongroom::Keystore::create(&path, &unlock, strongroom::UnixTime::now())?;
    /// use strongroom::{Password, ServerCertificateRequest, UnixTime, validate::Role};
    ///
    /// let file = std::fs::read("../../fixtures/pkcs12/www.p12")?;
    /// let password = Password::new("changeit")?;
    /// let request = ServerCertificateRequest::new("www".parse()?, &file, &password, UnixTime::now());
    /// let mut opened = keystore.open_server_certificate(request)?;
    /// let embedded = keystore.embedded_authorities(&opened)?;
    /// // This file embeds its intermediate alone.
    /// assert_eq!(embedded.len(), 1);
    /// assert_eq!(embedded[0].role, Role::Anchor);
    /// // After a person compared the digest:
    /// opened.options.vouched = vec![embedded[0].certificate.fingerprint()];
    /// assert_eq!(keystore.import_credential(opened)?.imported.len(), 2);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    ///
    /// [`ValidationError`] if the credential is refused even with them, or the file embeds none that helps.
    pub fn embedded_authorities(&self, request: &CredentialRequest) -> Result<Vec<EmbeddedAuthority>, Error> {
        let credential = &request.credential;
        let (leaf, others) = (&credential.leaf, &credential.others);
        let load = || self.reading(|read| load_authorities(read, leaf, others));
        let chain = find_chain(request, load)?;
        let Some(chain) = chain else {
            return Ok(Vec::new());
        };
        let path = chain.path().iter().skip(1);
        let embedded: Vec<&PathCertificate> = path
            .filter(|ca| others.iter().any(|other| other.fingerprint == ca.certificate.fingerprint))
            .collect();
        let mut needed = Vec::new();
        for PathCertificate { certificate, role } in embedded {
            let known = self.reading(|read| read.authority_aliases(&certificate.fingerprint))?;
            if *role == Role::Anchor || known.is_empty() {
                needed.push(EmbeddedAuthority { certificate: certificate.clone(), role: *role });
            }
        }
        Ok(needed)
    }
}

/// The path that ends at an embedded certificate; `None` if there is one that ends at an imported one.
fn find_chain(
    request: &CredentialRequest,
    load: impl Fn() -> Result<Authorities, Error>,
) -> Result<Option<ValidatedChain>, Error> {
    let CredentialRequest { credential, options, .. } = request;
    let (leaf, others) = (&credential.leaf, &credential.others);
    // A path without an anchor is no path here, whatever else is allowed.
    let mut policy = options.policy.clone();
    policy.allow.retain(|code| *code != DiagnosticCode::NoAnchor);
    policy.use_embedded = true;
    let with = |anchors: &[&Certificate]| -> Result<Result<ValidatedChain, ValidationError>, Error> {
        let mut authorities = load()?;
        anchors.iter().for_each(|anchor| authorities.add((*anchor).clone(), Trust::Anchor));
        Ok(verify(leaf, others, &authorities, &policy, options.at))
    };
    let refused = match with(&[])? {
        Ok(_) => return Ok(None),
        Err(refused) if refused.findings.iter().any(|found| found.code == DiagnosticCode::NoAnchor) => {
            refused
        }
        Err(refused) => return Err(refused.into()),
    };
    let at = seconds(options.at);
    let usable = |ca: &&Certificate| anchors_now(ca, at);
    let (roots, between): (Vec<&Certificate>, Vec<&Certificate>) =
        others.iter().filter(usable).partition(|ca| ca.is_self_signed());
    if !roots.is_empty()
        && let Ok(chain) = with(&roots)?
    {
        return Ok(Some(chain));
    }
    // Without a root, the highest of those on the way up.
    let mut best: Option<ValidatedChain> = None;
    for ca in climb(leaf, &between) {
        if let Ok(chain) = with(&[ca])?
            && best.as_ref().is_none_or(|known| chain.path().len() > known.path().len())
        {
            best = Some(chain);
        }
    }
    best.map_or_else(|| Err(refused.into()), |chain| Ok(Some(chain)))
}
