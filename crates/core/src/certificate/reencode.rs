//! Writes a certificate again from what was read of it: what the readers passed over would be missing.

use super::{
    der::{
        BIT_STRING, BOOLEAN, INTEGER, OBJECT_IDENTIFIER, OCTET_STRING, Oid, SEQUENCE, SET, encode,
        public_key_info,
    },
    distinguished_name::DistinguishedName,
    extension::{self, Extension, NameConstraints},
    general_name::{self, GeneralName},
    structure::{EXTENSIONS, Structure, VERSION},
};

/// The certificate from its parts; `None` if a part cannot be read.
///
/// FALSE may be written although it is the default, or be left out, which is the one choice that the readers leave; it
/// is written as the original has it.
#[must_use]
#[cfg_attr(not(strongroom_fuzzing), expect(unreachable_pub, reason = "the fuzz targets reach it"))]
pub fn reencode(der: &[u8]) -> Option<Vec<u8>> {
    let parts = Structure::read(der).ok()?;
    let mut tbs = Vec::new();
    if parts.version > 1 || has_explicit_version(parts.tbs) {
        let number = u8::try_from(parts.version - 1).ok()?;
        tbs.extend(encode(VERSION, &encode(INTEGER, &[number])));
    }
    tbs.extend(encode(INTEGER, parts.serial));
    tbs.extend(encode(SEQUENCE, parts.inner_algorithm.content));
    tbs.extend(name(&DistinguishedName::read(parts.issuer).ok()?));
    let time = |value: super::der::Value<'_>| encode(value.tag, value.content);
    tbs.extend(encode(SEQUENCE, &[time(parts.not_before), time(parts.not_after)].concat()));
    tbs.extend(name(&DistinguishedName::read(parts.subject).ok()?));
    let (algorithm, key) = public_key_info(parts.spki).ok()?;
    let key = encode(BIT_STRING, &[&[0], key].concat());
    tbs.extend(encode(SEQUENCE, &[encode(SEQUENCE, algorithm), key].concat()));
    parts.unique_ids.iter().flatten().for_each(|id| tbs.extend_from_slice(id));
    if let Some(extensions) = &parts.extensions {
        let mut list = Vec::new();
        for extension in extensions {
            let named = extension.oid.to_string();
            let value = match Extension::read(&named, extension.value) {
                Ok(read) => write(&read, extension.value)?,
                // What cannot be read of it is not shown, and decides nothing.
                Err(_) if named == extension::INFORMATION_ACCESS => extension.value.to_vec(),
                Err(_) => return None,
            };
            let value = encode(OCTET_STRING, &value);
            let kind = oid(&extension.oid);
            let flag = if extension.critical { vec![BOOLEAN, 1, 0xff] } else { Vec::new() };
            let one = encode(SEQUENCE, &[kind.as_slice(), &flag, &value].concat());
            let with_false = encode(SEQUENCE, &[kind.as_slice(), &[BOOLEAN, 1, 0], &value].concat());
            // FALSE may be written, or left out.
            let stands = |candidate: &[u8]| der.windows(candidate.len()).any(|window| window == candidate);
            list.extend(if !extension.critical && !stands(&one) { with_false } else { one });
        }
        tbs.extend(encode(EXTENSIONS, &encode(SEQUENCE, &list)));
    }
    let signature = encode(BIT_STRING, &[&[0], parts.signature].concat());
    let outer = encode(SEQUENCE, parts.outer_algorithm.content);
    Some(encode(SEQUENCE, &[encode(SEQUENCE, &tbs), outer, signature].concat()))
}

/// Whether version 1 is written although it is the default.
fn has_explicit_version(tbs: &[u8]) -> bool {
    super::der::only(tbs, SEQUENCE).is_ok_and(|content| content.first() == Some(&VERSION))
}

fn oid(oid: &Oid) -> Vec<u8> {
    encode(OBJECT_IDENTIFIER, oid.as_bytes())
}

fn name(name: &DistinguishedName) -> Vec<u8> {
    let rdns = name.rdns.iter().map(|rdn| {
        let attributes = rdn.iter().map(|attribute| {
            encode(SEQUENCE, &[oid(&attribute.kind), encode(attribute.tag, &attribute.content)].concat())
        });
        encode(SET, &attributes.collect::<Vec<_>>().concat())
    });
    encode(SEQUENCE, &rdns.collect::<Vec<_>>().concat())
}

fn general_name(name_: &GeneralName) -> Vec<u8> {
    match name_ {
        GeneralName::Other(content) => encode(general_name::OTHER, content),
        GeneralName::Email(text) => encode(general_name::EMAIL, text.as_bytes()),
        GeneralName::Dns(text) => encode(general_name::DNS, text.as_bytes()),
        GeneralName::X400(content) => encode(general_name::X400, content),
        GeneralName::Directory(directory) => encode(general_name::DIRECTORY, &name(directory)),
        GeneralName::Edi(content) => encode(general_name::EDI, content),
        GeneralName::Uri(text) => encode(general_name::URI, text.as_bytes()),
        GeneralName::Ip(content) => encode(general_name::IP, content),
        GeneralName::RegisteredId(id) => encode(general_name::REGISTERED_ID, id.as_bytes()),
    }
}

fn names(list: &[GeneralName]) -> Vec<u8> {
    list.iter().map(general_name).collect::<Vec<_>>().concat()
}

fn number(value: u32) -> Vec<u8> {
    let bytes = value.to_be_bytes();
    let mut digits: Vec<u8> = bytes.into_iter().skip_while(|byte| *byte == 0).collect();
    if digits.first().is_none_or(|first| *first >= 0x80) {
        digits.insert(0, 0);
    }
    digits
}

fn pairs<T>(list: &[(Oid, T)], second: impl Fn(&T) -> Vec<u8>) -> Vec<u8> {
    let all = list.iter().map(|(first, other)| encode(SEQUENCE, &[oid(first), second(other)].concat()));
    all.collect::<Vec<_>>().concat()
}

fn optional(tag: u8, content: Option<Vec<u8>>) -> Vec<u8> {
    content.map(|content| encode(tag, &content)).unwrap_or_default()
}

/// The value of an extension; `original` decides where FALSE may be written or left out, and is copied where the
/// extension is not looked into.
fn write(extension: &Extension, original: &[u8]) -> Option<Vec<u8>> {
    Some(match extension {
        Extension::AlternativeNames(list) => encode(SEQUENCE, &names(list)),
        Extension::BasicConstraints { ca, path_len } => {
            let path_len = optional(INTEGER, path_len.map(number));
            let with = |flag: &[u8]| encode(SEQUENCE, &[flag, &path_len].concat());
            let forms =
                if *ca { vec![with(&[BOOLEAN, 1, 0xff])] } else { vec![with(&[]), with(&[BOOLEAN, 1, 0])] };
            forms.into_iter().find(|form| form == original)?
        }
        Extension::KeyUsage(content) => encode(BIT_STRING, content),
        Extension::ExtendedKeyUsage(list) => {
            encode(SEQUENCE, &list.iter().map(oid).collect::<Vec<_>>().concat())
        }
        Extension::SubjectKeyId(id) => encode(OCTET_STRING, id),
        Extension::AuthorityKeyId { key_id, issuer, serial } => {
            let issuer = optional(0xa1, issuer.as_deref().map(names));
            let (id, serial) = (optional(0x80, key_id.clone()), optional(0x82, serial.clone()));
            encode(SEQUENCE, &[id, issuer, serial].concat())
        }
        Extension::NameConstraints(NameConstraints { permitted, excluded }) => {
            let subtrees = |tag, list: &[GeneralName]| {
                let all = list.iter().map(|base| encode(SEQUENCE, &general_name(base)));
                let all = all.collect::<Vec<_>>().concat();
                optional(tag, (!all.is_empty()).then_some(all))
            };
            encode(SEQUENCE, &[subtrees(0xa0, permitted), subtrees(0xa1, excluded)].concat())
        }
        Extension::Policies(list) => {
            let all = list.iter().map(|information| {
                let qualifiers = pairs(&information.qualifiers, Clone::clone);
                let qualifiers = optional(SEQUENCE, (!qualifiers.is_empty()).then_some(qualifiers));
                encode(SEQUENCE, &[oid(&information.policy), qualifiers].concat())
            });
            encode(SEQUENCE, &all.collect::<Vec<_>>().concat())
        }
        Extension::PolicyMappings(list) => encode(SEQUENCE, &pairs(list, oid)),
        Extension::PolicyConstraints { require_explicit, inhibit_mapping } => {
            let explicit = optional(0x80, require_explicit.map(number));
            encode(SEQUENCE, &[explicit, optional(0x81, inhibit_mapping.map(number))].concat())
        }
        Extension::InhibitAnyPolicy(skip) => encode(INTEGER, &number(*skip)),
        Extension::InformationAccess(list) => encode(SEQUENCE, &pairs(list, general_name)),
        Extension::Other => original.to_vec(),
    })
}

#[cfg(test)]
mod tests {
    use rustls_pki_types::{CertificateDer, pem::PemObject as _};

    use super::*;

    /// Every certificate of the fixtures' chains.
    fn certificates() -> Vec<Vec<u8>> {
        let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fixtures/chains");
        let files =
            std::fs::read_dir(folder).unwrap().map(|file| std::fs::read(file.unwrap().path()).unwrap());
        let mut all: Vec<Vec<u8>> = files
            .flat_map(|text| {
                CertificateDer::pem_slice_iter(&text)
                    .filter_map(Result::ok)
                    .map(|der| der.to_vec())
                    .collect::<Vec<_>>()
            })
            .collect();
        all.sort();
        assert!(all.len() > 3, "{}", all.len());
        all
    }

    #[test]
    fn what_is_read_is_all_that_there_is() {
        for der in certificates() {
            assert_eq!(reencode(&der).as_deref(), Some(der.as_slice()));
        }
    }

    #[test]
    fn whatever_is_read_of_a_changed_certificate_is_all_that_there_is() {
        let mut state = 0x9e37_79b9_u32;
        let mut random = |below: usize| {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            usize::try_from(state >> 8).unwrap() % below
        };
        let (mut read, mut refused) = (0, 0);
        for der in certificates() {
            for _ in 0..4000 {
                let mut mutant = der.clone();
                let at = random(mutant.len());
                let byte = u8::try_from(random(256)).unwrap();
                match random(4) {
                    0 => mutant[at] = byte,
                    1 => mutant.insert(at, byte),
                    2 => drop(mutant.remove(at)),
                    _ => mutant[at] = mutant[at].wrapping_add(1),
                }
                match reencode(&mutant) {
                    Some(again) => {
                        read += 1;
                        assert_eq!(again, mutant);
                    }
                    None => refused += 1,
                }
            }
        }
        assert!(read > 1000 && refused > 1000, "{read} read, {refused} refused");
    }
}
