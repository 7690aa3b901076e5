//! The subject that a certificate is to have (RFC 5280, section 4.1.2.6, and its upper bounds in appendix A).

use std::{fmt, str::FromStr};

use rcgen::{DnType, DnValue};

use super::IssuanceError;
use crate::certificate::{Certificate, DistinguishedName, printable};

/// A kind of attribute that a subject can have.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub enum SubjectAttribute {
    /// commonName, `CN`.
    CommonName,
    /// organizationalUnitName, `OU`.
    OrganizationalUnit,
    /// organizationName, `O`.
    Organization,
    /// streetAddress, `STREET`.
    Street,
    /// localityName, `L`.
    Locality,
    /// stateOrProvinceName, `ST`.
    State,
    /// countryName, `C`: two letters.
    Country,
    /// serialNumber, of the organisation and not of the certificate.
    SerialNumber,
    /// emailAddress.
    Email,
}

impl SubjectAttribute {
    const ALL: [Self; 9] = [
        Self::CommonName,
        Self::OrganizationalUnit,
        Self::Organization,
        Self::Street,
        Self::Locality,
        Self::State,
        Self::Country,
        Self::SerialNumber,
        Self::Email,
    ];

    /// As RFC 4514 has it, and OpenSSL.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::CommonName => "CN",
            Self::OrganizationalUnit => "OU",
            Self::Organization => "O",
            Self::Street => "STREET",
            Self::Locality => "L",
            Self::State => "ST",
            Self::Country => "C",
            Self::SerialNumber => "serialNumber",
            Self::Email => "emailAddress",
        }
    }

    fn named(word: &str) -> Option<Self> {
        let is = |of: &str| word.eq_ignore_ascii_case(of);
        if is("S") {
            return Some(Self::State);
        }
        if is("E") {
            return Some(Self::Email);
        }
        Self::ALL.into_iter().find(|attribute| is(attribute.as_str()))
    }

    fn oid(self) -> &'static [u64] {
        match self {
            Self::CommonName => &[2, 5, 4, 3],
            Self::OrganizationalUnit => &[2, 5, 4, 11],
            Self::Organization => &[2, 5, 4, 10],
            Self::Street => &[2, 5, 4, 9],
            Self::Locality => &[2, 5, 4, 7],
            Self::State => &[2, 5, 4, 8],
            Self::Country => &[2, 5, 4, 6],
            Self::SerialNumber => &[2, 5, 4, 5],
            Self::Email => &[1, 2, 840, 113_549, 1, 9, 1],
        }
    }

    /// The most characters of its value.
    fn bound(self) -> usize {
        match self {
            Self::Country => 2,
            Self::Locality | Self::State | Self::Street => 128,
            Self::Email => 255,
            _ => 64,
        }
    }

    pub(super) fn dn_type(self) -> DnType {
        DnType::from_oid(self.oid())
    }

    pub(super) fn dn_value(self, value: &str) -> Result<DnValue, IssuanceError> {
        let odd = |reason: &str| invalid(&format!("{}={value}", self.as_str()), reason);
        Ok(match self {
            Self::Country | Self::SerialNumber => DnValue::PrintableString(
                value.try_into().map_err(|_| odd("it takes letters, digits and '()+,-./:=? of ASCII"))?,
            ),
            Self::Email => {
                DnValue::Ia5String(value.try_into().map_err(|_| odd("it takes the characters of ASCII"))?)
            }
            _ => DnValue::Utf8String(value.to_owned()),
        })
    }
}

/// A subject: each attribute at most once, the most general first.
///
/// ```
/// use strongroom::issuance::Subject;
///
/// let subject: Subject = "CN=www.example.test, O=Example\\, Inc., C=DE".parse()?;
/// assert_eq!(subject.to_string(), "CN=www.example.test, O=Example\\, Inc., C=DE");
/// assert!("C=Germany".parse::<Subject>().is_err());
/// # Ok::<(), strongroom::issuance::IssuanceError>(())
/// ```
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Subject(Vec<(SubjectAttribute, String)>);

fn invalid(found: &str, reason: &str) -> IssuanceError {
    IssuanceError::InvalidSubject { found: printable(found), reason: reason.to_owned() }
}

impl Subject {
    /// The same with a further attribute, more specific than those before.
    ///
    /// # Errors
    ///
    /// [`IssuanceError::InvalidSubject`] if it is there already, or is not of a form that the attribute takes.
    pub fn with(self, attribute: SubjectAttribute, value: &str) -> Result<Self, IssuanceError> {
        self.with_exactly(attribute, value.trim())
    }

    /// The same with a value that may begin or end with a space.
    fn with_exactly(mut self, attribute: SubjectAttribute, value: &str) -> Result<Self, IssuanceError> {
        let odd = |reason: &str| Err(invalid(&format!("{}={value}", attribute.as_str()), reason));
        if self.0.iter().any(|(present, _)| *present == attribute) {
            return odd("the attribute stands there already; each is written once");
        }
        if value.trim().is_empty() {
            return odd("it is empty: leave the attribute out");
        }
        if value.chars().any(char::is_control) {
            return odd("it has a control character");
        }
        if attribute == SubjectAttribute::Country
            && !(value.len() == 2 && value.bytes().all(|byte| byte.is_ascii_alphabetic()))
        {
            return odd("a country has two letters (ISO 3166), as in C=DE");
        }
        if value.chars().count() > attribute.bound() {
            return odd(&format!("it has more than {} characters", attribute.bound()));
        }
        attribute.dn_value(value)?;
        self.0.push((attribute, value.to_owned()));
        Ok(self)
    }

    /// Whether a text can be a commonName.
    pub(super) fn is_cn(text: String) -> bool {
        text.chars().count() <= SubjectAttribute::CommonName.bound()
    }

    pub(super) fn common_name(name: String) -> Self {
        Self(vec![(SubjectAttribute::CommonName, name)])
    }

    /// Whether it has no attribute.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Its attributes, the most general first.
    pub fn attributes(&self) -> impl Iterator<Item = (SubjectAttribute, &str)> {
        self.0.iter().map(|(attribute, value)| (*attribute, value.as_str()))
    }

    /// The subject of a certificate.
    ///
    /// # Errors
    ///
    /// [`IssuanceError::NotRepeatable`] if it cannot be written again as it stands.
    pub fn of(certificate: &Certificate) -> Result<Self, IssuanceError> {
        let repeated =
            || IssuanceError::NotRepeatable { what: format!("the subject {}", certificate.subject) };
        let name = DistinguishedName::of_subject(certificate).ok_or_else(repeated)?;
        let mut subject = Self::default();
        for (kind, value) in name.texts().ok_or_else(repeated)? {
            let kind = kind.to_string();
            let dotted = |attribute: &SubjectAttribute| {
                let arcs: Vec<String> = attribute.oid().iter().map(ToString::to_string).collect();
                arcs.join(".") == kind
            };
            let attribute = SubjectAttribute::ALL.into_iter().find(dotted).ok_or_else(repeated)?;
            subject = subject.with_exactly(attribute, &value).map_err(|_| repeated())?;
        }
        Ok(subject)
    }
}

impl FromStr for Subject {
    type Err = IssuanceError;

    /// In the manner of RFC 4514, as certificates show theirs: most specific first, a comma between two attributes. `\`
    /// stands before a character that is meant as such, or before two digits of an octet in hexadecimal, in UTF-8.
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        parts(text)?.into_iter().rev().try_fold(Self::default(), |subject, part| {
            let words: Vec<&str> = Self::words();
            let known = format!("it takes attributes such as CN=www.example.test, of {}", words.join(", "));
            let (word, value) = part.split_once('=').ok_or_else(|| invalid(part.trim(), &known))?;
            let attribute = SubjectAttribute::named(word.trim());
            let attribute = attribute.ok_or_else(|| invalid(part.trim(), &known))?;
            subject.with_exactly(attribute, &unescaped(part, value)?)
        })
    }
}

/// The attributes, escaped as they are.
fn parts(text: &str) -> Result<Vec<&str>, IssuanceError> {
    let (mut parts, mut rest, mut start) = (Vec::new(), text.char_indices(), 0);
    while let Some((at, c)) = rest.next() {
        let reason = match c {
            '\\' if rest.next().is_some() => continue,
            '\\' => "there is nothing behind the last \\",
            ',' => {
                parts.push(text.get(start..at).unwrap_or_default());
                start = at + 1;
                continue;
            }
            '+' => "write \\+ for a plus; several attributes at one place are not written here",
            ';' => "write \\; for a semicolon; between two attributes stands a comma",
            '"' => "write \\\" for a quotation mark; a value is not put in quotes, but has \\ before a comma",
            _ => continue,
        };
        return Err(invalid(text, reason));
    }
    parts.push(text.get(start..).unwrap_or_default());
    Ok(parts)
}

/// The value of an attribute (RFC 4514, section 2.4), without the spaces around it that are not escaped.
fn unescaped(part: &str, value: &str) -> Result<String, IssuanceError> {
    let odd = |reason: &str| invalid(part.trim(), reason);
    let value = value.trim_start();
    if value.starts_with('#') {
        return Err(odd("write \\# for a number sign; a value in hexadecimal, of BER, is not taken"));
    }
    let (mut octets, mut escaped_until) = (Vec::with_capacity(value.len()), 0);
    let mut rest = value.chars();
    while let Some(c) = rest.next() {
        if c != '\\' {
            octets.extend_from_slice(c.encode_utf8(&mut [0; 4]).as_bytes());
            continue;
        }
        match (rest.next(), rest.clone().next()) {
            (Some(special), _) if " \"#+,;<=>\\".contains(special) => {
                octets.extend(u8::try_from(special));
            }
            (Some(high), Some(low)) if high.is_ascii_hexdigit() && low.is_ascii_hexdigit() => {
                rest.next();
                let digit = |c: char| c.to_digit(16).and_then(|digit| u8::try_from(digit).ok());
                octets.extend(digit(high).zip(digit(low)).map(|(high, low)| high << 4 | low));
            }
            _ => {
                return Err(odd(
                    "behind \\ stands one of space \"#+,;<=>\\, or an octet of two hexadecimal digits",
                ));
            }
        }
        escaped_until = octets.len();
    }
    let text = String::from_utf8(octets).map_err(|_| odd("its octets are not UTF-8"))?;
    let (kept, rest) = text.split_at_checked(escaped_until).unwrap_or((&text, ""));
    Ok(format!("{kept}{}", rest.trim_end()))
}

impl Subject {
    fn words() -> Vec<&'static str> {
        SubjectAttribute::ALL.into_iter().map(SubjectAttribute::as_str).collect()
    }
}

impl fmt::Display for Subject {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (n, (attribute, value)) in self.0.iter().rev().enumerate() {
            let comma = if n == 0 { "" } else { ", " };
            write!(f, "{comma}{}=", attribute.as_str())?;
            let last = value.chars().count().saturating_sub(1);
            for (n, c) in value.chars().enumerate() {
                let at_edge = c == ' ' && (n == 0 || n == last) || c == '#' && n == 0;
                if at_edge || matches!(c, ',' | '+' | '\\' | '"' | ';' | '<' | '>') {
                    f.write_str("\\")?;
                }
                write!(f, "{c}")?;
            }
        }
        Ok(())
    }
}
