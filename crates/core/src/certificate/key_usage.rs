//! keyUsage (RFC 5280, section 4.2.1.3).

/// Bits of keyUsage (RFC 5280, section 4.2.1.3) that this crate asks about, and all by name.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
#[non_exhaustive]
pub struct KeyUsage {
    /// The names of the set bits, in the order of the standard, for example `Digital_Signature`.
    pub names: Vec<&'static str>,
    /// digitalSignature.
    pub digital_signature: bool,
    /// keyCertSign.
    pub key_cert_sign: bool,
}

impl KeyUsage {
    pub(super) fn of_bits([first, second]: [u8; 2]) -> Self {
        const NAMES: [&str; 9] = [
            "Digital_Signature",
            "Non_Repudiation",
            "Key_Encipherment",
            "Data_Encipherment",
            "Key_Agreement",
            "Key_CertSign",
            "CRL_Sign",
            "Encipher_Only",
            "Decipher_Only",
        ];
        let bits = u16::from_be_bytes([first, second]);
        let is_set =
            |n: usize| bits.checked_shl(u32::try_from(n).unwrap_or(u32::MAX)).unwrap_or(0) & 0x8000 != 0;
        let names = NAMES.iter().enumerate().filter(|(n, _)| is_set(*n)).map(|(_, name)| *name);
        Self {
            names: names.collect(),
            digital_signature: first & 0x80 != 0,
            key_cert_sign: first & 0x04 != 0,
        }
    }
}
