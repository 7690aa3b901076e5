//! What Java's PKCS12 keystore makes of the bags of a file: it links keys and certificates by localKeyId and name, builds
//! chains by issuer, and passes over what it does not reach.

use crate::inspect::{CertificateReport, FileReport, KeyReport};

/// What a key, and a certificate that is the first bag of its safe, have for a localKeyId in a file with one key.
const GIVEN_ID: &str = "3031";

/// A private key as Java lists it.
struct Entry<'a> {
    key: &'a KeyReport,
    id: String,
    alias: Option<String>,
}

/// The certificates that it keeps, with the localKeyId that it takes each for having.
#[derive(Default)]
struct Bags<'a> {
    entries: Vec<Entry<'a>>,
    certificates: Vec<(&'a CertificateReport, Option<String>)>,
    key_without_id: bool,
}

/// Why not all that is in the file becomes an entry, or a part of one.
pub(super) fn passes_over(report: &FileReport) -> Option<String> {
    let bags = Bags::of(report);
    if bags.key_without_id {
        return Some("it links keys and certificates by localKeyId, and one has none".to_owned());
    }
    let names: Vec<&String> = bags.entries.iter().filter_map(|entry| entry.alias.as_ref()).collect();
    if names.iter().enumerate().any(|(n, name)| names.iter().skip(n + 1).any(|other| other == name)) {
        return Some("of two keys of one friendlyName it keeps the last".to_owned());
    }
    let mut reached: Vec<&CertificateReport> = Vec::new();
    for entry in &bags.entries {
        let Some(leaf) = bags.leaf(entry) else {
            return Some(
                "it links keys and certificates by localKeyId, and one has no fitting one".to_owned(),
            );
        };
        if entry.key.spki_sha256.is_some() && leaf.spki_sha256 != entry.key.spki_sha256 {
            return Some("its localKeyId leads it from a key to the certificate of another".to_owned());
        }
        bags.follow(leaf, &mut reached);
    }
    let kept = |certificate: &CertificateReport| {
        certificate.trusted || reached.iter().any(|known| known.sha256 == certificate.sha256)
    };
    if report.certificates.iter().all(kept) {
        return None;
    }
    Some(if report.keys.is_empty() {
        "it passes over certificates without the attribute trustedKeyUsage".to_owned()
    } else {
        "it passes over certificates that are on no chain of a key, unless they have the attribute trustedKeyUsage"
            .to_owned()
    })
}

impl<'a> Bags<'a> {
    /// The bags in the order in which Java meets them.
    fn of(report: &'a FileReport) -> Self {
        let (mut keys, mut certificates) = (report.keys.iter(), report.certificates.iter());
        let mut bags = Self::default();
        let mut seen_keys = 0_usize;
        for safe in &report.safes {
            for (place, bag) in safe.bags.iter().enumerate() {
                match bag.as_str() {
                    "pkcs8ShroudedKeyBag" | "keyBag" => {
                        seen_keys += 1;
                        let Some(key) = keys.next() else { continue };
                        let given = || (seen_keys == 1).then(|| GIVEN_ID.to_owned());
                        match key.local_key_id.clone().or_else(given) {
                            Some(id) => bags.entries.push(Entry {
                                key,
                                id,
                                alias: key.friendly_name.as_ref().map(|name| name.to_lowercase()),
                            }),
                            None => bags.key_without_id = true,
                        }
                    }
                    "certBag" => {
                        let Some(certificate) = certificates.next() else { continue };
                        let given = || (seen_keys == 1 && place == 0).then(|| GIVEN_ID.to_owned());
                        let id = certificate.local_key_id.clone().or_else(given);
                        bags.certificates.push((certificate, id));
                    }
                    _ => {}
                }
            }
        }
        bags
    }

    /// The certificate of a key: of the same localKeyId and name, or else the last of its localKeyId, or of its name.
    fn leaf(&self, entry: &Entry<'_>) -> Option<&'a CertificateReport> {
        let own = self.certificates.iter().filter(|(certificate, _)| !certificate.trusted);
        let (mut by_id, mut by_name) = (None, None);
        for (certificate, id) in own {
            let name = certificate.friendly_name.as_ref().map(|name| name.to_lowercase());
            let same_name = name.is_some() && name == entry.alias;
            if id.as_ref() == Some(&entry.id) {
                if same_name {
                    return Some(certificate);
                }
                by_id = Some(*certificate);
            } else if same_name {
                by_name = Some(*certificate);
            }
        }
        by_id.or(by_name)
    }

    /// The chain from a certificate: each time the first certificate of the issuer's name.
    fn follow(&self, leaf: &'a CertificateReport, reached: &mut Vec<&'a CertificateReport>) {
        let mut chain = Vec::new();
        let mut next = Some(leaf);
        while let Some(certificate) = next {
            if chain.contains(&certificate.sha256) {
                return;
            }
            chain.push(certificate.sha256);
            reached.push(certificate);
            if certificate.issuer == certificate.subject {
                return;
            }
            let mut all = self.certificates.iter().map(|(certificate, _)| *certificate);
            next = all.find(|above| above.subject == certificate.issuer);
        }
    }
}
