//! ArcGIS's names: paths, fields, words and objects. Nowhere else are they spelled.
//!
//! Takes text and engine facts; gives rows of the table of routes and serialisable objects. Decides nothing.

pub(crate) mod access;
pub(crate) mod address;
pub(crate) mod certificate;
pub(crate) mod field;
mod flavour;
pub(crate) mod object;
mod root;
pub(crate) mod server_object;
pub(crate) mod table;
mod text;

pub(crate) use self::{
    address::Address,
    flavour::Flavour,
    table::{Methods, Operation, Root},
    text::{calendar_date, java_date, percent_decode, percent_encode, unhex},
};

/// The refusal of a CA certificate as that of the web server, to the letter.
pub(crate) const NO_CA_AS_WEB_SERVER: &str =
    "A root or intermediate certificate cannot be used as a Web server's SSL certificate";
/// How a portal of several machines refuses what only one of them can answer, to the letter.
pub(crate) const NOT_FOR_SEVERAL_MACHINES: &str = "This resource is not accessible for highly available Portals. Please use the sslCertificates API available within the Machines API.";

/// The form of an answer: the parameter `f`.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Format {
    /// A page for people; the default.
    Html,
    /// Compact JSON: scripts look for `"status":"success"` to the letter.
    Json,
    /// JSON with line ends.
    Pjson,
}

impl Format {
    pub(crate) fn parse(word: &str) -> Option<Self> {
        match word.to_ascii_lowercase().as_str() {
            "" | "html" => Some(Self::Html),
            "json" => Some(Self::Json),
            "pjson" => Some(Self::Pjson),
            _ => None,
        }
    }
}

/// Reads a boolean as ArcGIS's clients write it: `true`, `True`, `1`, `on` and so on.
pub(crate) fn boolean(word: &str) -> Option<bool> {
    match word.trim().to_ascii_lowercase().as_str() {
        "true" | "1" | "yes" | "on" => Some(true),
        "false" | "0" | "no" | "off" => Some(false),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn formats_are_three_whatever_their_case() {
        assert_eq!(Format::parse("JSON"), Some(Format::Json));
        assert_eq!(Format::parse("pjson"), Some(Format::Pjson));
        assert_eq!(Format::parse(""), Some(Format::Html));
        assert_eq!(Format::parse("xml"), None);
    }

    #[test]
    fn booleans_are_read_in_every_spelling_that_clients_send() {
        for word in ["true", "True", "TRUE", "1", "yes", "on", " true "] {
            assert_eq!(boolean(word), Some(true), "{word:?}");
        }
        for word in ["false", "False", "0", "no", "OFF"] {
            assert_eq!(boolean(word), Some(false), "{word:?}");
        }
        for word in ["", "2", "truthy", "null"] {
            assert_eq!(boolean(word), None, "{word:?}");
        }
    }
}
