//! `import` and `csr install` with `--with-embedded-ca`: shows the CA certificates that would be trusted, asks, and imports them with the entry.

use strongroom::{
    Keystore,
    instant::day,
    keystore::{CredentialRequest, EmbeddedAuthority, ImportReport},
    validate::Role,
};

use crate::{
    args::Arguments,
    failure::{Exit, Failure},
    prompt::{Unasked, confirm},
    render::Printer,
};

/// Refuses to import what is forbidden by name.
pub(in crate::commands) fn check(
    with_embedded_ca: bool,
    import_certificate_chain: bool,
) -> Result<(), Failure> {
    if with_embedded_ca && !import_certificate_chain {
        let message = "--with-embedded-ca imports the CA certificates of the file, and --import-certificate-chain false forbids it";
        return Err(Failure::new(Exit::Usage, "usage", "arguments", message.to_owned()));
    }
    Ok(())
}

pub(in crate::commands) fn import(
    arguments: &Arguments,
    dry_run: bool,
    keystore: &Keystore,
    mut opened: CredentialRequest,
    printer: &Printer,
) -> Result<ImportReport, Failure> {
    let needed = keystore.embedded_authorities(&opened)?;
    if let Some(anchor) = needed.iter().find(|ca| ca.role == Role::Anchor) {
        printer.note(&description(&needed, anchor));
        // A dry run stores nothing, so there is nothing to agree to.
        if !dry_run {
            let question = format!("trust \"{}\", and import?", anchor.certificate.subject());
            confirm(arguments, &question, Unasked::Refuse)?;
        }
        opened.options.vouched = vec![anchor.certificate.fingerprint()];
    }
    Ok(keystore.import_credential(opened)?)
}

/// What would be stored, and what it means.
fn description(needed: &[EmbeddedAuthority], anchor: &EmbeddedAuthority) -> String {
    let mut text =
        "the file embeds CA certificates that its path needs and the store does not have:\n".to_owned();
    for EmbeddedAuthority { certificate, role, .. } in needed {
        let kind = match (role, certificate.is_self_issued()) {
            (Role::Anchor, true) => "root, to be trusted",
            (Role::Anchor, false) => "intermediate, to be trusted",
            _ => "intermediate, stored with the entry",
        };
        let until = day(certificate.not_after());
        text.push_str(&format!("  {} ({kind})\n", certificate.subject()));
        text.push_str(&format!("    SHA-256 {}\n", certificate.fingerprint()));
        text.push_str(&format!("    valid until {until}\n"));
    }
    if !anchor.certificate.is_self_issued() {
        text.push_str(&format!(
            "the root above it, {}, is not in the file: the path will end at the intermediate\n",
            anchor.certificate.issuer()
        ));
    }
    text.push_str(&format!(
        "from then on every certificate below \"{}\" is accepted; compare its SHA-256 with what the CA publishes",
        anchor.certificate.subject()
    ));
    text
}
