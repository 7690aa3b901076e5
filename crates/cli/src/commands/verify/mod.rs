//! `verify`: the verdict on an entry, on certificate files, or on a batch of cases.

mod batch;
pub(super) mod connect;
pub(super) mod entries;
mod starttls;

use std::{path::Path, time::Duration};

use schemars::JsonSchema;
use serde::Serialize;
use strongroom::{
    Error, UnixTime,
    certificate::Certificate,
    certificate_file::CertificateFile,
    diagnostic::Diagnostic,
    remedy::Remedy,
    validate::{Authorities, Policy, Trust, ValidatedChain, ValidationError, verify},
};
use time::{OffsetDateTime, format_description::well_known::Rfc3339};

pub(super) use self::connect::{Probe, not_a_server_entry};
pub(crate) use self::starttls::StartTls;
use super::{certificate_files::Reader, now, open_read_only};
use crate::{
    args::{Arguments, Verify},
    failure::{Exit, Failure},
    render::{LinkView, Printer, path_text},
};

#[derive(JsonSchema, Serialize)]
pub(in crate::commands) struct VerifyView<'a> {
    /// Null where files were judged.
    alias: Option<&'a str>,
    /// `accepted`; a refusal is an error.
    outcome: &'static str,
    chain: Vec<LinkView>,
    /// Signatures that were checked to find the path.
    signatures: u32,
}

pub(super) fn run(arguments: &Arguments, command: &Verify, printer: &Printer) -> Result<(), Failure> {
    if command.batch {
        return batch::run(&mut std::io::stdin().lock(), printer, now());
    }
    if let (Some(alias), Some(host)) = (&command.alias, &command.connect) {
        return connect::run(arguments, command, alias, host, printer);
    }
    let at = match &command.at {
        Some(text) => instant(text).map_err(|message| usage("bad_time", message))?,
        None => now(),
    };
    match (&command.alias, &command.leaf) {
        (Some(alias), None) => {
            let keystore = open_read_only(arguments, printer)?;
            let mut policy = Policy::default();
            apply(command, &mut policy);
            let chain = keystore.verify(alias, &policy, at).map_err(|error| fitted(error.into(), false))?;
            print(Some(alias.as_str()), &chain, Vec::new(), printer);
            Ok(())
        }
        (None, Some(leaf)) => {
            let (verdict, about_files) =
                verify_files(arguments, command, leaf, at, printer).map_err(as_fault)?;
            match verdict {
                Ok(chain) => print(None, &chain, about_files, printer),
                // Scripts tell a refusal (1) from a fault (2).
                Err(refused) => {
                    let mut failure = Failure { exit: Exit::Other, ..Error::from(refused).into() };
                    failure = fitted(failure, true);
                    failure.more.extend(about_files);
                    return Err(failure);
                }
            }
            Ok(())
        }
        _ if command.name.is_empty() => {
            let mut policy = Policy::default();
            apply(command, &mut policy);
            entries::run(arguments, &policy, at, printer)
        }
        _ => Err(usage("nothing_to_verify", "--name is for one entry: give its alias".to_owned())),
    }
}

fn usage(code: &'static str, message: String) -> Failure {
    Failure::new(Exit::Usage, code, "arguments", message)
}

/// A file that is missing or cannot be read is a fault of the call, not a verdict.
fn as_fault(failure: Failure) -> Failure {
    Failure { exit: Exit::Usage, ..failure }
}

fn apply(command: &Verify, policy: &mut Policy) {
    policy.purpose = command.purpose;
    policy.names.clone_from(&command.name);
}

type Verdict = Result<ValidatedChain, ValidationError>;

/// The verdict, and what there is to say of the files.
fn verify_files(
    arguments: &Arguments,
    command: &Verify,
    leaf: &Path,
    at: UnixTime,
    printer: &Printer,
) -> Result<(Verdict, Vec<Diagnostic>), Failure> {
    let reader = Reader::new(arguments, command.source.as_ref(), None, printer)?;
    let mut about_files = Vec::new();
    let mut read = |path: &Path| -> Result<CertificateFile, Failure> {
        let file = reader.read(path)?.map_err(|error| Failure::of_file(path, error))?;
        for remark in &file.findings {
            let mut remark = remark.clone();
            remark.message = format!("{}: {}", path.display(), remark.message);
            about_files.push(remark);
        }
        Ok(file)
    };
    let mut authorities = Authorities::new();
    for path in &command.anchor {
        for certificate in all(read(path)?) {
            authorities.add(certificate, Trust::Anchor);
        }
    }
    // A server's file has the leaf first, and its chain behind it.
    let (first, mut others) =
        read(leaf)?.into_leaf_and_others().map_err(|error| Failure::of_file(leaf, error.into()))?;
    for path in &command.intermediate {
        others.extend(all(read(path)?));
    }
    let mut policy = Policy::verification();
    apply(command, &mut policy);
    Ok((verify(&first, &others, &authorities, &policy, at), about_files))
}

fn all(file: CertificateFile) -> impl Iterator<Item = Certificate> {
    file.certificates.into_iter().map(|found| found.certificate)
}

/// RFC 3339, from 1970 on; fractions of a second are cut off.
pub(super) fn instant(text: &str) -> Result<UnixTime, String> {
    OffsetDateTime::parse(text, &Rfc3339)
        .ok()
        .and_then(|time| u64::try_from(time.unix_timestamp()).ok())
        .map(|seconds| UnixTime::since_unix_epoch(Duration::from_secs(seconds)))
        .ok_or_else(|| format!("{text:?} is no time since 1970; write it as 2026-04-01T12:00:00Z"))
}

/// A failure with advice for a verification, which imports nothing.
fn fitted(mut failure: Failure, of_files: bool) -> Failure {
    fit(&mut failure.remedies, of_files);
    for remark in &mut failure.more {
        fit(&mut remark.remedies, of_files);
    }
    failure
}

/// Leaves out what only an import can do; what is missing among files is given as a file.
fn fit(remedies: &mut Vec<Remedy>, of_files: bool) {
    let mut lacks_authority = false;
    remedies.retain(|remedy| match remedy {
        Remedy::Allow(_) | Remedy::Replace | Remedy::ImportWithChain => false,
        Remedy::ImportWithEmbeddedCa => {
            lacks_authority = true;
            false
        }
        Remedy::ImportAuthority | Remedy::ImportAuthorityWithKey { .. } => {
            lacks_authority = true;
            !of_files
        }
        _ => true,
    });
    if lacks_authority && of_files {
        remedies.insert(0, Remedy::GiveAnchor);
    } else if lacks_authority && remedies.is_empty() {
        remedies.push(Remedy::ImportAuthority);
    }
}

fn print(alias: Option<&str>, chain: &ValidatedChain, mut warnings: Vec<Diagnostic>, printer: &Printer) {
    let mut found = chain.findings().to_vec();
    found.iter_mut().for_each(|remark| fit(&mut remark.remedies, alias.is_none()));
    warnings.extend(found);
    let links = chain.path().iter().map(LinkView::of).collect();
    let view = VerifyView { alias, outcome: "accepted", chain: links, signatures: chain.signatures() };
    printer.result(&view, &warnings, || format!("accepted\n{}", path_text(chain.path())));
}
