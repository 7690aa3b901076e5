//! Reads an export back before it is given, and compares one with a file that is there.

use sha2::{Digest as _, Sha256};

use super::{Export, ExportError, ExportFormat, ExportedFile, Material};
use crate::{
    certificate::{Certificate, KeyFile, ReadKey, traditional_key},
    certificate_file::{Part, find},
    file_format::FileFormat,
    limits::{KdfBudget, Limits},
    pkcs12::{Contents, MacDescription, Pfx},
    secret::{Password, PrivateKey},
};

/// Keys and certificates that a file gives, with how it protects them.
#[derive(Default)]
struct Read {
    keys: Vec<PrivateKey>,
    certificates: Vec<Vec<u8>>,
    /// Names, algorithms and counts.
    about: Vec<String>,
}

fn limits() -> Limits {
    Limits::default().with_max_file_len(Limits::max_file_len_ceiling())
}

/// Every file has to give what was meant, by the readers that an import uses.
pub(crate) fn check(
    files: &[ExportedFile],
    material: &Material<'_>,
    export: &Export<'_>,
) -> Result<(), ExportError> {
    for file in files {
        let read = read(export.format, &file.bytes, export.password, export.key_password);
        let read = read.ok_or(ExportError::NotReadBack)?;
        let right_keys = match (file.secret, read.keys.as_slice()) {
            (true, [key]) => is_same_key(key, material.key),
            (false, []) => true,
            _ => false,
        };
        let known = |der: &Vec<u8>| material.path.iter().any(|one| one.der().as_ref() == der.as_slice());
        if !right_keys || !read.certificates.iter().all(known) {
            return Err(ExportError::NotReadBack);
        }
    }
    Ok(())
}

/// Whether two private keys are the same; what the traditional form leaves out of PKCS #8 does not count.
fn is_same_key(first: &PrivateKey, second: &PrivateKey) -> bool {
    // EXPOSE: compared.
    if first.expose_pkcs8_der() == second.expose_pkcs8_der() {
        return true;
    }
    let form = |key| traditional_key(key).map(|(_, der)| der);
    form(first).is_some_and(|first| form(second).is_some_and(|second| *first == *second))
}

/// Whether two files of a form hold the same: bytes may differ where salts do.
pub(crate) fn same_content(
    format: ExportFormat,
    first: &[u8],
    second: &[u8],
    password: Option<&Password>,
    key_password: Option<&Password>,
) -> bool {
    if first == second {
        return true;
    }
    let digest = |bytes: &[u8]| -> Option<[u8; 32]> {
        let read = read(format, bytes, password, key_password)?;
        let mut all = Sha256::new();
        for key in &read.keys {
            // EXPOSE: compared.
            all.update(key.expose_pkcs8_der());
        }
        for der in &read.certificates {
            all.update(Sha256::digest(der));
        }
        all.update(read.about.join("\n"));
        Some(all.finalize().into())
    };
    let salted = matches!(format, ExportFormat::Pkcs12(_)) || key_password.is_some();
    salted && digest(first).is_some() && digest(first) == digest(second)
}

fn read(
    format: ExportFormat,
    bytes: &[u8],
    password: Option<&Password>,
    key_password: Option<&Password>,
) -> Option<Read> {
    let limits = limits();
    let mut budget = KdfBudget::new(&limits);
    match format {
        ExportFormat::Pkcs12(_) => {
            let pfx = Pfx::from_bytes(bytes, &limits).ok()?;
            let mac = pfx.mac();
            let contents = pfx.verify(password?, &mut budget).ok()?.decrypt(None, &mut budget).ok()?;
            Some(of_contents(contents, mac))
        }
        _ => blocks(bytes, key_password, &limits, &mut budget),
    }
}

fn of_contents(contents: Contents, mac: Option<MacDescription>) -> Read {
    let mut read = Read::default();
    read.about.push(format!("{mac:?} {:?} {:?}", contents.skipped, contents.locked.len()));
    for bag in contents.keys {
        read.about.push(format!("{:?} {:?}", bag.attributes, bag.protection));
        read.keys.push(bag.key);
    }
    for bag in contents.certificates {
        read.about.push(format!("{:?} {:?}", bag.attributes, bag.protection));
        read.certificates.push(bag.der);
    }
    read
}

fn blocks(
    bytes: &[u8],
    password: Option<&Password>,
    limits: &Limits,
    budget: &mut KdfBudget,
) -> Option<Read> {
    let mut read = Read::default();
    // A chain of one certificate leaves nothing to stand above it.
    if bytes.is_empty() {
        return Some(read);
    }
    for part in find(bytes, limits).ok()?.parts {
        let Part { format, der, dek_info, .. } = part;
        match format {
            FileFormat::CertificateDer => {
                Certificate::from_der(&der).ok()?;
                read.certificates.push(der.to_vec());
            }
            FileFormat::PrivateKeyDer | FileFormat::EncryptedPrivateKey => {
                let file = KeyFile {
                    der: &der,
                    dek_info: dek_info.as_deref(),
                    encrypted: format == FileFormat::EncryptedPrivateKey,
                    parameters: None,
                };
                let passwords: Vec<&Password> = password.into_iter().collect();
                let ReadKey::Open { key, protection, .. } = file.open(&passwords, limits, budget).ok()?
                else {
                    return None;
                };
                read.about.push(format!("{protection:?}"));
                read.keys.push(key);
            }
            _ => return None,
        }
    }
    Some(read)
}
