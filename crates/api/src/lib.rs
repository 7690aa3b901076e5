//! The ArcGIS administrator API for server certificates, over a Strongroom keystore.
//!
//! Scripts and clients that import certificates into an ArcGIS portal work unchanged: the list of certificates, one
//! of them, importExistingServerCertificate and importRootOrIntermediate, under a machine and under `security`,
//! with generateToken for the administrators of the keystore. [`router()`] gives all of it as an `axum::Router`; the
//! program that serves it brings the socket, TLS and the clock:
//!
//! ```no_run
//! # async fn run() -> Result<(), Box<dyn std::error::Error>> {
//! use strongroom::{Keystore, UnixTime, UnlockKey};
//! use strongroom_api::{ApiState, Settings, router};
//!
//! let unlock = UnlockKey::read_file("keystore.key".as_ref())?;
//! let keystore = Keystore::open("keystore.db", &unlock)?;
//! let state = ApiState::new(keystore, Settings::new("www.example.test"), UnixTime::now);
//! # let tls = axum_server::tls_rustls::RustlsConfig::from_pem_file("", "").await?;
//! let address: std::net::SocketAddr = "[::]:7443".parse()?;
//! axum_server::bind_rustls(address, tls).serve(router(state).into_make_service()).await?;
//! # Ok(())
//! # }
//! ```
//!
//! `examples/serve.rs` is the same as a program. Every answer inside the API has the status 200, also a failure:
//! the code in the body says what happened, as ArcGIS's clients expect it. A busy server alone answers with 503 and
//! `Retry-After`. The crate prints and logs nothing; the
//! cause of a failure of the server is in the response's extensions, as a [`Fault`], for a layer of the program.
//!
//! # Security
//!
//! Tokens are random, live in memory, and end with the administrator that they belong to. ArcGIS's client binding
//! (`client=referer` and the like) is accepted and not enforced: it is no control. Sessions of browsers use a
//! cookie with `SameSite=Strict` and a value in each form. Private keys are never part of an answer, and neither
//! are passwords. Timeouts and numbers of connections are the server's business, not the router's; what is read of
//! bodies, and what waits for work, is bounded in all and shared fairly between addresses: put a [`Client`] into the
//! extensions of each request, as `strongroom serve` does. [`Answered`] in those of the response is for its log.

mod advice;
mod client;
mod error;
mod held;
mod import_place;
mod in_flight;
mod machine;
mod metrics;
mod openapi;
mod operations;
mod overview;
mod queue;
mod refusals;
mod render;
mod request;
mod router;
mod session;
mod sign_ins;
mod signing_in;
mod state;
mod wire;

#[cfg(test)]
mod matrix;

pub use client::{Answered, Client, plain_answer};
pub use error::{Fault, Refusal};
pub use machine::{Machine, WebServerHost};
pub use router::{metrics_router, router};
pub use state::{ApiState, Settings};
