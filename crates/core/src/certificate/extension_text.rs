//! Extensions as people read them: what each says, a line each, in the words of RFC 5280.

use std::net::{Ipv4Addr, Ipv6Addr};

use super::{
    AlternativeName, Certificate, KeyUsage,
    der::{Fault, INTEGER, OCTET_STRING, Reader, SEQUENCE, count, only},
    extension::{
        CPS, DISTRIBUTION_POINTS, Extension, NameConstraints, PolicyInformation, TIMESTAMPS, TLS_FEATURE,
        name_of,
    },
    general_name::GeneralName,
    name::{printable, push_hex},
    structure::{RawExtension, Structure, usage_bits},
};

/// How many hexadecimal digits of a value are shown that is not looked into.
const MOST_DIGITS: usize = 128;

/// An extension of a certificate, for people.
#[derive(Clone, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub struct ExtensionText {
    /// Its identifier, dotted.
    pub oid: String,
    /// Its name, where it has one.
    pub name: Option<&'static str>,
    /// Whether a reader that does not understand it must refuse the certificate.
    pub critical: bool,
    /// What it says, with nothing in it that could act on a terminal. Of one that is not looked into, the value in
    /// hexadecimal, up to 64 bytes; of one that cannot be read, why.
    pub lines: Vec<String>,
}

impl Certificate {
    /// All extensions in their order, for people.
    #[must_use]
    pub fn extensions(&self) -> Vec<ExtensionText> {
        // It was read before.
        let extensions = Structure::read(&self.der).ok().and_then(|parts| parts.extensions);
        extensions.unwrap_or_default().iter().map(ExtensionText::of).collect()
    }
}

impl KeyUsage {
    /// The set bits as RFC 5280, section 4.2.1.3 spells them.
    #[must_use]
    pub fn rfc_names(&self) -> Vec<&'static str> {
        let spelled = |name: &&'static str| match *name {
            "Digital_Signature" => "digitalSignature",
            "Non_Repudiation" => "nonRepudiation",
            "Key_Encipherment" => "keyEncipherment",
            "Data_Encipherment" => "dataEncipherment",
            "Key_Agreement" => "keyAgreement",
            "Key_CertSign" => "keyCertSign",
            "CRL_Sign" => "cRLSign",
            "Encipher_Only" => "encipherOnly",
            "Decipher_Only" => "decipherOnly",
            other => other,
        };
        self.names.iter().map(spelled).collect()
    }
}

/// The name of an extended key usage (RFC 5280, section 4.2.1.12), or its identifier.
#[must_use]
pub fn purpose_name(oid: &str) -> &str {
    match oid {
        super::ANY_PURPOSE => "anyExtendedKeyUsage",
        super::SERVER_AUTH => "serverAuth",
        super::CLIENT_AUTH => "clientAuth",
        "1.3.6.1.5.5.7.3.3" => "codeSigning",
        "1.3.6.1.5.5.7.3.4" => "emailProtection",
        "1.3.6.1.5.5.7.3.8" => "timeStamping",
        "1.3.6.1.5.5.7.3.9" => "OCSPSigning",
        other => other,
    }
}

impl ExtensionText {
    fn of(extension: &RawExtension<'_>) -> Self {
        let oid = extension.oid.to_string();
        let lines = Extension::read(&oid, extension.value)
            .and_then(|read| lines(&oid, read, extension.value))
            .unwrap_or_else(|fault| vec![format!("cannot be read: {}", fault.0)]);
        Self { name: name_of(&oid), critical: extension.critical, lines, oid }
    }
}

fn lines(oid: &str, extension: Extension, value: &[u8]) -> Result<Vec<String>, Fault> {
    Ok(match extension {
        Extension::AlternativeNames(names) => names.iter().map(with_form).collect(),
        Extension::BasicConstraints { ca: false, .. } => vec!["not a CA".to_owned()],
        Extension::BasicConstraints { path_len, .. } => vec![match path_len {
            None => "CA".to_owned(),
            Some(0) => "CA, pathLenConstraint 0: issues no CA certificates".to_owned(),
            Some(most) => format!("CA, pathLenConstraint {most}: up to {most} CA certificates below it"),
        }],
        Extension::KeyUsage(content) => vec![KeyUsage::of_bits(usage_bits(&content)?).rfc_names().join(", ")],
        Extension::ExtendedKeyUsage(purposes) => {
            let oids: Vec<String> = purposes.iter().map(ToString::to_string).collect();
            oids.iter().map(|oid| purpose_name(oid).to_owned()).collect()
        }
        Extension::SubjectKeyId(id) => vec![hex(&id)],
        Extension::AuthorityKeyId { key_id, issuer, serial } => {
            let key = key_id.iter().map(|id| format!("key {}", hex(id)));
            let issuers = issuer.iter().flatten().map(|name| format!("issuer {name}"));
            let serial = serial.iter().map(|serial| format!("serial {}", hex(serial)));
            key.chain(issuers).chain(serial).collect()
        }
        Extension::NameConstraints(constraints) => constrained(&constraints),
        Extension::Policies(policies) => policies.iter().map(policy).collect(),
        Extension::PolicyMappings(mappings) => {
            mappings.iter().map(|(issuer, subject)| format!("{issuer} of the issuer is {subject}")).collect()
        }
        Extension::PolicyConstraints { require_explicit, inhibit_mapping } => {
            let explicit =
                require_explicit.map(|skip| format!("a policy is required after {skip} certificates"));
            let mapping = inhibit_mapping.map(|skip| format!("no mapping after {skip} certificates"));
            explicit.into_iter().chain(mapping).collect()
        }
        Extension::InhibitAnyPolicy(skip) => vec![format!("no anyPolicy after {skip} certificates")],
        Extension::InformationAccess(access) => {
            let method = |oid: String| match oid.as_str() {
                "1.3.6.1.5.5.7.48.1" => "OCSP".to_owned(),
                super::CA_ISSUERS => "caIssuers".to_owned(),
                _ => oid,
            };
            access.iter().map(|(oid, at)| format!("{} {}", method(oid.to_string()), with_form(at))).collect()
        }
        Extension::Other => other(oid, value)?,
    })
}

/// What validation does not look into.
fn other(oid: &str, value: &[u8]) -> Result<Vec<String>, Fault> {
    match oid {
        DISTRIBUTION_POINTS => distribution_points(value),
        TLS_FEATURE => Reader::new(only(value, SEQUENCE)?).items(|reader| {
            Ok(match count(reader.content(INTEGER)?)? {
                5 => "status_request: the server must staple an OCSP response".to_owned(),
                17 => "status_request_v2".to_owned(),
                feature => format!("TLS extension {feature}"),
            })
        }),
        TIMESTAMPS => Ok(vec![timestamps(only(value, OCTET_STRING)?)?]),
        _ => Ok(vec![hex(value)]),
    }
}

/// The addresses of cRLDistributionPoints (RFC 5280, section 4.2.1.13).
fn distribution_points(value: &[u8]) -> Result<Vec<String>, Fault> {
    let points = Reader::new(only(value, SEQUENCE)?).items(|reader| {
        let mut point = Reader::new(reader.content(SEQUENCE)?);
        let name = point.optional(0xa0)?.map(|name| name.content);
        let _reasons = point.optional(0x81)?;
        let issuer = point.optional(0xa2)?.map(|issuer| issuer.content);
        point.end()?;
        let mut lines = Vec::new();
        if let Some(name) = name {
            let mut name = Reader::new(name);
            match name.optional(0xa0)? {
                Some(full) => {
                    lines.extend(Reader::new(full.content).items(GeneralName::read)?.iter().map(with_form))
                }
                None => lines.push("relative to the issuer".to_owned()),
            }
        }
        if let Some(issuer) = issuer {
            let names = Reader::new(issuer).items(GeneralName::read)?;
            lines.extend(names.iter().map(|name| format!("issued by {name}")));
        }
        Ok(lines)
    })?;
    Ok(points.concat())
}

/// How many timestamps there are (RFC 6962, section 3.3): a length of two bytes before the list, and before each.
fn timestamps(list: &[u8]) -> Result<String, Fault> {
    const FAULT: Fault = Fault("the list of timestamps has a length that is not its own");
    let take = |bytes: &[u8]| -> Option<(usize, usize)> {
        let length = usize::from(u16::from_be_bytes(bytes.first_chunk().copied()?));
        Some((length, bytes.len().checked_sub(2)?))
    };
    let (length, left) = take(list).ok_or(FAULT)?;
    if length != left {
        return Err(FAULT);
    }
    let (mut rest, mut number) = (list.get(2..).ok_or(FAULT)?, 0_u32);
    while !rest.is_empty() {
        let (length, _) = take(rest).ok_or(FAULT)?;
        rest = rest.get(2 + length..).ok_or(FAULT)?;
        number += 1;
    }
    Ok(format!("{number} {}", if number == 1 { "timestamp" } else { "timestamps" }))
}

fn constrained(constraints: &NameConstraints) -> Vec<String> {
    let permitted = constraints.permitted.iter().map(|name| format!("permitted {}", subtree(name)));
    permitted.chain(constraints.excluded.iter().map(|name| format!("excluded {}", subtree(name)))).collect()
}

/// The base of a subtree: an address has its mask behind it.
fn subtree(name: &GeneralName) -> String {
    match name {
        GeneralName::Ip(bytes) => match bytes.split_at_checked(bytes.len() / 2) {
            Some((address, mask)) => format!("IP {}/{}", address_text(address), address_text(mask)),
            None => format!("IP {}, which is no address with its mask", hex(bytes)),
        },
        other => with_form(other),
    }
}

fn address_text(bytes: &[u8]) -> String {
    match (<[u8; 4]>::try_from(bytes), <[u8; 16]>::try_from(bytes)) {
        (Ok(v4), _) => Ipv4Addr::from(v4).to_string(),
        (_, Ok(v6)) => Ipv6Addr::from(v6).to_string(),
        _ => hex(bytes),
    }
}

/// A name behind the word for its form.
fn with_form(name: &GeneralName) -> String {
    let form = match AlternativeName::of(name) {
        AlternativeName::Dns(_) => "DNS ",
        AlternativeName::Ip(_) => "IP ",
        AlternativeName::Email(_) => "email ",
        AlternativeName::Uri(_) => "URI ",
        AlternativeName::Other(_) => match name {
            GeneralName::Directory(_) => "directory name ",
            GeneralName::RegisteredId(_) => "registered identifier ",
            _ => "",
        },
    };
    format!("{form}{name}")
}

fn policy(information: &PolicyInformation) -> String {
    let mut text = information.policy.to_string();
    for (kind, value) in &information.qualifiers {
        // An IA5String, which was read as one.
        let address =
            Reader::new(value).any().ok().map(|value| String::from_utf8_lossy(value.content).into_owned());
        match address.filter(|_| kind.to_string() == CPS) {
            Some(address) => text.push_str(&format!(", CPS {}", printable(&address))),
            None => text.push_str(&format!(", qualifier {kind}")),
        }
    }
    text
}

fn hex(bytes: &[u8]) -> String {
    let mut text = String::new();
    push_hex(&mut text, bytes, MOST_DIGITS);
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(oid: &str, value: &[u8]) -> Result<Vec<String>, Fault> {
        Extension::read(oid, value).and_then(|read| lines(oid, read, value))
    }

    #[test]
    fn timestamps_are_counted_by_their_lengths() {
        let list = |body: &[u8]| {
            let octets = [&[OCTET_STRING, u8::try_from(body.len()).unwrap()], body].concat();
            text(TIMESTAMPS, &octets)
        };
        assert_eq!(list(&[0, 0]), Ok(vec!["0 timestamps".to_owned()]));
        assert_eq!(list(&[0, 4, 0, 2, 9, 9]), Ok(vec!["1 timestamp".to_owned()]));
        assert_eq!(list(&[0, 5, 0, 1, 9, 0, 0]), Ok(vec!["2 timestamps".to_owned()]));
        for odd in [&[][..], &[0], &[0, 1], &[0, 3, 0, 2, 9], &[0, 2, 0, 1], &[255, 255, 0, 0]] {
            assert!(list(odd).is_err(), "{odd:?}");
        }
    }

    #[test]
    fn what_is_not_known_is_shown_in_part_and_what_is_odd_is_said() {
        let shown = text("1.2.3", &[0xab; 100]).unwrap();
        assert_eq!(shown, [format!("{}…", "ab".repeat(64))]);
        assert_eq!(text(TLS_FEATURE, &[0x30, 3, 2, 1, 5]).unwrap().len(), 1);
        assert!(text(DISTRIBUTION_POINTS, &[0x30, 2, 0x30, 1]).is_err());
        let points = [0x30, 14, 0x30, 12, 0xa0, 10, 0xa0, 8, 0x86, 6, b'h', b't', b't', b'p', b':', 27];
        assert_eq!(text(DISTRIBUTION_POINTS, &points).unwrap(), ["URI http:\\u{1b}"]);
    }
}
