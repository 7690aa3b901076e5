//! The extensions that validation rests on, or that are shown (RFC 5280, section 4.2), each read whole.

use super::{
    der::{BIT_STRING, Fault, INTEGER, OCTET_STRING, Oid, Reader, SEQUENCE, count, integer, only},
    general_name::GeneralName,
    structure::usage_bits,
};

/// An extension with what it says.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(super) enum Extension {
    /// subjectAltName.
    AlternativeNames(Vec<GeneralName>),
    BasicConstraints {
        ca: bool,
        path_len: Option<u32>,
    },
    /// The content of the BIT STRING.
    KeyUsage(Vec<u8>),
    ExtendedKeyUsage(Vec<Oid>),
    SubjectKeyId(Vec<u8>),
    AuthorityKeyId {
        key_id: Option<Vec<u8>>,
        issuer: Option<Vec<GeneralName>>,
        /// The content of the INTEGER.
        serial: Option<Vec<u8>>,
    },
    NameConstraints(NameConstraints),
    Policies(Vec<PolicyInformation>),
    /// From the issuer's domain to the subject's.
    PolicyMappings(Vec<(Oid, Oid)>),
    PolicyConstraints {
        require_explicit: Option<u32>,
        inhibit_mapping: Option<u32>,
    },
    InhibitAnyPolicy(u32),
    /// authorityInfoAccess: methods and locations.
    InformationAccess(Vec<(Oid, GeneralName)>),
    /// One that is not looked into.
    Other,
}

/// The names that a CA may certify (section 4.2.1.10).
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub(crate) struct NameConstraints {
    /// permittedSubtrees; empty without the field.
    pub(crate) permitted: Vec<GeneralName>,
    /// excludedSubtrees; empty without the field.
    pub(crate) excluded: Vec<GeneralName>,
}

/// One PolicyInformation (section 4.2.1.4).
#[derive(Clone, Debug, Eq, PartialEq)]
pub(super) struct PolicyInformation {
    pub(super) policy: Oid,
    /// Each PolicyQualifierInfo: its type, and its qualifier as it is encoded.
    pub(super) qualifiers: Vec<(Oid, Vec<u8>)>,
}

pub(super) const SUBJECT_KEY_ID: &str = "2.5.29.14";
pub(super) const KEY_USAGE: &str = "2.5.29.15";
pub(super) const ALTERNATIVE_NAMES: &str = "2.5.29.17";
pub(super) const BASIC_CONSTRAINTS: &str = "2.5.29.19";
pub(super) const NAME_CONSTRAINTS: &str = "2.5.29.30";
pub(super) const POLICIES: &str = "2.5.29.32";
pub(super) const POLICY_MAPPINGS: &str = "2.5.29.33";
pub(super) const AUTHORITY_KEY_ID: &str = "2.5.29.35";
pub(super) const POLICY_CONSTRAINTS: &str = "2.5.29.36";
pub(super) const EXTENDED_KEY_USAGE: &str = "2.5.29.37";
pub(super) const INHIBIT_ANY_POLICY: &str = "2.5.29.54";
pub(super) const DISTRIBUTION_POINTS: &str = "2.5.29.31";
pub(super) const TLS_FEATURE: &str = "1.3.6.1.5.5.7.1.24";
pub(super) const TIMESTAMPS: &str = "1.3.6.1.4.1.11129.2.4.2";
pub(super) const INFORMATION_ACCESS: &str = "1.3.6.1.5.5.7.1.1";

/// Whether the path validator processes an extension, so that it may be critical.
pub(super) fn is_processed(oid: &str) -> bool {
    [
        KEY_USAGE,
        ALTERNATIVE_NAMES,
        BASIC_CONSTRAINTS,
        NAME_CONSTRAINTS,
        POLICIES,
        POLICY_MAPPINGS,
        POLICY_CONSTRAINTS,
        EXTENDED_KEY_USAGE,
        INHIBIT_ANY_POLICY,
    ]
    .contains(&oid)
}

/// id-qt-cps and id-qt-unotice.
pub(super) const CPS: &str = "1.3.6.1.5.5.7.2.1";
const USER_NOTICE: &str = "1.3.6.1.5.5.7.2.2";

const IA5_STRING: u8 = 0x16;

impl Extension {
    /// Reads the value of an extension.
    pub(super) fn read(oid: &str, value: &[u8]) -> Result<Self, Fault> {
        let sequence = || only(value, SEQUENCE).map(Reader::new);
        Ok(match oid {
            ALTERNATIVE_NAMES => Self::AlternativeNames(sequence()?.items(GeneralName::read)?),
            BASIC_CONSTRAINTS => {
                let mut parts = sequence()?;
                let ca = parts.flag()?;
                let path_len = parts.optional(INTEGER)?.map(|value| count(value.content)).transpose()?;
                parts.end()?;
                if path_len.is_some() && !ca {
                    return Err(Fault("pathLenConstraint stands in a certificate that is not a CA's"));
                }
                Self::BasicConstraints { ca, path_len }
            }
            KEY_USAGE => {
                let content = only(value, BIT_STRING)?;
                usage_bits(content)?;
                Self::KeyUsage(content.to_vec())
            }
            EXTENDED_KEY_USAGE => Self::ExtendedKeyUsage(sequence()?.items(Reader::oid)?),
            SUBJECT_KEY_ID => Self::SubjectKeyId(only(value, OCTET_STRING)?.to_vec()),
            AUTHORITY_KEY_ID => authority_key_id(sequence()?)?,
            NAME_CONSTRAINTS => Self::NameConstraints(name_constraints(sequence()?)?),
            POLICIES => Self::Policies(policies(sequence()?)?),
            POLICY_MAPPINGS => Self::PolicyMappings(sequence()?.items(|reader| {
                let mut pair = Reader::new(reader.content(SEQUENCE)?);
                let both = (pair.oid()?, pair.oid()?);
                pair.end()?;
                Ok(both)
            })?),
            POLICY_CONSTRAINTS => policy_constraints(sequence()?)?,
            INHIBIT_ANY_POLICY => Self::InhibitAnyPolicy(count(only(value, INTEGER)?)?),
            INFORMATION_ACCESS => Self::InformationAccess(sequence()?.items(|reader| {
                let mut pair = Reader::new(reader.content(SEQUENCE)?);
                let both = (pair.oid()?, GeneralName::read(&mut pair)?);
                pair.end()?;
                Ok(both)
            })?),
            _ => Self::Other,
        })
    }
}

fn authority_key_id(mut parts: Reader<'_>) -> Result<Extension, Fault> {
    let key_id = parts.optional(0x80)?.map(|value| value.content.to_vec());
    let issuer =
        parts.optional(0xa1)?.map(|value| Reader::new(value.content).items(GeneralName::read)).transpose()?;
    let serial = parts.optional(0x82)?.map(|value| integer(value.content).map(<[u8]>::to_vec)).transpose()?;
    parts.end()?;
    Ok(Extension::AuthorityKeyId { key_id, issuer, serial })
}

fn name_constraints(mut parts: Reader<'_>) -> Result<NameConstraints, Fault> {
    let mut subtrees = |tag| match parts.optional(tag)? {
        None => Ok(Vec::new()),
        Some(list) => Reader::new(list.content).items(|reader| {
            let mut subtree = Reader::new(reader.content(SEQUENCE)?);
            let base = GeneralName::read(&mut subtree)?;
            if !subtree.is_empty() {
                return Err(Fault(
                    "a subtree has more than its base, which RFC 5280, section 4.2.1.10 forbids",
                ));
            }
            Ok(base)
        }),
    };
    let (permitted, excluded) = (subtrees(0xa0)?, subtrees(0xa1)?);
    parts.end()?;
    if permitted.is_empty() && excluded.is_empty() {
        return Err(Fault("it constrains nothing"));
    }
    Ok(NameConstraints { permitted, excluded })
}

fn policy_constraints(mut parts: Reader<'_>) -> Result<Extension, Fault> {
    let mut skip = |tag| parts.optional(tag)?.map(|value| count(value.content)).transpose();
    let (require_explicit, inhibit_mapping) = (skip(0x80)?, skip(0x81)?);
    parts.end()?;
    if require_explicit.is_none() && inhibit_mapping.is_none() {
        return Err(Fault("it constrains nothing"));
    }
    Ok(Extension::PolicyConstraints { require_explicit, inhibit_mapping })
}

fn policies(list: Reader<'_>) -> Result<Vec<PolicyInformation>, Fault> {
    let policies = list.items(|reader| {
        let mut parts = Reader::new(reader.content(SEQUENCE)?);
        let policy = parts.oid()?;
        let qualifiers = match parts.optional(SEQUENCE)? {
            None => Vec::new(),
            Some(list) => Reader::new(list.content).items(qualifier)?,
        };
        parts.end()?;
        Ok(PolicyInformation { policy, qualifiers })
    })?;
    let mut named: Vec<&Oid> = policies.iter().map(|information| &information.policy).collect();
    named.sort_unstable();
    named.dedup();
    if named.len() < policies.len() {
        return Err(Fault("a policy stands twice"));
    }
    Ok(policies)
}

fn qualifier(reader: &mut Reader<'_>) -> Result<(Oid, Vec<u8>), Fault> {
    let mut parts = Reader::new(reader.content(SEQUENCE)?);
    let kind = parts.oid()?;
    let value = parts.any()?;
    parts.end()?;
    match kind.to_string().as_str() {
        CPS if value.tag != IA5_STRING => return Err(Fault("the address of a CPS is no IA5String")),
        USER_NOTICE => user_notice(only(value.encoded, SEQUENCE)?)?,
        _ => {}
    }
    Ok((kind, value.encoded.to_vec()))
}

/// UserNotice: a NoticeReference and a DisplayText, each optional.
fn user_notice(content: &[u8]) -> Result<(), Fault> {
    let mut parts = Reader::new(content);
    if let Some(reference) = parts.optional(SEQUENCE)? {
        let mut reference = Reader::new(reference.content);
        display_text(reference.any()?.tag)?;
        let mut numbers = Reader::new(reference.content(SEQUENCE)?);
        while !numbers.is_empty() {
            integer(numbers.content(INTEGER)?)?;
        }
        reference.end()?;
    }
    if !parts.is_empty() {
        display_text(parts.any()?.tag)?;
    }
    parts.end()
}

/// UTF8String, IA5String, VisibleString or BMPString.
fn display_text(tag: u8) -> Result<(), Fault> {
    if matches!(tag, 0x0c | IA5_STRING | 0x1a | 0x1e) {
        Ok(())
    } else {
        Err(Fault("the text of a user notice is of no type that RFC 5280 allows"))
    }
}

/// The first type of qualifier that is neither CPS nor UserNotice.
pub(super) fn unknown_qualifier(policies: &[PolicyInformation]) -> Option<&Oid> {
    policies
        .iter()
        .flat_map(|information| &information.qualifiers)
        .map(|(kind, _)| kind)
        .find(|kind| !matches!(kind.to_string().as_str(), CPS | USER_NOTICE))
}

/// An extension for people: its identifier, with its name where it has one.
pub(super) fn describe(oid: &str) -> String {
    name_of(oid).map_or_else(|| oid.to_owned(), |name| format!("{oid} ({name})"))
}

/// The name of an extension.
pub(super) fn name_of(oid: &str) -> Option<&'static str> {
    Some(match oid {
        SUBJECT_KEY_ID => "subjectKeyIdentifier",
        KEY_USAGE => "keyUsage",
        "2.5.29.16" => "privateKeyUsagePeriod",
        ALTERNATIVE_NAMES => "subjectAltName",
        "2.5.29.18" => "issuerAltName",
        BASIC_CONSTRAINTS => "basicConstraints",
        "2.5.29.28" => "issuingDistributionPoint",
        NAME_CONSTRAINTS => "nameConstraints",
        DISTRIBUTION_POINTS => "cRLDistributionPoints",
        POLICIES => "certificatePolicies",
        POLICY_MAPPINGS => "policyMappings",
        AUTHORITY_KEY_ID => "authorityKeyIdentifier",
        POLICY_CONSTRAINTS => "policyConstraints",
        EXTENDED_KEY_USAGE => "extKeyUsage",
        "2.5.29.46" => "freshestCRL",
        INHIBIT_ANY_POLICY => "inhibitAnyPolicy",
        INFORMATION_ACCESS => "authorityInfoAccess",
        "1.3.6.1.5.5.7.1.3" => "qcStatements",
        "1.3.6.1.5.5.7.1.14" => "proxyCertInfo",
        TLS_FEATURE => "TLS feature, must staple",
        "1.3.6.1.5.5.7.48.1.5" => "OCSP no check",
        TIMESTAMPS => "signed certificate timestamps",
        "1.3.6.1.4.1.11129.2.4.3" => "Certificate Transparency poison: this is a precertificate",
        "1.3.6.1.4.1.311.20.2" => "Microsoft certificate template name",
        "1.3.6.1.4.1.311.21.1" => "Microsoft CA version",
        "1.3.6.1.4.1.311.21.2" => "Microsoft previous CA certificate",
        "1.3.6.1.4.1.311.21.7" => "Microsoft certificate template",
        "1.3.6.1.4.1.311.21.10" => "Microsoft application policies",
        "1.3.6.1.4.1.311.21.11" => "Microsoft application policy mappings",
        "1.3.6.1.4.1.311.21.12" => "Microsoft application policy constraints",
        "1.3.6.1.4.1.311.25.2" => "Microsoft NTDS security extension",
        "2.16.840.1.113730.1.1" => "Netscape certificate type",
        "2.16.840.1.113730.1.13" => "Netscape comment",
        _ => return None,
    })
}
