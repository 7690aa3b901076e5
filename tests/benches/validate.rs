//! The time to judge a file of x509-limbo cases: ours against a bare loop over rustls-webpki, in one run.
//!
//! Both read the same certificates out of PEM, and give a verdict on each case, names included. Prints the ratio, not
//! times: `STRONGROOM_CORPUS=... cargo xtask bench validate`.

use std::{hint::black_box, path::PathBuf, time::Instant};

use rustls_pki_types::{CertificateDer, ServerName, TrustAnchor, pem::PemObject as _};
use strongroom_tests::limbo::{Case, cases};
use webpki::{EndEntityCert, Error, KeyUsage};

/// Pairs of runs over all cases.
const PAIRS: usize = 15;

#[expect(clippy::disallowed_methods, reason = "the place of the corpus comes from the environment")]
fn main() {
    let Some(corpus) = std::env::var_os("STRONGROOM_CORPUS").map(PathBuf::from) else {
        println!("skipped: STRONGROOM_CORPUS does not say where validation/cases.json is");
        return;
    };
    let cases = cases(&corpus);
    let ours =
        || cases.iter().filter(|case| black_box(case.judge()).as_str() == case.expected_result).count();
    let theirs = || {
        cases
            .iter()
            .filter(|case| (black_box(webpki(case)).is_ok()) == (case.expected_result == "SUCCESS"))
            .count()
    };
    println!("as expected, of {}: ours {}, rustls-webpki {}", cases.len(), ours(), theirs());
    let mut ratios: Vec<f64> = (0..PAIRS).map(|_| seconds(&ours) / seconds(&theirs)).collect();
    ratios.sort_by(f64::total_cmp);
    let (least, median, most) = (ratios[0], ratios[PAIRS / 2], ratios[PAIRS - 1]);
    println!("time of ours to theirs: median {median:.2} ({least:.2} to {most:.2}, {PAIRS} pairs)");
}

fn seconds(work: &impl Fn() -> usize) -> f64 {
    let started = Instant::now();
    black_box(work());
    started.elapsed().as_secs_f64()
}

/// The case as a program asks rustls-webpki about it.
fn webpki(case: &Case) -> Result<(), Error> {
    let read = |pem: &String| CertificateDer::from_pem_slice(pem.as_bytes()).map_err(|_| Error::BadDer);
    let trusted: Vec<CertificateDer<'_>> =
        case.trusted_certs.iter().filter_map(|pem| read(pem).ok()).collect();
    let anchors: Vec<TrustAnchor<'_>> =
        trusted.iter().filter_map(|der| webpki::anchor_from_trusted_cert(der).ok()).collect();
    let between: Vec<CertificateDer<'_>> =
        case.untrusted_intermediates.iter().filter_map(|pem| read(pem).ok()).collect();
    let leaf = read(&case.peer_certificate)?;
    let end_entity = EndEntityCert::try_from(&leaf)?;
    let usage = if case.is_client() { KeyUsage::client_auth() } else { KeyUsage::server_auth() };
    end_entity.verify_for_usage(
        webpki::ALL_VERIFICATION_ALGS,
        &anchors,
        &between,
        case.at(),
        usage,
        None,
        None,
    )?;
    match case.host() {
        Some(name) => {
            let name = ServerName::try_from(name).map_err(|_| Error::MalformedDnsIdentifier)?;
            end_entity.verify_is_valid_for_subject_name(&name)
        }
        None => Ok(()),
    }
}
