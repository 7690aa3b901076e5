//! Writes PEM (RFC 7468): what is written may be a private key, so it is wiped, and has its full size from the beginning.

use zeroize::Zeroizing;

const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
/// Bytes in a line: 64 characters.
const LINE: usize = 48;

/// Appends a block to `text`.
pub(crate) fn write(text: &mut Zeroizing<Vec<u8>>, label: &str, der: &[u8]) {
    let length = der.len().div_ceil(3) * 4 + der.len().div_ceil(LINE) + 2 * label.len() + 40;
    if text.capacity() - text.len() < length {
        let mut larger = Zeroizing::new(Vec::with_capacity(2 * (text.len() + length)));
        larger.extend_from_slice(text);
        *text = larger;
    }
    text.extend_from_slice(format!("-----BEGIN {label}-----\n").as_bytes());
    for line in der.chunks(LINE) {
        for group in line.chunks(3) {
            let mut bytes = [0_u8; 4];
            bytes.iter_mut().skip(1).zip(group).for_each(|(to, from)| *to = *from);
            let bits = u32::from_be_bytes(bytes);
            for n in 0..4_usize {
                let symbol = usize::try_from(bits >> (18 - 6 * n) & 0x3f).unwrap_or_default();
                let symbol = ALPHABET.get(symbol).copied().unwrap_or(b'=');
                text.push(if n <= group.len() { symbol } else { b'=' });
            }
        }
        text.push(b'\n');
    }
    text.extend_from_slice(format!("-----END {label}-----\n").as_bytes());
}

/// A block of something public.
pub(crate) fn text(label: &str, der: &[u8]) -> String {
    let mut text = Zeroizing::new(Vec::new());
    write(&mut text, label, der);
    String::from_utf8_lossy(&text).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_what_the_pem_crate_writes_and_reads_back() {
        for length in [0, 1, 2, 3, 47, 48, 49, 95, 96, 97, 1000] {
            let der: Vec<u8> = (0..length).map(|n: usize| u8::try_from(n % 251).unwrap()).collect();
            let mut text = Zeroizing::new(Vec::new());
            write(&mut text, "CERTIFICATE", &der);
            let config = pem::EncodeConfig::new().set_line_ending(pem::LineEnding::LF);
            let theirs = pem::encode_config(&pem::Pem::new("CERTIFICATE", der), config);
            assert_eq!(std::str::from_utf8(&text).unwrap(), theirs, "{length}");
        }
    }
}
