//! Strongroom.

mod alias;
mod certificate;
mod limits;
mod pkcs12;
mod secret;

pub use alias::{Alias, InvalidAlias};
pub use certificate::{
    AlternativeName, Candidate, Certificate, CredentialError, EntrySelector, Fingerprint, InvalidCertificate, KeyAlgorithm, KeyUsage, ServerCredential, printable,
};
pub use limits::{Budget, BudgetExceeded, Limits};
pub use pkcs12::{
    CertificateBag, Contents, Encoding, Encryption, FileFormat, KeyBag, MacDescription, Pfx, Pkcs12Error, VerifiedPfx,
    danger, sniff,
};
pub use secret::{InvalidSecret, Password, PrivateKey, UnlockKey};
