//! Certificates taken apart, changed where no library would, and signed again.

use rcgen::{KeyPair, SigningKey as _};

use strongroom::certificate::Certificate;

use crate::{
    authority::{TestCa, leaf_params, root},
    forge::der::{explicit, sequence, tlv},
};

/// The fields of a TBSCertificate of version 3, each as it is encoded, and its extensions.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Fields {
    /// Version and serial number.
    pub head: Vec<u8>,
    /// The AlgorithmIdentifier of the signature.
    pub algorithm: Vec<u8>,
    /// The issuer.
    pub issuer: Vec<u8>,
    /// The validity.
    pub validity: Vec<u8>,
    /// The subject.
    pub subject: Vec<u8>,
    /// The public key.
    pub spki: Vec<u8>,
    /// The extensions, in order.
    pub extensions: Vec<Extension>,
}

/// One extension.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Extension {
    /// The content of its identifier.
    pub oid: Vec<u8>,
    /// What stands between identifier and value.
    pub critical: Vec<u8>,
    /// The content of extnValue.
    pub value: Vec<u8>,
}

/// A critical BOOLEAN of TRUE.
pub const CRITICAL: [u8; 3] = [1, 1, 0xff];

impl Extension {
    /// An extension of 2.5.29.`arc`.
    #[must_use]
    pub fn of_arc(arc: u8, critical: bool, value: &[u8]) -> Self {
        Self::new(&[0x55, 0x1d, arc], critical, value)
    }

    /// An extension by the content of its identifier.
    #[must_use]
    pub fn new(oid: &[u8], critical: bool, value: &[u8]) -> Self {
        let critical = if critical { CRITICAL.to_vec() } else { Vec::new() };
        Self { oid: oid.to_vec(), critical, value: value.to_vec() }
    }
}

/// The length of the header and of the content of the first value.
fn measure(der: &[u8]) -> (usize, usize) {
    match der[1] {
        short @ 0..0x80 => (2, usize::from(short)),
        long => {
            let count = usize::from(long & 0x7f);
            let length = der[2..2 + count].iter().fold(0, |sum, digit| sum << 8 | usize::from(*digit));
            (2 + count, length)
        }
    }
}

/// The content of the first value.
#[must_use]
pub fn content(der: &[u8]) -> &[u8] {
    let (header, length) = measure(der);
    &der[header..header + length]
}

/// The values that stand one after the other.
#[must_use]
pub fn values(mut bytes: &[u8]) -> Vec<Vec<u8>> {
    let mut found = Vec::new();
    while !bytes.is_empty() {
        let (header, length) = measure(bytes);
        let (value, rest) = bytes.split_at(header + length);
        found.push(value.to_vec());
        bytes = rest;
    }
    found
}

impl Fields {
    /// Takes a certificate apart that has a version and extensions, and no unique identifiers.
    ///
    /// # Panics
    ///
    /// For any other.
    #[must_use]
    pub fn of(der: &[u8]) -> Self {
        let certificate = values(content(der));
        let [version, serial, algorithm, issuer, validity, subject, spki, extensions] =
            <[Vec<u8>; 8]>::try_from(values(content(&certificate[0]))).expect("eight fields");
        let extensions = values(content(content(&extensions))).into_iter().map(|one| {
            let parts = values(content(&one));
            Extension {
                oid: content(&parts[0]).to_vec(),
                critical: if parts.len() == 3 { parts[1].clone() } else { Vec::new() },
                value: content(&parts[parts.len() - 1]).to_vec(),
            }
        });
        let extensions = extensions.collect();
        Self { head: [version, serial].concat(), algorithm, issuer, validity, subject, spki, extensions }
    }

    /// The extension 2.5.29.`arc`.
    ///
    /// # Panics
    ///
    /// If there is none.
    pub fn extension(&mut self, arc: u8) -> &mut Extension {
        self.extensions
            .iter_mut()
            .find(|extension| extension.oid == [0x55, 0x1d, arc])
            .expect("the extension")
    }

    /// The TBSCertificate.
    #[must_use]
    pub fn tbs(&self) -> Vec<u8> {
        let extensions: Vec<Vec<u8>> = self
            .extensions
            .iter()
            .map(|one| sequence(&[tlv(6, &one.oid), one.critical.clone(), tlv(4, &one.value)]))
            .collect();
        sequence(&[
            self.head.clone(),
            self.algorithm.clone(),
            self.issuer.clone(),
            self.validity.clone(),
            self.subject.clone(),
            self.spki.clone(),
            explicit(3, &sequence(&extensions)),
        ])
    }

    /// The certificate, signed with `key`, which has to be of the kind that signed it before.
    #[must_use]
    pub fn sign(&self, key: &KeyPair) -> Vec<u8> {
        signed(&self.tbs(), &self.algorithm, key)
    }
}

/// A certificate of a given TBSCertificate.
///
/// # Panics
///
/// If the key cannot sign.
#[must_use]
pub fn signed(tbs: &[u8], algorithm: &[u8], key: &KeyPair) -> Vec<u8> {
    let signature = key.sign(tbs).expect("a signature");
    sequence(&[tbs.to_vec(), algorithm.to_vec(), tlv(3, &[&[0], signature.as_slice()].concat())])
}

/// A leaf of `ca`, changed and signed again.
#[must_use]
pub fn leaf_of(ca: &TestCa, change: impl FnOnce(&mut Fields)) -> Certificate {
    remade(ca.issue(&leaf_params("a.test"), &[]).leaf().der(), &ca.key(), change)
}

/// A certificate, changed and signed again.
///
/// # Panics
///
/// If the outcome cannot be decoded.
#[must_use]
pub fn remade(der: &[u8], key: &KeyPair, change: impl FnOnce(&mut Fields)) -> Certificate {
    let mut fields = Fields::of(der);
    change(&mut fields);
    Certificate::from_der(&fields.sign(key)).unwrap()
}

/// A root, changed and signed again by itself.
#[must_use]
pub fn changed_root(name: &str, change: impl FnOnce(&mut Fields)) -> (TestCa, Certificate) {
    let ca = root(name);
    let certificate = remade(ca.file(), &ca.key(), change);
    (ca, certificate)
}
