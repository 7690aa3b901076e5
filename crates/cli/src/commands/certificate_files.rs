//! Reads files of certificates, and folders of them, for `ca import` and `verify`.

use std::{
    fs, io,
    path::{Path, PathBuf},
};

use strongroom::{
    Error, Password,
    certificate_file::{CertificateFile, CertificateFileError, CertificateFileRequest, read_certificates},
    diagnostic::{Diagnostic, DiagnosticCode},
    keystore::AuthorityFile,
    limits::Limits,
    remedy::Remedy,
};

use super::read_file;
use crate::{
    args::Arguments,
    failure::{Exit, Failure},
    prompt::can_ask,
    render::Printer,
    source::PasswordSource,
};

/// Reads files of certificates, those of PKCS #12 with one password.
pub(super) struct Reader {
    password: Option<Password>,
    limits: Limits,
    may_ask: bool,
}

/// What was read of files and folders, and what there is to say of the rest.
pub(super) struct Taken {
    pub(super) files: Vec<AuthorityFile>,
    pub(super) remarks: Vec<Diagnostic>,
}

impl Reader {
    pub(super) fn new(
        arguments: &Arguments,
        source: Option<&PasswordSource>,
        max_work: Option<u64>,
        printer: &Printer,
    ) -> Result<Self, Failure> {
        if let Some(warning) = source.and_then(PasswordSource::warning) {
            printer.warn(warning);
        }
        // Once: standard input or a descriptor gives it only once.
        let password = match source {
            Some(source) => Some(source.read("Password of the PKCS #12 file", arguments.no_input)?),
            None => None,
        };
        let limits = Limits::default().with_max_work(max_work.unwrap_or(Limits::COMMAND_WORK));
        Ok(Self { password, limits, may_ask: can_ask(arguments) })
    }

    /// Reads one file. What is wrong with its content is an error of the engine, for its log.
    pub(super) fn read(&self, path: &Path) -> Result<Result<CertificateFile, Error>, Failure> {
        if path.is_dir() {
            let message = format!("{} is a folder", path.display());
            return Err(Failure::new(Exit::File, "file_unreadable", "container", message)
                .with(Remedy::ImportAuthorities));
        }
        let bytes = read_file(path)?;
        let with = |password: Option<&Password>| {
            let mut request = CertificateFileRequest::new(&bytes);
            request.password = password;
            request.limits = self.limits;
            read_certificates(request)
        };
        match with(self.password.as_ref()) {
            Err(CertificateFileError::Locked { .. }) if self.may_ask => {
                let question = format!("Password of {}", path.display());
                let password = PasswordSource::Prompt.read(&question, false)?;
                Ok(with(Some(&password)).map_err(Error::from))
            }
            Err(CertificateFileError::Locked { format }) => Err(Failure::password(format!(
                "{} is {format} with a password, and none was given",
                path.display()
            ))),
            other => Ok(other.map_err(Error::from)),
        }
    }

    /// Reads files, and every file of folders. What is no file of certificates is an error where it was named, and a
    /// remark where it lies in a folder; a file of certificates that cannot be read is an error in any case.
    pub(super) fn read_all(&self, paths: &[PathBuf]) -> Result<Taken, Failure> {
        let mut taken = Taken { files: Vec::new(), remarks: Vec::new() };
        for path in paths {
            if path != Path::new("-") && path.is_dir() {
                self.read_folder(path, &mut taken)?;
            } else {
                let content = self.read(path)?.map_err(|error| Failure::of_file(path, error))?;
                taken.files.push(AuthorityFile::new(path.display().to_string(), content));
            }
        }
        Ok(taken)
    }

    fn read_folder(&self, folder: &Path, taken: &mut Taken) -> Result<(), Failure> {
        let unreadable = |error: io::Error| {
            let message = format!("cannot read {}: {error}", folder.display());
            Failure::new(Exit::File, "file_unreadable", "container", message)
        };
        let mut paths = Vec::new();
        for entry in fs::read_dir(folder).map_err(unreadable)? {
            paths.push(entry.map_err(unreadable)?.path());
        }
        paths.sort();
        let before = taken.files.len();
        for path in paths {
            self.read_in_folder(&path, taken)?;
        }
        if taken.files.len() == before {
            let message = format!("{} holds no file of certificates", folder.display());
            return Err(Failure::new(Exit::File, "not_a_certificate", "container", message));
        }
        Ok(())
    }

    /// A file that lies in a folder: of certificates, or else a remark.
    fn read_in_folder(&self, path: &Path, taken: &mut Taken) -> Result<(), Failure> {
        let kind = path.metadata().map_err(|error| {
            let message = format!("cannot read {}: {error}", path.display());
            Failure::new(Exit::File, "file_unreadable", "container", message)
        })?;
        let mut passed_over = |what: &str, remedies: Vec<Remedy>| {
            let message = format!("{} {what}", path.display());
            let remark = Diagnostic::new(DiagnosticCode::OtherContent, message);
            taken.remarks.push(remark.with_remedies(remedies));
        };
        if kind.is_dir() {
            let remedy = Remedy::Advice("name it as well, if it is meant");
            passed_over("is a folder, which was passed over", vec![remedy]);
            return Ok(());
        }
        // A pipe or a device would be waited for.
        if !kind.is_file() {
            passed_over("is a pipe or a device, which was passed over", Vec::new());
            return Ok(());
        }
        match self.read(path)? {
            Ok(content) => taken.files.push(AuthorityFile::new(path.display().to_string(), content)),
            Err(error @ Error::CertificateFile(CertificateFileError::NoCertificate { .. })) => {
                let Failure { message, remedies, .. } = Failure::of_file(path, error);
                let remark = Diagnostic::new(DiagnosticCode::OtherContent, message);
                taken.remarks.push(remark.with_remedies(remedies));
            }
            Err(error) => return Err(Failure::of_file(path, error)),
        }
        Ok(())
    }
}
