//! What the tests share: the manifest of fixtures, and temporary keystores.

pub mod armour;
pub mod authority;
pub mod bare;
pub mod command;
pub mod dated;
pub mod dump;
#[cfg(unix)]
pub mod figures;
pub mod forge;
pub mod https;
pub mod limbo;
#[cfg(unix)]
pub mod machine;
pub mod manifest;
pub mod many;
pub mod mutation;
#[cfg(unix)]
pub mod peer;
#[cfg(unix)]
pub mod preload;
pub mod remake;
pub mod scratch;
#[cfg(target_os = "linux")]
pub mod screen;
pub mod server;

#[cfg(doctest)]
#[doc = include_str!("../../README.md")]
struct Readme;
