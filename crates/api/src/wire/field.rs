//! Names of fields. Clients of the server flavour call on portal paths too, so both spellings hold everywhere.

/// A field under all the names that clients give it, the documented one first.
pub(crate) type Names = &'static [&'static str];

/// The documented name.
pub(crate) fn documented(names: Names) -> &'static str {
    names.first().copied().unwrap_or_default()
}

pub(crate) const ALIAS: Names = &["alias"];
pub(crate) const AFTER: Names = &["after"];
pub(crate) const CERTIFICATE: Names = &["rootCACertificate", "rootCSCertificate", "file"];
pub(crate) const CHAIN: Names = &["importCertificateChain"];
pub(crate) const CSRF: Names = &["csrfPreventToken"];
pub(crate) const ENTRY: Names = &["entry"];
pub(crate) const EXPIRATION: Names = &["expiration"];
pub(crate) const FILE: Names = &["file", "certFile"];
pub(crate) const FORM: Names = &["form"];
pub(crate) const FORMAT: Names = &["f"];
pub(crate) const NEXT: Names = &["next"];
pub(crate) const PASSWORD: Names = &["password", "certPassword"];
pub(crate) const REPLACE: Names = &["replace"];
pub(crate) const TOKEN: Names = &["token"];
pub(crate) const USERNAME: Names = &["username"];
