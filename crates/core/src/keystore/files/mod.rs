//! The import of a server certificate out of whatever files there are: its key and its certificates, in any form, in any
//! order, put together by public key.

mod every;
mod gather;
mod pair;
mod source;

use std::fmt;

use self::gather::Gatherer;
pub(super) use self::pair::Gathered;
pub use self::{
    every::{OpenedCredentialFile, OpenedEvery, open_every},
    source::{Source, SourcePart},
};
use super::{
    Keystore,
    protocol::Asked,
    request::{CredentialRequest, ImportOptions, ImportReport, Opening},
    waiting_key::{Waiting, about_names},
};
use crate::{
    alias::Alias,
    certificate::CredentialError,
    diagnostic::{Diagnostic, DiagnosticCode},
    error::Error,
    file_format::{FileFormat, sniff},
    instant::seconds,
    issuance::IssuanceError,
    secret::Password,
    store::Action,
};

/// A file of an import.
#[derive(Clone, Copy)]
#[non_exhaustive]
pub struct SourceFile<'a> {
    /// Its name, for people.
    pub name: &'a str,
    /// Its content.
    pub bytes: &'a [u8],
    /// Whether it was named: one that holds nothing of use is then an error. One that lies in a folder is passed over.
    pub named: bool,
}

impl<'a> SourceFile<'a> {
    /// A file that was named.
    #[must_use]
    pub fn new(name: &'a str, bytes: &'a [u8]) -> Self {
        Self { name, bytes, named: true }
    }
}

impl fmt::Debug for SourceFile<'_> {
    /// Without the content, which may be a private key.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SourceFile")
            .field("name", &self.name)
            .field("named", &self.named)
            .finish_non_exhaustive()
    }
}

/// The import of a key and its certificates from several files under an alias.
#[derive(Debug)]
#[non_exhaustive]
pub struct FilesRequest<'a> {
    /// The alias.
    pub alias: Alias,
    /// PKCS #12 files, keystores of Java, PEM, DER, PKCS #7, private keys and ZIP archives, in any order.
    pub files: &'a [SourceFile<'a>],
    /// How they are opened.
    pub opening: Opening<'a>,
    /// The rest.
    pub options: ImportOptions,
}

impl<'a> FilesRequest<'a> {
    /// A request with the defaults.
    #[must_use]
    pub fn new(
        alias: Alias,
        files: &'a [SourceFile<'a>],
        password: &'a Password,
        at: rustls_pki_types::UnixTime,
    ) -> Self {
        Self { alias, files, opening: Opening::new(password), options: ImportOptions::new(at) }
    }
}

/// Files that are open: what will be imported, and where it came from.
#[derive(Debug)]
#[non_exhaustive]
pub struct OpenedFiles {
    /// For [`Keystore::import_credential`].
    pub request: CredentialRequest,
    /// Each file, with its parts.
    pub sources: Vec<Source>,
}

impl Keystore {
    /// Puts a key and its certificates together out of several files, by public key, and stores nothing yet:
    /// [`import_credential`](Self::import_credential) goes on from here.
    ///
    /// Certificates that do not belong to the key are candidates for the chain, and no more. Private keys that stand in
    /// files of their own and belong to no certificate are passed over with a warning; nothing else is chosen for the
    /// caller. Without a private key, a replacement is given the present one of the entry, if it belongs to it.
    ///
    /// ```
    /// # let folder = tempfile::tempdir()?;
    /// # let unlock = strongroom::UnlockKey::generate()?;
    /// # let path = folder.path().join("keystore.db");
    /// use strongroom::{Keystore, Password, UnixTime, keystore::{FilesRequest, SourceFile}};
    ///
    /// let keystore = Keystore::create(&path, &unlock, UnixTime::now())?;
    /// let root = std::fs::read("../../fixtures/chains/root-rsa.pem")?;
    /// keystore.import_authority(&"root".parse()?, &root, UnixTime::now())?;
    ///
    /// let file = std::fs::read("../../fixtures/pkcs12/www.p12")?;
    /// let intermediate = std::fs::read("../../fixtures/chains/intermediate-rsa.pem")?;
    /// let files = [SourceFile::new("www.p12", &file), SourceFile::new("chain.pem", &intermediate)];
    /// let password = Password::new("changeit")?;
    /// let opened =
    ///     keystore.open_files(FilesRequest::new("www".parse()?, &files, &password, UnixTime::now()))?;
    /// let report = keystore.import_credential(opened.request)?;
    /// assert_eq!(report.imported[0].as_str(), "www");
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    ///
    /// [`Error`] of the file that cannot be read, or [`CredentialError`] if no pair, or more
    /// than one, comes out; it is in the log.
    pub fn open_files(&self, request: FilesRequest<'_>) -> Result<OpenedFiles, Error> {
        let (alias, dry_run) = (request.alias.clone(), request.options.dry_run);
        let asked = Asked { action: Action::Import, about: alias.as_str(), at: seconds(request.options.at) };
        let done = self.gather_files(request);
        if dry_run { done } else { self.log_refusal(asked, done) }
    }

    /// The same, and imports what comes out.
    ///
    /// # Errors
    ///
    /// As for [`open_files`](Self::open_files) and [`import_credential`](Self::import_credential).
    pub fn import_files(&self, request: FilesRequest<'_>) -> Result<(ImportReport, Vec<Source>), Error> {
        let OpenedFiles { request, sources } = self.open_files(request)?;
        Ok((self.import_credential(request)?, sources))
    }

    fn gather_files(&self, request: FilesRequest<'_>) -> Result<OpenedFiles, Error> {
        let mut gatherer = Gatherer::new(&request);
        for file in request.files {
            gatherer.file(file)?;
        }
        let mut gathered = gatherer.finish();
        let mut waiting = None;
        if gathered.has_no_key() && !gathered.contents.certificates.is_empty() {
            waiting = self.waiting_for(&request.alias, &gathered)?;
            if waiting.is_some() {
                let message = "the files have no private key: that of the pending request was used";
                gathered.findings.push(Diagnostic::new(DiagnosticCode::RequestAnswered, message));
            } else if request.options.replace {
                waiting = self.present_for(&request.alias, &gathered)?;
                if waiting.is_some() {
                    let message = "the files have no private key: the one that the entry has now was used";
                    gathered.findings.push(Diagnostic::new(DiagnosticCode::KeyKept, message));
                }
            }
            // For the key of the entry it is a renewal, which has to be meant: the missing key is what is said.
            if waiting.is_none()
                && !self.is_for_present(&request.alias, &gathered)?
                && let other @ (IssuanceError::WrongRequest { .. } | IssuanceError::ReplyMismatch { .. }) =
                    self.not_waiting(&request.alias, &gathered)?
            {
                return Err(other.into());
            }
        }
        into_request(request, gathered, waiting)
    }

    /// The reply to a request, with the key that waits for it.
    pub(super) fn gather_reply(&self, request: FilesRequest<'_>) -> Result<OpenedFiles, Error> {
        let mut gatherer = Gatherer::new(&request);
        for file in request.files {
            // It has a password, which nobody is asked for here.
            if matches!(sniff(file.bytes), FileFormat::Pkcs12 | FileFormat::Jks | FileFormat::Jceks) {
                return Err(IssuanceError::ReplyWithKey.into());
            }
            gatherer.file(file)?;
        }
        let gathered = gatherer.finish();
        if !gathered.has_no_key() {
            return Err(IssuanceError::ReplyWithKey.into());
        }
        if gathered.contents.certificates.is_empty() {
            let request = FileFormat::CertificateRequest.to_string();
            let is_request = |source: &&Source| source.parts.iter().any(|part| part.name == request);
            return Err(match gathered.sources.iter().find(is_request) {
                Some(Source { file, .. }) => IssuanceError::ReplyIsRequest { file: file.clone() }.into(),
                None => CredentialError::NoCertificate.into(),
            });
        }
        let waiting = match self.waiting_for(&request.alias, &gathered)? {
            None => self.present_for(&request.alias, &gathered)?,
            waiting => waiting,
        };
        match waiting {
            Some(waiting) => into_request(request, gathered, Some(waiting)),
            None => Err(self.not_waiting(&request.alias, &gathered)?.into()),
        }
    }
}

/// What is to be imported, with the key that waited for it, if one did.
fn into_request(
    request: FilesRequest<'_>,
    mut gathered: Gathered,
    waiting: Option<Waiting>,
) -> Result<OpenedFiles, Error> {
    let (mut answers, mut asked) = (None, None);
    if let Some(waiting) = waiting {
        (answers, asked) = (waiting.answers, waiting.request);
        gathered.waiting_key(waiting.key, waiting.place);
    }
    let (credential, mut findings, sources) =
        gathered.into_credential(request.opening.entry.as_ref(), seconds(request.options.at))?;
    findings.extend(asked.and_then(|asked| about_names(&asked, &credential.leaf)));
    let FilesRequest { alias, options, .. } = request;
    let mut request = CredentialRequest::new(alias, credential, options.at);
    (request.findings, request.options, request.answers) = (findings, options, answers);
    Ok(OpenedFiles { request, sources })
}
