//! Who may ask for an operation.

pub(crate) use strongroom::privilege::Privilege;

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
