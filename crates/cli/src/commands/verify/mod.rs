//! `verify`: the verdict on an entry, on certificate files, or on a batch of cases.

mod batch;

use std::{path::Path, time::Duration};

use serde::Serialize;
use strongroom::{
    Authorities, Certificate, Error, Policy, Remark, Trust, UnixTime, ValidatedChain, ValidationError,
    read_certificates, verify,
};
use time::{OffsetDateTime, format_description::well_known::Rfc3339};

use super::{now, open_read_only, read_file, remarks};
use crate::{
    args::{Arguments, Verify},
    failure::{Exit, Failure},
    render::{LinkView, Printer, path_text},
};

#[derive(Serialize)]
struct VerifyView<'a> {
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
    let at = match &command.at {
        Some(text) => instant(text).map_err(|message| usage("bad_time", message))?,
        None => now(),
    };
    match (&command.alias, &command.leaf) {
        (Some(alias), None) => {
            let mut keystore = open_read_only(arguments)?;
            let mut policy = Policy::default();
            apply(command, &mut policy);
            let chain = keystore.verify(alias, &policy, at)?;
            print(Some(alias.as_str()), &chain, printer);
            Ok(())
        }
        (None, Some(leaf)) => {
            let verdict = verify_files(command, leaf, at).map_err(as_fault)?;
            // Scripts tell a refusal (1) from a fault (2).
            let chain =
                verdict.map_err(|refused| Failure { exit: Exit::Other, ..Error::from(refused).into() })?;
            print(None, &chain, printer);
            Ok(())
        }
        _ => Err(usage("nothing_to_verify", "give an alias, or --leaf FILE with --anchor FILE".to_owned())),
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
    policy.purpose = command.purpose.into();
    policy.names.clone_from(&command.name);
}

fn verify_files(
    command: &Verify,
    leaf: &Path,
    at: UnixTime,
) -> Result<Result<ValidatedChain, ValidationError>, Failure> {
    let mut authorities = Authorities::new();
    for anchor in command.anchor.iter().map(|path| certificates(path)) {
        anchor?.into_iter().for_each(|certificate| authorities.add(certificate, Trust::Anchor));
    }
    let mut of_leaf = certificates(leaf)?.into_iter();
    // A server's file has the leaf first, and its chain behind it.
    let first =
        of_leaf.next().ok_or_else(|| usage("not_a_certificate", format!("{} is empty", leaf.display())))?;
    let mut others: Vec<Certificate> = of_leaf.collect();
    for path in &command.intermediate {
        others.extend(certificates(path)?);
    }
    let mut policy = Policy::verification();
    apply(command, &mut policy);
    Ok(verify(&first, &others, &authorities, &policy, at))
}

fn certificates(path: &Path) -> Result<Vec<Certificate>, Failure> {
    let file = read_file(path)?;
    read_certificates(&file).map_err(|error| {
        let failure = Failure::from(error);
        Failure { message: format!("{}: {}", path.display(), failure.message), ..failure }
    })
}

/// RFC 3339, from 1970 on; fractions of a second are cut off.
fn instant(text: &str) -> Result<UnixTime, String> {
    OffsetDateTime::parse(text, &Rfc3339)
        .ok()
        .and_then(|time| u64::try_from(time.unix_timestamp()).ok())
        .map(|seconds| UnixTime::since_unix_epoch(Duration::from_secs(seconds)))
        .ok_or_else(|| format!("{text:?} is no time since 1970; write it as 2026-04-01T12:00:00Z"))
}

fn print(alias: Option<&str>, chain: &ValidatedChain, printer: &Printer) {
    let warnings: Vec<Remark> = remarks(chain.findings());
    let links = chain.path().iter().map(|(certificate, role)| LinkView::of(certificate, *role)).collect();
    let view = VerifyView { alias, outcome: "accepted", chain: links, signatures: chain.signatures() };
    printer.result(&view, &warnings, || format!("accepted\n{}", path_text(chain.path())));
}
