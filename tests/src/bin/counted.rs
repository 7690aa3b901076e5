//! One piece of work, some times: `cargo xtask counts` counts the instructions that it takes.

#![expect(clippy::print_stdout, reason = "the task reads the list of what there is")]

use std::{env, fs, hint::black_box};

use rustls_pki_types::{CertificateDer, pem::PemObject as _};
use strongroom::{
    Password,
    certificate::Certificate,
    keystore::{FilesRequest, SourceFile, open_every},
    limits::Limits,
    pkcs12::Pfx,
    validate::{Authorities, Policy, Trust, verify},
};
use strongroom_lanes::{Chain, Processor, SHA1, SHA256, SHA512};
use strongroom_tests::{authority::now, manifest};

type Work = Box<dyn Fn()>;

fn main() {
    let arguments: Vec<String> = env::args().skip(1).collect();
    let all = all();
    match arguments.as_slice() {
        [] => all.iter().for_each(|(name, _)| println!("{name}")),
        [name, times] => {
            let (_, work) = all.iter().find(|(known, _)| known == name).expect("the name of a work");
            (0..times.parse().expect("a number")).for_each(|_| work());
        }
        _ => panic!("a work, and how often"),
    }
}

fn read(path: &str) -> Vec<u8> {
    fs::read(manifest::folder().join(path)).unwrap()
}

fn certificate(path: &str) -> Certificate {
    Certificate::from_der(&CertificateDer::from_pem_slice(&read(path)).unwrap()).unwrap()
}

/// Opens a file as an import does, and proves its key.
fn open(path: &'static str) -> Work {
    let (file, password) = (read(path), Password::new("changeit").unwrap());
    Box::new(move || {
        let files = [SourceFile::new(path, &file)];
        let request = FilesRequest::new("www".parse().unwrap(), &files, &password, now());
        black_box(open_every(request).unwrap());
    })
}

/// What is counted. Derivations take the path of every processor where the engine is built so.
fn all() -> Vec<(&'static str, Work)> {
    let file = read("pkcs12/www.p12");
    let (root, intermediate) =
        (certificate("chains/root-rsa.pem"), certificate("chains/intermediate-rsa.pem"));
    let der = intermediate.der().to_vec();
    let mut authorities = Authorities::new();
    authorities.add(root, Trust::Anchor);
    let derivation = |work: fn(Processor)| -> Work { Box::new(move || work(Processor::detect())) };
    vec![
        (
            "1,000 iterations of HMAC-SHA-1",
            derivation(|processor| {
                let mut chain = Chain::hmac(&SHA1, b"key", &[7; 20], 1_000).unwrap();
                processor.advance(&mut [&mut chain], 1_000);
            }),
        ),
        (
            "1,000 iterations of HMAC-SHA-256",
            derivation(|processor| {
                let mut chain = Chain::hmac(&SHA256, b"key", &[7; 32], 1_000).unwrap();
                processor.advance(&mut [&mut chain], 1_000);
            }),
        ),
        (
            "1,000 iterations of HMAC-SHA-512",
            derivation(|processor| {
                let mut chain = Chain::hmac(&SHA512, b"key", &[7; 64], 1_000).unwrap();
                processor.advance(&mut [&mut chain], 1_000);
            }),
        ),
        (
            "reading a PFX, nothing opened",
            Box::new(move || {
                black_box(Pfx::from_bytes(&file, &Limits::default()).unwrap());
            }),
        ),
        (
            "reading a certificate",
            Box::new(move || {
                black_box(Certificate::from_der(&der).unwrap());
            }),
        ),
        (
            "judging an intermediate under its root",
            Box::new(move || {
                let judged = verify(&intermediate, &[], &authorities, &Policy::verification(), now());
                black_box(judged.is_ok());
            }),
        ),
        ("opening a PFX of RSA-2048", open("pkcs12/www.p12")),
        ("opening a JKS of RSA-2048", open("other/keytool-17.0.15.rsa2048.jks")),
    ]
}
