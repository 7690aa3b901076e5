//! What must hold of every decoder of a row, whatever the bytes. Compiled under `cfg(strongroom_fuzzing)` alone.

use super::{
    bindings::BindingRow,
    codec::Decoder,
    key, log_cut,
    records::{Content, EntryHead, sealed_from_blob, sealed_to_blob},
    requests::RequestRow,
    slots, tree, web_server,
};

/// Takes the bytes for a record or a blob of each kind: what is read of them is written as the same bytes.
pub(crate) fn check_record(bytes: &[u8]) {
    if let Ok(content) = Content::from_record(bytes) {
        assert_eq!(content.to_record(), bytes, "two encodings of one version");
    }
    let alias = Decoder::new(bytes).and_then(|mut fields| Ok(fields.text()?.to_ascii_lowercase()));
    if let Ok(alias) = alias {
        if let Ok(head) = EntryHead::from_record(&alias, bytes) {
            assert_eq!(head.to_record(), bytes, "two encodings of one entry");
            assert!(EntryHead::from_record("another alias", bytes).is_err());
        }
        if let Ok(request) = RequestRow::from_record(&alias, bytes) {
            assert_eq!(request.to_record(), bytes, "two encodings of one pending request");
            assert!(RequestRow::from_record("another alias", bytes).is_err());
        }
    }
    if let Ok(binding) = BindingRow::from_record("www.test", bytes) {
        assert_eq!(binding.to_record(), bytes, "two encodings of one binding");
    }
    if let Ok(slot) = slots::decode(&key::slot(0), bytes) {
        assert_eq!(slots::encode(&slot), bytes, "two encodings of one slot");
    }
    log_cut::check_record(bytes);
    if let Ok(sealed) = sealed_from_blob(bytes) {
        assert_eq!(sealed_to_blob(&sealed), bytes, "two encodings of one sealed key");
    }
    if let Ok(chosen) = web_server::from_record(bytes) {
        assert_eq!(web_server::to_record(&chosen), bytes, "two encodings of one web server");
    }
}

/// Takes the bytes for a row of the tree: the length of its path, the path, and the body.
pub(crate) fn check_node(bytes: &[u8]) {
    let Some((length, rest)) = bytes.split_first() else {
        return;
    };
    if let Some((path, body)) = rest.split_at_checked(usize::from(*length)) {
        tree::check_body(path, body);
    }
}
