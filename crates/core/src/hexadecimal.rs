//! Bytes as lower-case hexadecimal digits.

/// Two digits for each byte, nothing between them.
pub(crate) fn hex(bytes: impl AsRef<[u8]>) -> String {
    bytes.as_ref().iter().map(|byte| format!("{byte:02x}")).collect()
}
