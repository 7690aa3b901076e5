//! Whose clients are answered. A wrong shape of a failure is silently read as a success.

use serde::Serialize;

/// The two families of ArcGIS's clients.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Flavour {
    /// `portaladmin`, `sharing`, `rest` and `tokens`.
    Portal,
    /// `admin` of a GIS, notebook, mission or video server.
    Server,
}

/// A failure in the shape of its flavour.
#[derive(Debug, Serialize)]
#[serde(untagged)]
pub(crate) enum Failure<'a> {
    Portal { error: FailureBody<'a> },
    Server { status: &'static str, messages: Vec<&'a str>, code: u16 },
}

#[derive(Debug, Serialize)]
pub(crate) struct FailureBody<'a> {
    code: u16,
    message: &'a str,
    details: &'a [String],
}

impl Flavour {
    pub(crate) fn failure<'a>(self, code: u16, message: &'a str, details: &'a [String]) -> Failure<'a> {
        match self {
            Self::Portal => Failure::Portal { error: FailureBody { code, message, details } },
            Self::Server => Failure::Server {
                status: "error",
                messages: std::iter::once(message).chain(details.iter().map(String::as_str)).collect(),
                code,
            },
        }
    }

    /// What a request without a token is told.
    pub(crate) fn token_required(self) -> &'static str {
        match self {
            Self::Portal => "Token Required",
            Self::Server => {
                "Unauthorized access. Token not found. You can generate a token using the 'generateToken' operation."
            }
        }
    }

    /// What a request with a token that is not good is told.
    pub(crate) fn invalid_token(self) -> &'static str {
        match self {
            Self::Portal => "Invalid Token",
            Self::Server => "Could not decrypt token. Token may not be valid.",
        }
    }
}
