//! Paths: which resource or operation is meant, in any case and under any context.

use super::{percent_decode, percent_encode};

/// Where a certificates resource hangs. Both show the same store.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) enum Holder {
    /// `machines/<machine>`.
    Machine(String),
    /// `security`, for a portal on one machine.
    Security,
}

/// A resource or an operation.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) enum Route {
    AdminRoot,
    Certificate {
        holder: Holder,
        alias: String,
    },
    Certificates {
        holder: Holder,
    },
    GenerateToken,
    HealthCheck,
    ImportAuthority {
        holder: Holder,
    },
    ImportServerCertificate {
        holder: Holder,
    },
    Machine {
        machine: String,
    },
    Machines,
    /// ArcGIS has it, this server does not.
    NotOffered,
    PortalSelf,
    Security,
    SharingInfo,
    SharingRoot,
    SignIn,
    SignOut,
    Style,
    User {
        name: Option<String>,
    },
}

/// A parsed path.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) struct Address {
    /// What stands before the API, encoded and without a slash at the end; empty at the root of the host.
    pub(crate) context: String,
    pub(crate) route: Route,
}

impl Address {
    /// Parses a path; `None` for one outside the API.
    ///
    /// Segments are decoded, empty ones dropped, and words compared without regard to ASCII case.
    pub(crate) fn parse(path: &str) -> Option<Self> {
        let segments: Vec<String> = path
            .split('/')
            .filter(|segment| !segment.is_empty())
            .map(|segment| String::from_utf8(percent_decode(segment.as_bytes(), false)).ok())
            .collect::<Option<_>>()?;
        let words: Vec<String> = segments.iter().map(|segment| segment.to_ascii_lowercase()).collect();
        let at = words.iter().position(|word| word == "portaladmin" || word == "sharing")?;
        let (before, rest) = segments.split_at(at);
        let words: Vec<&str> = words.iter().skip(at).map(String::as_str).collect();
        let context = before.iter().map(|segment| format!("/{}", percent_encode(segment))).collect();
        let route = match words.as_slice() {
            ["portaladmin", words @ ..] => admin(words, rest.get(1..).unwrap_or_default()),
            ["sharing", "rest", words @ ..] => sharing(words, rest.get(2..).unwrap_or_default()),
            ["sharing", words @ ..] => sharing(words, rest.get(1..).unwrap_or_default()),
            _ => return None,
        };
        Some(Self { context, route })
    }

    /// The path of the administrator directory.
    pub(crate) fn base(&self) -> String {
        format!("{}/portaladmin", self.context)
    }

    /// The path in its own spelling, safe in a link and in a header.
    pub(crate) fn link(&self) -> String {
        let base = self.base();
        let sharing = format!("{}/sharing/rest", self.context);
        match &self.route {
            Route::AdminRoot | Route::NotOffered | Route::SignIn | Route::SignOut | Route::Style => base,
            Route::Certificate { holder, alias } => {
                format!("{base}/{}/{}", holder.path(), percent_encode(alias))
            }
            Route::Certificates { holder } => format!("{base}/{}", holder.path()),
            Route::GenerateToken => format!("{sharing}/generateToken"),
            Route::HealthCheck => format!("{base}/healthCheck"),
            Route::ImportAuthority { holder } => format!("{base}/{}/importRootOrIntermediate", holder.path()),
            Route::ImportServerCertificate { holder } => {
                format!("{base}/{}/importExistingServerCertificate", holder.path())
            }
            Route::Machine { machine } => format!("{base}/machines/{}", percent_encode(machine)),
            Route::Machines => format!("{base}/machines"),
            Route::PortalSelf => format!("{sharing}/portals/self"),
            Route::Security => format!("{base}/security"),
            Route::SharingInfo => format!("{sharing}/info"),
            Route::SharingRoot => sharing,
            Route::User { name: None } => format!("{sharing}/community/self"),
            Route::User { name: Some(name) } => format!("{sharing}/community/users/{}", percent_encode(name)),
        }
    }
}

impl Holder {
    /// The path of its certificates below the directory.
    pub(crate) fn path(&self) -> String {
        match self {
            Self::Machine(machine) => format!("machines/{}/sslCertificates", percent_encode(machine)),
            Self::Security => "security/sslCertificates".to_owned(),
        }
    }
}

/// `words` are `segments` in lower case; names keep the case in which they came.
fn admin(words: &[&str], segments: &[String]) -> Route {
    let segment = |n: usize| segments.get(n).cloned().unwrap_or_default();
    match words {
        [] => Route::AdminRoot,
        ["healthcheck"] => Route::HealthCheck,
        ["login"] => Route::SignIn,
        ["logout"] => Route::SignOut,
        ["machines"] => Route::Machines,
        ["machines", _] => Route::Machine { machine: segment(1) },
        ["machines", _, "sslcertificates", words @ ..] => {
            certificates(Holder::Machine(segment(1)), words, segments.get(3..).unwrap_or_default())
        }
        ["security"] => Route::Security,
        ["security", "sslcertificates", words @ ..] => {
            certificates(Holder::Security, words, segments.get(2..).unwrap_or_default())
        }
        ["style.css"] => Route::Style,
        _ => Route::NotOffered,
    }
}

fn certificates(holder: Holder, words: &[&str], segments: &[String]) -> Route {
    match words {
        [] => Route::Certificates { holder },
        // The plural stands in the documentation of one version.
        ["importexistingservercertificate" | "importexistingservercertificates"] => {
            Route::ImportServerCertificate { holder }
        }
        ["importrootorintermediate"] => Route::ImportAuthority { holder },
        ["generate" | "generatecertificate" | "update"] => Route::NotOffered,
        [_] => Route::Certificate { holder, alias: segments.first().cloned().unwrap_or_default() },
        _ => Route::NotOffered,
    }
}

fn sharing(words: &[&str], segments: &[String]) -> Route {
    match words {
        [] => Route::SharingRoot,
        ["community", "self"] => Route::User { name: None },
        ["community", "users", _] => Route::User { name: segments.get(2).cloned() },
        ["generatetoken"] => Route::GenerateToken,
        ["info"] => Route::SharingInfo,
        ["portals", "self"] => Route::PortalSelf,
        _ => Route::NotOffered,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(path: &str, context: &str, route: Route) {
        assert_eq!(Address::parse(path), Some(Address { context: context.to_owned(), route }), "{path}");
    }

    fn machine(name: &str) -> Holder {
        Holder::Machine(name.to_owned())
    }

    #[test]
    fn operations_are_found_in_every_spelling() {
        for path in [
            "/arcgis/portaladmin/machines/M.test/sslCertificates/importExistingServerCertificate",
            "/arcgis/portaladmin/machines/M.test/sslcertificates/importexistingservercertificate/",
            "/arcgis//PortalAdmin/Machines/M.test/SSLCERTIFICATES/importExistingServerCertificates",
            "/arcgis/portaladmin/machines/M%2Etest/ssl%43ertificates/importExistingServerCertificate",
        ] {
            check(path, "/arcgis", Route::ImportServerCertificate { holder: machine("M.test") });
        }
        check(
            "/portaladmin/security/sslCertificates/ImportRootOrIntermediate",
            "",
            Route::ImportAuthority { holder: Holder::Security },
        );
    }

    #[test]
    fn context_is_whatever_stands_before_and_is_encoded_again() {
        check("/portaladmin", "", Route::AdminRoot);
        check("/a/b/portaladmin/", "/a/b", Route::AdminRoot);
        check("/%22%3E%3Cscript%3E/sharing/rest", "/%22%3E%3Cscript%3E", Route::SharingRoot);
        check("//evil.test/portaladmin", "/evil.test", Route::AdminRoot);
    }

    #[test]
    fn resources_are_found() {
        let holder = machine("m");
        check("/portaladmin/machines/m", "", Route::Machine { machine: "m".to_owned() });
        check("/portaladmin/machines/m/sslCertificates", "", Route::Certificates { holder: holder.clone() });
        check(
            "/portaladmin/machines/m/sslCertificates/Www",
            "",
            Route::Certificate { holder, alias: "Www".to_owned() },
        );
        check("/portaladmin/healthCheck/", "", Route::HealthCheck);
        check("/arcgis/sharing/generateToken", "/arcgis", Route::GenerateToken);
        check("/arcgis/sharing/rest/generateToken", "/arcgis", Route::GenerateToken);
        check(
            "/arcgis/sharing/rest/community/users/Joe",
            "/arcgis",
            Route::User { name: Some("Joe".to_owned()) },
        );
        check("/arcgis/sharing/rest/community/self", "/arcgis", Route::User { name: None });
        check("/portaladmin/security/sslCertificates/www/export", "", Route::NotOffered);
        check("/portaladmin/security/sslCertificates/update", "", Route::NotOffered);
        check("/portaladmin/logs", "", Route::NotOffered);
    }

    #[test]
    fn paths_outside_the_api_are_none() {
        for path in ["/", "", "/arcgis/rest/info", "/favicon.ico", "/portaladmins", "/%ff/portaladmin"] {
            assert_eq!(Address::parse(path), None, "{path}");
        }
    }

    #[test]
    fn links_lead_back_to_the_same_route() {
        for path in [
            "/arcgis/portaladmin",
            "/arcgis/portaladmin/machines/m%20m/sslCertificates/a%2Fb",
            "/arcgis/portaladmin/machines/m/sslCertificates/importExistingServerCertificate",
            "/portaladmin/security/sslCertificates/importRootOrIntermediate",
            "/portaladmin/security/sslCertificates",
            "/arcgis/sharing/rest/community/users/j%C3%B6rg",
            "/arcgis/sharing/rest/portals/self",
            "/x/portaladmin/healthCheck",
        ] {
            assert_eq!(Address::parse(path).unwrap().link(), path);
        }
    }
}
