//! `verify --batch`: cases in x509-limbo's format in, results in its format out.

use std::io::Read;

use rustls_pki_types::{CertificateDer, pem::PemObject as _};
use serde::{Deserialize, Serialize};
use strongroom::{
    UnixTime,
    certificate::Certificate,
    validate::{Authorities, PeerName, Policy, Purpose, Trust, verify},
};

use super::instant;
use crate::{
    failure::{Exit, Failure},
    render::Printer,
};

#[derive(Deserialize)]
struct Cases {
    testcases: Vec<Case>,
}

/// One case. What is not named here does not change a verdict.
#[derive(Deserialize)]
struct Case {
    id: String,
    validation_kind: Kind,
    trusted_certs: Vec<String>,
    #[serde(default)]
    untrusted_intermediates: Vec<String>,
    peer_certificate: String,
    validation_time: Option<String>,
    expected_peer_name: Option<Name>,
    #[serde(default)]
    expected_peer_names: Vec<Name>,
    max_chain_depth: Option<usize>,
    #[serde(default)]
    crls: Vec<String>,
}

#[derive(Clone, Copy, Deserialize)]
#[serde(rename_all = "UPPERCASE")]
enum Kind {
    Client,
    Server,
}

#[derive(Deserialize)]
struct Name {
    kind: NameKind,
    value: String,
}

#[derive(Clone, Copy, Deserialize)]
#[serde(rename_all = "UPPERCASE")]
enum NameKind {
    Dns,
    Ip,
    Rfc822,
}

#[derive(Serialize)]
struct Results {
    version: u32,
    harness: String,
    results: Vec<Outcome>,
}

#[derive(Serialize)]
struct Outcome {
    id: String,
    actual_result: &'static str,
    context: String,
}

/// Reads all of `input` and prints the results; a verdict of refusal is no failure.
pub(super) fn run(input: &mut impl Read, printer: &Printer, now: UnixTime) -> Result<(), Failure> {
    let unreadable = |message| Failure::new(Exit::Usage, "bad_cases", "arguments", message);
    let mut text = Vec::new();
    input.read_to_end(&mut text).map_err(|error| unreadable(format!("standard input: {error}")))?;
    let cases: Cases = serde_json::from_slice(&text)
        .map_err(|error| unreadable(format!("standard input is no file of x509-limbo cases: {error}")))?;
    let results = Results {
        version: 1,
        harness: concat!("strongroom-", env!("CARGO_PKG_VERSION")).to_owned(),
        results: cases.testcases.iter().map(|case| judge(case, now)).collect(),
    };
    let text = serde_json::to_string(&results).map_err(|error| unreadable(error.to_string()))?;
    printer.data(&text);
    printer.data("\n");
    Ok(())
}

fn judge(case: &Case, now: UnixTime) -> Outcome {
    let (actual_result, context) = if case.crls.is_empty() {
        match verdict(case, now) {
            Ok(length) => ("SUCCESS", format!("{length} certificates")),
            Err(reason) => ("FAILURE", reason),
        }
    } else {
        ("SKIPPED", "revocation is not checked".to_owned())
    };
    Outcome { id: case.id.clone(), actual_result, context }
}

/// The length of the path, or why there is none.
fn verdict(case: &Case, now: UnixTime) -> Result<usize, String> {
    let at = match &case.validation_time {
        Some(text) => instant(text)?,
        None => now,
    };
    let mut policy = Policy::verification();
    policy.purpose = match case.validation_kind {
        Kind::Client => Purpose::Client,
        Kind::Server => Purpose::Server,
    };
    if let Some(depth) = case.max_chain_depth {
        policy.max_intermediates = policy.max_intermediates.min(depth);
    }
    for name in case.expected_peer_name.iter().chain(&case.expected_peer_names) {
        policy.names.push(match name.kind {
            NameKind::Rfc822 => PeerName::mailbox(&name.value),
            NameKind::Dns | NameKind::Ip => name
                .value
                .parse()
                .map_err(|error: strongroom::validate::InvalidPeerName| error.to_string())?,
        });
    }
    let leaf = certificate(&case.peer_certificate).ok_or("the certificate cannot be decoded")?;
    // An authority or intermediate that cannot be decoded serves no path.
    let mut authorities = Authorities::new();
    for anchor in case.trusted_certs.iter().filter_map(|pem| certificate(pem)) {
        authorities.add(anchor, Trust::Anchor);
    }
    let others: Vec<Certificate> =
        case.untrusted_intermediates.iter().filter_map(|pem| certificate(pem)).collect();
    verify(&leaf, &others, &authorities, &policy, at)
        .map(|chain| chain.path().len())
        .map_err(|refused| format!("{}: {refused}", refused.code()))
}

fn certificate(pem: &str) -> Option<Certificate> {
    Certificate::from_der(&CertificateDer::from_pem_slice(pem.as_bytes()).ok()?).ok()
}
