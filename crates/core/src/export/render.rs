//! The bytes of each form.

use sha1::{Digest as _, Sha1};
use zeroize::Zeroizing;

use super::{Export, ExportError, ExportFormat, ExportedChain, ExportedFile, KeyForm, Profile};
use crate::{
    certificate::{Certificate, KeyAlgorithm, traditional_key},
    diagnostic::{Diagnostic, DiagnosticCode},
    pem,
    pkcs12::{WriteCertificate, WriteKey, write_encrypted_key, write_pfx, write_pkcs7},
    secret::{Password, PrivateKey},
};

/// What is exported: a key, and its path from the leaf to the anchor.
pub(crate) struct Material<'a> {
    pub(crate) name: &'a str,
    pub(crate) key: &'a PrivateKey,
    pub(crate) path: &'a [Certificate],
}

/// The iterations of PBES2 for a key in PEM, as for the profile `modern`.
const KEY_ITERATIONS: u32 = 100_000;
/// The fewest bytes of a password that every module in FIPS mode takes.
const FIPS_PASSWORD: usize = 14;

impl Material<'_> {
    /// The certificates that are asked for.
    fn certificates(&self, chain: ExportedChain) -> Vec<&Certificate> {
        match chain {
            ExportedChain::Leaf => self.path.iter().take(1).collect(),
            ExportedChain::Full => self.path.iter().collect(),
            ExportedChain::Served => {
                let has_root =
                    self.path.len() > 1 && self.path.last().is_some_and(Certificate::is_self_issued);
                self.path.iter().take(self.path.len() - usize::from(has_root)).collect()
            }
        }
    }

    /// The root, if the path ends at one.
    fn root(&self) -> Option<&Certificate> {
        self.path.last().filter(|last| self.path.len() > 1 && last.is_self_issued())
    }
}

/// The files of an export, and what there is to say of them.
pub(crate) fn render(
    material: &Material<'_>,
    export: &Export<'_>,
) -> Result<(Vec<ExportedFile>, Vec<Diagnostic>), ExportError> {
    check_iterations(export)?;
    let certificates = material.certificates(export.certificates());
    let mut findings = Vec::new();
    let files = match export.format {
        ExportFormat::Pkcs12(profile) => vec![pfx(material, export, profile, &certificates, &mut findings)?],
        ExportFormat::Pem => {
            let mut file = pem_certificates("", &certificates);
            if export.has_key() {
                add_key(&mut file, material, export)?;
            }
            vec![file]
        }
        ExportFormat::Der => {
            let leaf = material.path.first().map(|leaf| leaf.der().to_vec()).unwrap_or_default();
            vec![file("", Zeroizing::new(leaf), vec!["the leaf".to_owned()])]
        }
        ExportFormat::Pkcs7 => vec![pkcs7(&certificates)],
        ExportFormat::Certbot => {
            let served = material.certificates(ExportedChain::Served);
            let mut files = vec![
                pem_certificates("chain.pem", served.get(1..).unwrap_or_default()),
                pem_certificates("cert.pem", served.get(..1).unwrap_or_default()),
                pem_certificates("fullchain.pem", &served),
            ];
            files.extend(key_file("privkey.pem", material, export)?);
            files
        }
        ExportFormat::Kubernetes => {
            let served = material.certificates(ExportedChain::Served);
            let root = material.root().map(|root| pem_certificates("ca.crt", &[root]));
            let mut files: Vec<ExportedFile> = root.into_iter().collect();
            files.push(pem_certificates("tls.crt", &served));
            files.extend(key_file("tls.key", material, export)?);
            files
        }
    };
    Ok((files, findings))
}

/// CA certificates without a key.
pub(crate) fn authorities(
    named: &[(String, Certificate)],
    export: &Export<'_>,
) -> Result<ExportedFile, ExportError> {
    check_iterations(export)?;
    let certificates: Vec<&Certificate> = named.iter().map(|(_, certificate)| certificate).collect();
    match export.format {
        ExportFormat::Pkcs12(profile) => {
            let password = export.password.ok_or(ExportError::NoPassword)?;
            let bags: Vec<WriteCertificate<'_>> = named
                .iter()
                .map(|(name, certificate)| WriteCertificate {
                    der: certificate.der(),
                    name: Some(name),
                    local_key_id: None,
                    trusted: true,
                })
                .collect();
            let bytes = write_pfx(None, &bags, password, &profile.protection(export.iterations))
                .map_err(|_| ExportError::NoRandomness)?;
            Ok(file("", bytes, vec![counted(certificates.len())]))
        }
        ExportFormat::Pkcs7 => Ok(pkcs7(&certificates)),
        ExportFormat::Der => {
            let first = certificates.first().ok_or(ExportError::Nothing)?;
            Ok(file("", Zeroizing::new(first.der().to_vec()), vec!["1 certificate".to_owned()]))
        }
        _ => Ok(pem_certificates("", &certificates)),
    }
}

fn file(name: &'static str, bytes: Zeroizing<Vec<u8>>, contains: Vec<String>) -> ExportedFile {
    ExportedFile { name, bytes, secret: false, contains }
}

fn counted(certificates: usize) -> String {
    if certificates == 1 { "1 certificate".to_owned() } else { format!("{certificates} certificates") }
}

fn pem_certificates(name: &'static str, certificates: &[&Certificate]) -> ExportedFile {
    let mut text = Zeroizing::new(Vec::new());
    certificates.iter().for_each(|one| pem::write(&mut text, "CERTIFICATE", one.der()));
    file(name, text, vec![counted(certificates.len())])
}

fn pkcs7(certificates: &[&Certificate]) -> ExportedFile {
    let ders: Vec<&[u8]> = certificates.iter().map(|one| one.der().as_ref()).collect();
    file("", Zeroizing::new(write_pkcs7(&ders)), vec![counted(certificates.len())])
}

/// A file of the key alone, last of all: what is there before it fits the former key until then.
fn key_file(
    name: &'static str,
    material: &Material<'_>,
    export: &Export<'_>,
) -> Result<Option<ExportedFile>, ExportError> {
    if !export.has_key() {
        return Ok(None);
    }
    let mut key = file(name, Zeroizing::new(Vec::new()), Vec::new());
    add_key(&mut key, material, export)?;
    Ok(Some(key))
}

/// Adds the key in PEM, encrypted where a password is given.
fn add_key(file: &mut ExportedFile, material: &Material<'_>, export: &Export<'_>) -> Result<(), ExportError> {
    let key = material.key;
    file.secret = true;
    if export.key_form == KeyForm::Traditional {
        let (label, der) = traditional_form(material, export)?;
        pem::write(&mut file.bytes, label, &der);
        file.contains.push("key".to_owned());
    } else if let Some(password) = export.key_password {
        let iterations = export.iterations.unwrap_or(KEY_ITERATIONS);
        let encrypted =
            write_encrypted_key(key, password, iterations).map_err(|_| ExportError::NoRandomness)?;
        pem::write(&mut file.bytes, "ENCRYPTED PRIVATE KEY", &encrypted);
        file.contains.push("key, encrypted".to_owned());
    } else {
        // EXPOSE: the caller asked for the key.
        pem::write(&mut file.bytes, "PRIVATE KEY", key.expose_pkcs8_der());
        file.contains.push("key".to_owned());
    }
    Ok(())
}

fn traditional_form(
    material: &Material<'_>,
    export: &Export<'_>,
) -> Result<(&'static str, Zeroizing<Vec<u8>>), ExportError> {
    if export.key_password.is_some() {
        return Err(ExportError::NoTraditionalForm { what: "a private key under a password".to_owned() });
    }
    traditional_key(material.key).ok_or_else(|| {
        let kind = material.path.first().map(|leaf| leaf.key.to_string()).unwrap_or_default();
        ExportError::NoTraditionalForm { what: format!("a key of the kind {kind}") }
    })
}

fn check_iterations(export: &Export<'_>) -> Result<(), ExportError> {
    match export.iterations {
        Some(found) if !Export::ITERATIONS.contains(&found) => {
            let (least, most) = (*Export::ITERATIONS.start(), *Export::ITERATIONS.end());
            Err(ExportError::Iterations { found, least, most })
        }
        _ => Ok(()),
    }
}

fn pfx(
    material: &Material<'_>,
    export: &Export<'_>,
    profile: Profile,
    certificates: &[&Certificate],
    findings: &mut Vec<Diagnostic>,
) -> Result<ExportedFile, ExportError> {
    let password = export.password.ok_or(ExportError::NoPassword)?;
    check_fips(material, profile, password)?;
    *findings = about_readers(material, profile, password);
    let name = export.name.as_deref().unwrap_or(material.name);
    let leaf_id = material.path.first().map(|leaf| Sha1::digest(leaf.der())).unwrap_or_default();
    let bags: Vec<WriteCertificate<'_>> = certificates
        .iter()
        .enumerate()
        .map(|(n, certificate)| WriteCertificate {
            der: certificate.der(),
            name: (n == 0).then_some(name),
            local_key_id: (n == 0 && export.has_key()).then_some(leaf_id.as_slice()),
            trusted: false,
        })
        .collect();
    let key = WriteKey { key: material.key, name, local_key_id: leaf_id.as_slice() };
    let key = export.has_key().then_some(&key);
    let bytes = write_pfx(key, &bags, password, &profile.protection(export.iterations))
        .map_err(|_| ExportError::NoRandomness)?;
    let mut contains = vec![counted(certificates.len())];
    if export.has_key() {
        contains.insert(0, "key".to_owned());
    }
    Ok(ExportedFile { secret: export.has_key(), ..file("", bytes, contains) })
}

fn check_fips(material: &Material<'_>, profile: Profile, password: &Password) -> Result<(), ExportError> {
    if profile != Profile::Fips {
        return Ok(());
    }
    // EXPOSE: its length.
    let found = password.expose().len();
    if found < FIPS_PASSWORD {
        return Err(ExportError::ShortPassword { found, least: FIPS_PASSWORD });
    }
    let approved = |known: &KeyAlgorithm| match known {
        KeyAlgorithm::Rsa { .. } | KeyAlgorithm::Ed25519 => true,
        KeyAlgorithm::Ec { curve } => matches!(curve.as_str(), "P-256" | "P-384" | "P-521"),
        _ => false,
    };
    match material.path.first().map(|leaf| &leaf.key) {
        Some(known) if !approved(known) => {
            Err(ExportError::UnsupportedKey { algorithm: known.to_string(), profile: profile.as_str() })
        }
        _ => Ok(()),
    }
}

/// Programs for which the file may be meant, and that do not open it.
fn about_readers(material: &Material<'_>, profile: Profile, password: &Password) -> Vec<Diagnostic> {
    // EXPOSE: only what kind of characters it has is kept.
    let text = password.expose();
    let is_ed25519 = material.path.first().is_some_and(|leaf| leaf.key == KeyAlgorithm::Ed25519);
    let mut said = Vec::new();
    if profile == Profile::Fips {
        said.push(
            "OpenSSL before 3.4, Java before 26, NSS 3.87, GnuTLS 3.7, Windows and macOS take the file for one with a wrong password",
        );
    }
    if text.is_empty() {
        said.push("macOS 15 refuses a file with the empty password, and pk12util takes it only as -W \"\"");
    }
    if !text.bytes().all(|byte| (b' '..=b'~').contains(&byte)) {
        said.push("keytool takes no password beyond printable ASCII");
    }
    if is_ed25519 && profile.is_legacy() {
        said.push("the readers of this profile are older than Ed25519 keys in TLS");
    }
    said.into_iter().map(|text| Diagnostic::new(DiagnosticCode::ReadersRefuse, text)).collect()
}
