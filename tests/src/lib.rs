//! What the tests share: the manifest of fixtures, and temporary keystores.
#![expect(clippy::expect_used, clippy::unwrap_used, clippy::panic, reason = "helpers of tests may panic")]

pub mod command;
pub mod manifest;
pub mod scratch;
