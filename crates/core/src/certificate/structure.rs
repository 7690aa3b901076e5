//! The outside of a certificate (RFC 5280, section 4.1): its fields, with nothing between or behind them.

use super::{
    InvalidCertificate,
    der::{
        BIT_STRING, Fault, GENERALIZED_TIME, INTEGER, OCTET_STRING, Oid, Reader, SEQUENCE, UTC_TIME, Value,
        algorithm, bit_string, count, integer, only, public_key_info, whole_bytes,
    },
};

/// `[0]`, constructed: the version.
pub(super) const VERSION: u8 = 0xa0;
/// `[1]` and `[2]`, primitive: the unique identifiers.
const UNIQUE_IDS: [u8; 2] = [0x81, 0x82];
/// `[3]`, constructed: the extensions.
pub(super) const EXTENSIONS: u8 = 0xa3;

/// The fields of a certificate, as they are encoded.
#[derive(Debug)]
pub(super) struct Structure<'a> {
    /// TBSCertificate: what is signed.
    pub(super) tbs: &'a [u8],
    /// 1 to 3.
    pub(super) version: u32,
    /// The content of the serial number.
    pub(super) serial: &'a [u8],
    /// `signature` of TBSCertificate.
    pub(super) inner_algorithm: Value<'a>,
    pub(super) issuer: &'a [u8],
    pub(super) not_before: Value<'a>,
    pub(super) not_after: Value<'a>,
    pub(super) subject: &'a [u8],
    pub(super) spki: &'a [u8],
    /// The unique identifiers, which nothing looks at.
    #[cfg_attr(
        not(any(test, strongroom_fuzzing)),
        expect(dead_code, reason = "for writing the certificate again")
    )]
    pub(super) unique_ids: [Option<&'a [u8]>; 2],
    /// `None` without the field.
    pub(super) extensions: Option<Vec<RawExtension<'a>>>,
    /// signatureAlgorithm of Certificate.
    pub(super) outer_algorithm: Value<'a>,
    pub(super) signature: &'a [u8],
}

/// One Extension (section 4.2).
#[derive(Debug)]
pub(super) struct RawExtension<'a> {
    pub(super) oid: Oid,
    pub(super) critical: bool,
    pub(super) value: &'a [u8],
}

impl<'a> Structure<'a> {
    /// Reads a certificate; nothing may follow it.
    pub(super) fn read(der: &'a [u8]) -> Result<Self, InvalidCertificate> {
        let mut file = Reader::new(der);
        let certificate = file.content(SEQUENCE).map_err(in_part("the certificate"))?;
        if !file.is_empty() {
            return Err(InvalidCertificate::TrailingData { length: file.remaining() });
        }
        let mut outer = Reader::new(certificate);
        let tbs = outer.value(SEQUENCE).map_err(in_part("the certificate"))?;
        let outer_algorithm = read_algorithm(&mut outer).map_err(in_part("its signature algorithm"))?;
        let signature = outer.content(BIT_STRING).and_then(whole_bytes).map_err(in_part("its signature"))?;
        outer.end().map_err(in_part("the certificate, behind its signature"))?;

        let mut fields = Reader::new(tbs.content);
        let version = read_version(&mut fields).map_err(in_part("its version"))?;
        let serial = fields.content(INTEGER).and_then(integer).map_err(in_part("its serial number"))?;
        let inner_algorithm = read_algorithm(&mut fields).map_err(in_part("its signature algorithm"))?;
        let issuer = fields.value(SEQUENCE).map_err(in_part("its issuer"))?.encoded;
        let (not_before, not_after) = read_validity(&mut fields).map_err(in_part("its validity"))?;
        let subject = fields.value(SEQUENCE).map_err(in_part("its subject"))?.encoded;
        let spki = fields.value(SEQUENCE).map_err(in_part("its public key"))?.encoded;
        public_key_info(spki).map_err(in_part("its public key"))?;
        let mut unique_ids = [None; 2];
        for (id, tag) in unique_ids.iter_mut().zip(UNIQUE_IDS) {
            *id = fields.optional(tag).map_err(in_part("a unique identifier"))?.map(|value| value.encoded);
        }
        let extensions = read_extensions(&mut fields).map_err(in_part("its extensions"))?;
        fields.end().map_err(in_part("the certificate, behind its extensions"))?;
        Ok(Self {
            tbs: tbs.encoded,
            version,
            serial,
            inner_algorithm,
            issuer,
            not_before,
            not_after,
            subject,
            spki,
            unique_ids,
            extensions,
            outer_algorithm,
            signature,
        })
    }
}

fn in_part(part: &'static str) -> impl Fn(Fault) -> InvalidCertificate {
    move |fault| InvalidCertificate::Malformed { part, why: fault.0 }
}

/// An AlgorithmIdentifier.
fn read_algorithm<'a>(fields: &mut Reader<'a>) -> Result<Value<'a>, Fault> {
    let value = fields.value(SEQUENCE)?;
    algorithm(value.content)?;
    Ok(value)
}

/// The number of the version, from 1.
fn read_version(fields: &mut Reader<'_>) -> Result<u32, Fault> {
    let Some(explicit) = fields.optional(VERSION)? else {
        return Ok(1);
    };
    match count(only(explicit.content, INTEGER)?)? {
        version @ 0..=2 => Ok(version + 1),
        _ => Err(Fault("there is no such version")),
    }
}

fn read_validity<'a>(fields: &mut Reader<'a>) -> Result<(Value<'a>, Value<'a>), Fault> {
    let mut times = Reader::new(fields.content(SEQUENCE)?);
    let (from, until) = (times.any()?, times.any()?);
    times.end()?;
    Ok((from, until))
}

/// The instant of a Time (section 4.1.2.5), in seconds since 1970: UTC, with seconds, and without fractions.
pub(super) fn instant(time: Value<'_>) -> Result<i64, Fault> {
    const FAULT: Fault = Fault("a time is not of the form that RFC 5280, section 4.1.2.5 asks for");
    let digits = time.content.strip_suffix(b"Z").ok_or(FAULT)?;
    if !digits.iter().all(u8::is_ascii_digit) {
        return Err(FAULT);
    }
    let number = |from: usize, to: usize| {
        let part = digits.get(from..to).ok_or(FAULT)?;
        Ok(part.iter().fold(0_u16, |sum, digit| sum * 10 + u16::from(digit - b'0')))
    };
    let (year, rest) = match (time.tag, digits.len()) {
        (UTC_TIME, 12) => {
            let short = number(0, 2)?;
            (if short < 50 { 2000 + short } else { 1900 + short }, 2)
        }
        (GENERALIZED_TIME, 14) => (number(0, 4)?, 4),
        _ => return Err(FAULT),
    };
    let two = |n: usize| {
        number(rest + 2 * n, rest + 2 * n + 2).and_then(|value| u8::try_from(value).map_err(|_| FAULT))
    };
    let month = time::Month::try_from(two(0)?).map_err(|_| FAULT)?;
    let date = time::Date::from_calendar_date(i32::from(year), month, two(1)?).map_err(|_| FAULT)?;
    let clock = time::Time::from_hms(two(2)?, two(3)?, two(4)?).map_err(|_| FAULT)?;
    Ok(date.with_time(clock).assume_utc().unix_timestamp())
}

fn read_extensions<'a>(fields: &mut Reader<'a>) -> Result<Option<Vec<RawExtension<'a>>>, Fault> {
    let Some(explicit) = fields.optional(EXTENSIONS)? else {
        return Ok(None);
    };
    let list = Reader::new(only(explicit.content, SEQUENCE)?);
    let extensions = list.items(|reader| {
        let mut parts = Reader::new(reader.content(SEQUENCE)?);
        let oid = parts.oid()?;
        let critical = parts.flag()?;
        let value = parts.content(OCTET_STRING)?;
        parts.end()?;
        Ok(RawExtension { oid, critical, value })
    })?;
    Ok(Some(extensions))
}

/// The bits of a keyUsage, first byte first.
pub(super) fn usage_bits(content: &[u8]) -> Result<[u8; 2], Fault> {
    match bit_string(content)?.1 {
        [] => Ok([0, 0]),
        [first] => Ok([*first, 0]),
        // The second byte has decipherOnly alone.
        [first, second] if second & 0x7f == 0 => Ok([*first, *second]),
        _ => Err(Fault("a keyUsage has more bits than there are purposes")),
    }
}
