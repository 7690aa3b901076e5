//! Bytes as lower-case hexadecimal digits.

/// Two digits for each byte, nothing between them.
///
/// ```
/// assert_eq!(strongroom::hexadecimal::hex([0, 0xab]), "00ab");
/// ```
#[must_use]
pub fn hex(bytes: impl AsRef<[u8]>) -> String {
    bytes.as_ref().iter().map(|byte| format!("{byte:02x}")).collect()
}
