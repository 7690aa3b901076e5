//! Spans for the crate `tracing`, where the feature of that name is on: which operation on which alias, and the stage and
//! code of its failure. No message, no friendlyName and no secret goes into them.

use crate::{alias::Alias, error::Error};

/// What has a span of its own.
#[derive(Clone, Copy)]
pub(crate) enum Operation {
    Import,
    Open,
    Rekey,
    Verify,
}

/// Does `work` in a span.
#[cfg(feature = "tracing")]
pub(crate) fn traced<T>(
    operation: Operation,
    alias: Option<&Alias>,
    work: impl FnOnce() -> Result<T, Error>,
) -> Result<T, Error> {
    use tracing::{field::Empty, info_span};

    let alias = alias.map(Alias::as_str);
    let span = match operation {
        Operation::Import => info_span!("import", alias, stage = Empty, code = Empty),
        Operation::Open => info_span!("open", stage = Empty, code = Empty),
        Operation::Rekey => info_span!("rekey", stage = Empty, code = Empty),
        Operation::Verify => info_span!("verify", alias, stage = Empty, code = Empty),
    };
    let done = span.in_scope(work);
    if let Err(error) = &done {
        span.record("stage", error.stage()).record("code", error.code());
    }
    done
}

/// Does `work`; there are no spans in this build.
#[cfg(not(feature = "tracing"))]
pub(crate) fn traced<T>(
    _operation: Operation,
    _alias: Option<&Alias>,
    work: impl FnOnce() -> Result<T, Error>,
) -> Result<T, Error> {
    work()
}
