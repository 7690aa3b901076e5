//! `chain`: the certificates of an entry, leaf to anchor, and what is missing above them.

use schemars::JsonSchema;
use serde::Serialize;
use strongroom::{
    Alias, Error, hexadecimal::hex, instant::rfc3339, issuance::IssuanceError, keystore::ChainState,
    validate::Policy,
};

use super::{list::named_entry, now, open_read_only};
use crate::{
    args::Arguments,
    failure::Failure,
    render::{LinkView, Printer, chain_text, path_text, with_own_role},
};

#[derive(JsonSchema, Serialize)]
pub(in crate::commands) struct ChainView {
    alias: String,
    /// As in `ls`.
    chain_state: &'static str,
    /// As in `ls`.
    chain_not_after: Option<String>,
    chain: Vec<LinkView>,
    /// The issuer that no certificate of the store has as its subject.
    missing: Option<Missing>,
    /// What validation says of the entry now; null if it accepts it.
    refused: Option<String>,
}

#[derive(JsonSchema, Serialize)]
struct Missing {
    issuer: String,
    /// authorityKeyIdentifier, in hexadecimal.
    key_id: Option<String>,
    /// Where the CA publishes its certificate.
    urls: Vec<String>,
}

pub(super) fn run(arguments: &Arguments, alias: &Alias, printer: &Printer) -> Result<(), Failure> {
    let keystore = open_read_only(arguments, printer)?;
    let at = now();
    let entry = named_entry(&keystore, alias, at)?;
    let refused = match keystore.verify(alias, &Policy::default(), at) {
        Ok(_) => None,
        Err(Error::Validation(refused)) => Some(refused.to_string()),
        // A CA certificate by itself is nothing to judge.
        Err(Error::Issuance(IssuanceError::NoKey { .. })) => None,
        Err(other) => return Err(other.into()),
    };
    let incomplete = matches!(entry.chain_state, ChainState::NoAnchor | ChainState::Intermediate);
    let path = with_own_role(&entry, &keystore.chain(alias, at)?);
    let top = path.last().map(|last| &last.certificate).filter(|top| incomplete && !top.is_self_issued());
    let missing = top.map(|top| Missing {
        issuer: top.issuer().to_owned(),
        key_id: top.authority_key_id().map(hex),
        urls: top.issuer_urls().to_vec(),
    });
    let view = ChainView {
        alias: entry.alias.to_string(),
        chain_state: entry.chain_state.as_str(),
        chain_not_after: entry.chain_not_after.map(rfc3339),
        chain: LinkView::of_path(&entry, &path),
        missing,
        refused,
    };
    printer.result(&view, &[], || {
        let mut text = format!("{} ({})\n{}", view.alias, chain_text(&entry), path_text(&path));
        if let Some(missing) = &view.missing {
            text.push_str(&format!("{:indent$}missing: {}", "", missing.issuer, indent = 2 + 2 * path.len()));
            text.extend(missing.key_id.iter().map(|id| format!(", key id {id}")));
            text.extend(missing.urls.first().map(|url| format!(", published at {url}")));
            text.push('\n');
        }
        if let Some(refused) = &view.refused {
            text.push_str(&format!("an import would refuse it now: {refused}\n"));
        }
        text
    });
    Ok(())
}
