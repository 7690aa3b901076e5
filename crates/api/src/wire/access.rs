//! Who may ask for an operation.

/// What an operation asks of the one who calls it.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Access {
    /// Nothing: what clients ask before they sign in.
    Public,
    /// A good token.
    SignedIn,
    /// A good token of a user who has this privilege.
    Needs(Privilege),
}

/// What a user may do.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Privilege {
    /// See the list of certificates and each of them.
    List,
    /// Add and replace entries, make keys and requests.
    Import,
    /// Delete entries.
    Delete,
    /// Take certificates away as files.
    Export,
    /// Change which certificate the server shows and how it speaks TLS.
    Administer,
    /// Read the log.
    Audit,
}
