//! The project's own tasks: `cargo xtask fixtures`, and others.

fn main() {}
