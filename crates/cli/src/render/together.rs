//! What belongs together of several files, for people.

use std::fmt::Write as _;

use strongroom::inspect::{CertificateInFiles, IssuedBy, PartOfFile, Together};

/// Each private key with its certificates, and each certificate with its issuer.
pub(crate) fn together_text(together: &Together) -> String {
    let mut text = "what belongs together\n".to_owned();
    if together.keys.is_empty() && together.locked_key_count == 0 && together.certificates.is_empty() {
        text.push_str("  there is neither a private key nor a certificate\n");
    }
    for key in &together.keys {
        let _ = writeln!(text, "  private key {} of {}", key.key, key.part.file);
        also(&mut text, &key.also, "key");
        if key.damaged {
            line(&mut text, "damaged", "it cannot be used with any certificate");
        } else if key.certificates.is_empty() && !together.certificates.is_empty() {
            line(&mut text, "belongs to", "none of the certificates");
        }
        for (n, part) in key.certificates.iter().enumerate() {
            // What is damaged proves nothing.
            let label = if key.damaged { "public key" } else { "belongs to" };
            let said = if key.damaged { "it names that of " } else { "" };
            line(&mut text, if n == 0 { label } else { "" }, &format!("{said}{}", place(part)));
        }
    }
    match together.locked_key_count {
        0 => {}
        1 => text.push_str("  a private key stays locked, so that nobody knows what it belongs to\n"),
        more => {
            let _ =
                writeln!(text, "  {more} private keys stay locked, so that nobody knows what they belong to");
        }
    }
    for certificate in &together.certificates {
        let _ = writeln!(text, "  {}", place(&certificate.part));
        line(&mut text, "subject", certificate.subject.as_deref().unwrap_or("(cannot be decoded)"));
        also(&mut text, &certificate.also, "certificate");
        let issuer = certificate.issuer_certificate.as_ref().map(place).unwrap_or_default();
        let said = match certificate.issued_by {
            IssuedBy::Itself => "itself (self-signed)".to_owned(),
            IssuedBy::Certificate => issuer,
            IssuedBy::NotJudged => format!("{issuer}, by its name; the signature cannot be judged"),
            IssuedBy::AnotherKey => format!("another key than that of {issuer}, which has the name"),
            IssuedBy::NotLookedFor => "not looked for: too many have the issuer's name".to_owned(),
            _ if certificate.subject.is_none() => continue,
            _ => absent(certificate),
        };
        line(&mut text, "issued by", &said);
    }
    text
}

fn absent(certificate: &CertificateInFiles) -> String {
    let issuer = certificate.issuer.as_deref().unwrap_or("its issuer");
    format!("{issuer}, which is not here")
}

fn also(text: &mut String, parts: &[PartOfFile], what: &str) {
    for (n, part) in parts.iter().enumerate() {
        let place = if what == "key" { part.file.clone() } else { place(part) };
        line(text, if n == 0 { "also in" } else { "" }, &place);
    }
}

/// `certificate 2 of chain.pem`.
fn place(part: &PartOfFile) -> String {
    format!("certificate {} of {}", part.number, part.file)
}

fn line(text: &mut String, label: &str, value: &str) {
    let _ = writeln!(text, "    {label:<12}{value}");
}
