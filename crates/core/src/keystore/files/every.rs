//! Every key of some files with its certificate, for an import of many.

use super::{FilesRequest, gather::Gatherer, pair::Every, source::Source};
use crate::{error::Error, instant::seconds, keystore::request::CredentialRequest};

/// Files that are open: every key that they hold, and where it came from.
#[derive(Debug)]
#[non_exhaustive]
pub struct OpenedEvery {
    /// Each key with its certificate, in the order of the files; one at least.
    pub credentials: Vec<OpenedCredentialFile>,
    /// Each file, with its parts.
    pub sources: Vec<Source>,
}

/// One of the keys of files that are open.
#[derive(Debug)]
#[non_exhaustive]
pub struct OpenedCredentialFile {
    /// The name that the file gives it: a friendlyName of PKCS #12, an alias of a keystore of Java.
    pub friendly_name: Option<String>,
    /// For an import, under the alias of the request; or why it cannot be imported.
    pub opened: Result<CredentialRequest, Error>,
}

/// Opens files as [`open_files`](crate::Keystore::open_files) does, and takes every key with its certificate, where that
/// asks to choose one. No store is needed: a request that waits for its certificate is not looked for, and
/// [`Opening::entry`](crate::keystore::Opening::entry) does not count.
///
/// ```
/// use strongroom::{
///     Password, UnixTime,
///     keystore::{FilesRequest, SourceFile, open_every},
/// };
///
/// let file = std::fs::read("../../fixtures/pkcs12/www.p12")?;
/// let files = [SourceFile::new("www.p12", &file)];
/// let password = Password::new("changeit")?;
/// let opened = open_every(FilesRequest::new("www".parse()?, &files, &password, UnixTime::now()))?;
/// assert_eq!(opened.credentials.len(), 1);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// # Errors
///
/// [`Error`] of the file that cannot be read, or holds no private key with its certificate.
pub fn open_every(request: FilesRequest<'_>) -> Result<OpenedEvery, Error> {
    let mut gatherer = Gatherer::new(&request);
    for file in request.files {
        gatherer.file(file)?;
    }
    let Every { credentials, findings, sources } =
        gatherer.finish().into_every(seconds(request.options.at))?;
    // What there is to say of the files is said once.
    let mut findings = Some(findings);
    let opened = |(friendly_name, credential): (Option<String>, Result<_, Error>)| {
        let opened = credential.map(|credential| {
            let mut one = CredentialRequest::new(request.alias.clone(), credential, request.options.at);
            one.options = request.options.clone();
            one.findings = findings.take().unwrap_or_default();
            one
        });
        OpenedCredentialFile { friendly_name, opened }
    };
    Ok(OpenedEvery { credentials: credentials.into_iter().map(opened).collect(), sources })
}
