//! Keys of records: a tag, then what is looked for, then the alias. No key is the beginning of another: a text ends with
//! a zero byte and contains none, all else has a fixed length.

use crate::{
    certificate::{Certificate, Fingerprint},
    seal::{Digest, EntryId},
};

/// Of which kind a record is: tags differ in their high digit, so that the tree branches by kind at once.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Tag {
    /// What was cut from the log.
    LogCut = 0x00,
    /// What an alias stands for.
    Head = 0x10,
    /// A former version of an entry.
    Version = 0x20,
    /// A member: an entry has this DNS name or address.
    Name = 0x30,
    /// A member: a server's leaf.
    Leaf = 0x40,
    /// A member: a public key.
    PublicKey = 0x50,
    /// A member: who issued the certificate of an entry.
    Issuer = 0x60,
    /// A member: the subject of a CA certificate.
    Subject = 0x70,
    /// A member: the subjectKeyIdentifier of a CA certificate.
    KeyId = 0x80,
    /// A member: a CA certificate.
    Authority = 0x90,
    Administrator = 0xa0,
    Slot = 0xb0,
    /// An entry that was removed.
    Removed = 0xc0,
    /// An administrator bound an entry to a host.
    Binding = 0xd0,
    /// What the web server of the store shows and offers.
    WebServer = 0xe0,
    /// A private key that waits for its certificate.
    Request = 0xf0,
}

impl Tag {
    pub(super) fn byte(self) -> u8 {
        match self {
            Self::LogCut => 0x00,
            Self::Head => 0x10,
            Self::Version => 0x20,
            Self::Name => 0x30,
            Self::Leaf => 0x40,
            Self::PublicKey => 0x50,
            Self::Issuer => 0x60,
            Self::Subject => 0x70,
            Self::KeyId => 0x80,
            Self::Authority => 0x90,
            Self::Administrator => 0xa0,
            Self::Slot => 0xb0,
            Self::Removed => 0xc0,
            Self::Binding => 0xd0,
            Self::WebServer => 0xe0,
            Self::Request => 0xf0,
        }
    }

    /// The tags whose records are nothing but keys.
    pub(super) const MEMBERS: [Self; 7] =
        [Self::Name, Self::Leaf, Self::PublicKey, Self::Issuer, Self::Subject, Self::KeyId, Self::Authority];
}

/// A tag and a text.
pub(super) fn text(tag: Tag, text: &str) -> Vec<u8> {
    [&[tag.byte()], text.as_bytes(), &[0]].concat()
}

/// The versions of an entry.
pub(super) fn versions(alias: &str, id: &EntryId) -> Vec<u8> {
    [text(Tag::Version, alias).as_slice(), id].concat()
}

pub(super) fn version(alias: &str, id: &EntryId, number: u32) -> Vec<u8> {
    [versions(alias, id).as_slice(), &number.to_be_bytes()].concat()
}

/// Of the removals of one alias the later one comes later.
pub(super) fn removed(alias: &str, seq: i64, id: &EntryId) -> Vec<u8> {
    [text(Tag::Removed, alias).as_slice(), &seq.to_be_bytes(), id].concat()
}

/// The record of the cut of the log.
pub(super) fn log_cut() -> Vec<u8> {
    vec![Tag::LogCut.byte(), 0]
}

/// The head of the log at one row that was cut.
pub(super) fn log_head(number: i64) -> Vec<u8> {
    [&[Tag::LogCut.byte(), 1], number.to_be_bytes().as_slice()].concat()
}

/// A row that was cut, and is still needed: its kind, and of exports the digest of the path.
pub(super) fn log_kept(kind: u8, of: Option<&Fingerprint>) -> Vec<u8> {
    let of: &[u8] = of.map(|of| of.as_bytes().as_slice()).unwrap_or_default();
    [&[Tag::LogCut.byte(), 2, kind], of].concat()
}

pub(super) fn slot(number: u32) -> Vec<u8> {
    vec![Tag::Slot.byte(), u8::try_from(number).unwrap_or(u8::MAX)]
}

/// The number of a slot by its key; `None` of what is no such key.
pub(super) fn slot_number(key: &[u8]) -> Option<u32> {
    match key {
        [tag, number] if *tag == Tag::Slot.byte() => Some(u32::from(*number)),
        _ => None,
    }
}

/// All members of one term.
pub(super) fn term(tag: Tag, digest: &Fingerprint) -> Vec<u8> {
    [&[tag.byte()], digest.as_bytes().as_slice()].concat()
}

/// The term of a DNS name or address, whatever its case.
pub(super) fn name(name: &str) -> Vec<u8> {
    term(Tag::Name, &name_digest(name))
}

/// What stands for a DNS name or address in the keys of its members, whatever its case.
pub(crate) fn name_digest(name: &str) -> Fingerprint {
    // A server does this for each client, whose name is in lower case.
    if name.bytes().any(|byte| byte.is_ascii_uppercase()) {
        return Fingerprint::of(name.to_ascii_lowercase().as_bytes());
    }
    Fingerprint::of(name.as_bytes())
}

fn member(term: &[u8], alias: &str) -> Vec<u8> {
    [term, alias.as_bytes(), &[0]].concat()
}

/// The term that a member begins with: the digest of a name, say.
pub(super) fn digest_of_member(key: &[u8]) -> Option<&Digest> {
    key.get(1..33)?.try_into().ok()
}

/// The text of a key that is a tag and a text.
pub(super) fn text_of(key: &[u8]) -> Option<&str> {
    std::str::from_utf8(key.get(1..)?.strip_suffix(&[0])?).ok()
}

/// The alias of a member, in lower case.
pub(super) fn alias_of_member(key: &[u8]) -> Option<&str> {
    std::str::from_utf8(key.get(33..)?.strip_suffix(&[0])?).ok()
}

/// The alias of a head, in lower case.
pub(super) fn alias_of_head(key: &[u8]) -> Option<&str> {
    text_of(key)
}

/// The alias of any record of an entry.
pub(super) fn alias_of(key: &[u8]) -> Option<&str> {
    let tag = *key.first()?;
    if tag == Tag::Head.byte() || tag == Tag::Request.byte() {
        text_of(key)
    } else if tag == Tag::Version.byte() || tag == Tag::Removed.byte() {
        let text = key.get(1..)?;
        std::str::from_utf8(text.get(..text.iter().position(|byte| *byte == 0)?)?).ok()
    } else if Tag::MEMBERS.iter().any(|member| member.byte() == tag) {
        alias_of_member(key)
    } else {
        None
    }
}

/// The first key after all that begin with `prefix`; `None` if nothing comes after.
pub(super) fn after(prefix: &[u8]) -> Option<Vec<u8>> {
    let mut next = prefix.to_vec();
    loop {
        match next.pop()? {
            0xff => {}
            byte => {
                next.push(byte + 1);
                return Some(next);
            }
        }
    }
}

/// All members of an entry in its current version, in order.
pub(super) fn members(certificate: &Certificate, authority: bool, alias: &str) -> Vec<Vec<u8>> {
    let of = |tag, bytes: &[u8]| term(tag, &Fingerprint::of(bytes));
    let mut terms =
        vec![of(Tag::Issuer, &certificate.issuer_name), term(Tag::PublicKey, &certificate.spki_fingerprint)];
    if authority {
        terms.push(term(Tag::Authority, &certificate.fingerprint));
        terms.push(of(Tag::Subject, &certificate.subject_name));
        terms.extend(certificate.subject_key_id.as_ref().map(|id| of(Tag::KeyId, id)));
    } else {
        terms.push(term(Tag::Leaf, &certificate.fingerprint));
        terms.extend(certificate.hosts().map(name));
    }
    let mut members: Vec<Vec<u8>> = terms.iter().map(|term| member(term, alias)).collect();
    members.sort();
    members.dedup();
    members
}
