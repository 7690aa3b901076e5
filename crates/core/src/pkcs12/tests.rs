use super::*;

#[test]
fn armour_and_trailing_zeros_are_told() {
    let limits = Limits::default();
    let mut der = std::fs::read("../../fixtures/pkcs12/www.p12").unwrap();
    let armoured = ::pem::encode(&::pem::Pem::new("PKCS12", der.clone()));
    let told = |bytes: &[u8]| {
        let pfx = Pfx::from_bytes(bytes, &limits).unwrap();
        (pfx.is_armoured(), pfx.trailing_zeros(), pfx.has_trailing_line_end(), pfx.encoding())
    };
    assert_eq!(told(&der), (false, 0, false, Encoding::Der));
    for line_end in [&b"\n"[..], b"\r\n"] {
        assert_eq!(told(&[&der, line_end].concat()), (false, 0, true, Encoding::Der));
    }
    assert_eq!(told(armoured.as_bytes()), (true, 0, false, Encoding::Der));
    // As Azure Key Vault gives it: base64 on one line, in JSON's quotation marks too, wrapped, in UTF-16.
    let wrapped: Vec<&str> = armoured.lines().filter(|line| !line.starts_with('-')).collect();
    let line = wrapped.concat();
    for text in [line.clone(), format!("\u{feff}{line}\r\n"), format!("\"{line}\"\n"), wrapped.join("\r\n")] {
        assert_eq!(told(text.as_bytes()), (true, 0, false, Encoding::Der), "{text}");
    }
    let utf16: Vec<u8> =
        std::iter::once(0xfeff).chain(line.encode_utf16()).flat_map(u16::to_le_bytes).collect();
    assert_eq!(told(&utf16), (true, 0, false, Encoding::Der));
    let cut = line.get(..line.len() - 3).unwrap();
    let broken = PemError::Base64 { line: 1, what: "characters are missing at the end of the base64" };
    assert_eq!(Pfx::from_bytes(cut.as_bytes(), &limits).err(), Some(broken.into()));
    // certutil -encode calls whatever it encodes a certificate.
    let called = armoured.replace("PKCS12", "CERTIFICATE");
    let found = FileFormat::Pkcs12AsCertificate;
    assert_eq!(Pfx::from_bytes(called.as_bytes(), &limits).err(), Some(Pkcs12Error::NotPkcs12 { found }));
    der.extend([0; 8]);
    assert_eq!(told(&der), (false, 8, false, Encoding::Der));
    let other = ::pem::encode(&::pem::Pem::new("PKCS12", b"\x30\x00".as_slice()));
    let found = FileFormat::Unknown;
    assert_eq!(Pfx::from_bytes(other.as_bytes(), &limits).err(), Some(Pkcs12Error::NotPkcs12 { found }));
}

#[test]
fn what_stands_beside_a_pfx_in_its_text_is_told_and_none_of_two_is_chosen() {
    let limits = Limits::default();
    let der = std::fs::read("../../fixtures/pkcs12/www.p12").unwrap();
    let armoured = ::pem::encode(&::pem::Pem::new("PKCS12", der));
    let root = std::fs::read_to_string("../../fixtures/chains/root-rsa.pem").unwrap();
    let told = |text: &str| Pfx::from_bytes(text.as_bytes(), &limits).map(|pfx| pfx.beside().to_vec());
    assert_eq!(told(&armoured), Ok(vec![]));
    assert_eq!(told(&format!("{root}{armoured}")), Ok(vec![FileFormat::CertificateDer]));
    let two = Pkcs12Error::TooMany { what: "PKCS #12 block in its text", limit: 1 };
    assert!(two.remedies()[0].to_string().starts_with("save each PKCS #12 block, "));
    assert_eq!(told(&format!("{armoured}{armoured}")), Err(two));
}
