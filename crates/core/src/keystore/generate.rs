//! Self-signed certificates, with keys made here.

use rustls_pki_types::UnixTime;

use super::{
    Keystore,
    protocol::Asked,
    request::{CredentialRequest, ImportOptions, ImportReport},
};
use crate::{
    alias::Alias,
    certificate::ServerCredential,
    error::{AuthorityError, Error},
    instant::seconds,
    issuance::{CertificateTemplate, KeyKind, check_days, self_signed},
    store::{Action, StoreError},
    trace::{Operation, traced},
};

/// A self-signed certificate that is to be made.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct GenerateRequest {
    /// The alias.
    pub alias: Alias,
    /// Names and subject.
    pub template: CertificateTemplate,
    /// The kind of its key.
    pub key: KeyKind,
    /// How many days it is valid for, from `options.at`: at most [`MAX_DAYS`](crate::issuance::MAX_DAYS).
    pub days: u32,
    /// How it is stored: as an import.
    pub options: ImportOptions,
}

impl GenerateRequest {
    /// A request with the defaults: a P-256 key, and 365 days from `at`.
    #[must_use]
    pub fn new(alias: Alias, template: CertificateTemplate, at: UnixTime) -> Self {
        Self { alias, template, key: KeyKind::default(), days: 365, options: ImportOptions::new(at) }
    }
}

impl Keystore {
    /// Makes a key and a certificate that it signs itself, and stores them as an import: judged, sealed, read back. With
    /// `options.replace`, what had the alias becomes the former version.
    ///
    /// ```
    /// # let folder = tempfile::tempdir()?;
    /// # let unlock = strongroom::UnlockKey::generate()?;
    /// # let path = folder.path().join("keystore.db");
    /// # let keystore = strongroom::Keystore::create(&path, &unlock, strongroom::UnixTime::now())?;
    /// use strongroom::{UnixTime, issuance::CertificateTemplate, keystore::GenerateRequest};
    ///
    /// let template = CertificateTemplate::new(vec!["www.example.test".parse()?, "10.0.0.1".parse()?]);
    /// let report = keystore.generate(GenerateRequest::new("www".parse()?, template, UnixTime::now()))?;
    /// assert_eq!(report.findings[0].code.as_str(), "self_signed");
    /// assert_eq!(keystore.credential(&"www".parse()?, UnixTime::now())?.chain().len(), 1);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    ///
    /// [`IssuanceError`](crate::issuance::IssuanceError) if no such certificate is made; [`StoreError::AliasTaken`]; the store is
    /// then as it was.
    pub fn generate(&self, request: GenerateRequest) -> Result<ImportReport, Error> {
        let (alias, dry_run) = (request.alias.clone(), request.options.dry_run);
        let at = seconds(request.options.at);
        let done = traced(Operation::Import, Some(&alias), || self.make_and_import(request));
        let asked = Asked { action: Action::Generate, about: alias.as_str(), at };
        if dry_run { done } else { self.log_refusal(asked, done) }
    }

    fn make_and_import(&self, request: GenerateRequest) -> Result<ImportReport, Error> {
        let GenerateRequest { alias, template, key, days, options } = request;
        // Before the work: a large key takes its time.
        template.check()?;
        check_days(days)?;
        match self.reading(|read| read.head(&alias))? {
            Some(head) if head.trust.is_some() => {
                return Err(AuthorityError::AliasTaken { alias: head.alias }.into());
            }
            Some(head) if !options.replace => return Err(StoreError::AliasTaken { alias: head.alias }.into()),
            _ => {}
        }
        let key = key.generate()?;
        let certificate = self_signed(&key, &template, days, options.at)?;
        let credential = ServerCredential::pair(key, vec![certificate])?;
        let mut request = CredentialRequest::new(alias, credential, options.at);
        (request.options, request.action) = (options, Action::Generate);
        self.import_opened(request)
    }
}
