//! Paths: which row of the table is meant, in any case and under any context.

use super::{
    Flavour, percent_decode, percent_encode,
    table::{NOT_OFFERED, OUTSIDE, ROWS, Root, Row},
};

/// A parsed path.
#[derive(Clone, Debug)]
pub(crate) struct Address {
    /// What stands before the API, encoded and without a slash at the end; empty at the root of the host.
    pub(crate) context: String,
    pub(crate) root: Root,
    pub(crate) row: &'static Row,
    /// The machine that the path names, as it came.
    pub(crate) machine: Option<String>,
    /// The alias or the user that the path names, as it came.
    pub(crate) name: Option<String>,
}

/// What the placeholders of a path stand for.
#[derive(Clone, Default)]
struct Bound {
    machine: Option<String>,
    name: Option<String>,
}

impl Address {
    /// Parses a path. One below no root is an address too: its refusal needs a form as any other.
    ///
    /// Segments are decoded, empty ones dropped, and words compared without regard to ASCII case.
    pub(crate) fn parse(path: &str) -> Self {
        let decoded = path
            .split('/')
            .filter(|segment| !segment.is_empty())
            .map(|segment| String::from_utf8(percent_decode(segment.as_bytes(), false)).ok())
            .collect::<Option<Vec<String>>>();
        decoded.and_then(|segments| Self::find(&segments)).unwrap_or_else(Self::outside)
    }

    fn outside() -> Self {
        Self { context: String::new(), root: Root::Outside, row: OUTSIDE, machine: None, name: None }
    }

    fn find(segments: &[String]) -> Option<Self> {
        let begins = |word: &String| {
            Root::ALL.iter().any(|root| {
                root.path().split('/').next().is_some_and(|first| first.eq_ignore_ascii_case(word))
            })
        };
        let at = segments.iter().position(begins)?;
        let (before, rest) = segments.split_at(at);
        let context = before.iter().map(|segment| format!("/{}", percent_encode(segment))).collect();
        let mut words: Vec<&str> = rest.iter().map(String::as_str).collect();
        // `sharing` is the older spelling of `sharing/rest`.
        if let [first, tail @ ..] = words.as_slice()
            && first.eq_ignore_ascii_case("sharing")
            && !tail.first().is_some_and(|second| second.eq_ignore_ascii_case("rest"))
        {
            words.insert(1, "rest");
        }
        let (root, bound, below) = Root::ALL.iter().find_map(|root| {
            let mut bound = Bound::default();
            let below = bound.begin(root.path(), &words)?;
            Some((*root, bound, below))
        })?;
        let mut rows = ROWS.iter().filter(|row| row.roots.contains(&root));
        let found = rows.find_map(|row| {
            let fits = |path: &&str| {
                let mut bound = bound.clone();
                bound.begin(path, below).is_some_and(<[&str]>::is_empty).then_some(bound)
            };
            row.paths.iter().find_map(fits).map(|bound| (row, bound))
        });
        let (row, Bound { machine, name }) = match found {
            Some(found) => found,
            // Clients try addresses here to learn what kind of server it is, and read the status.
            None if matches!(root, Root::Rest | Root::Tokens | Root::Metrics | Root::OpenApi) => return None,
            None => (NOT_OFFERED, bound),
        };
        Some(Self { context, root, row, machine, name })
    }

    pub(crate) fn flavour(&self) -> Flavour {
        self.root.flavour()
    }

    /// The path of the administrator directory.
    pub(crate) fn base(&self) -> String {
        format!("{}/{}", self.context, self.root.directory().path())
    }

    /// The path of the list of certificates to which this address belongs.
    pub(crate) fn list(&self) -> String {
        format!("{}/{}", self.context, self.fill(self.root.path()))
    }

    /// The path in its documented spelling, safe in a link and in a header.
    pub(crate) fn link(&self) -> String {
        match self.row.paths.first() {
            Some(&"") => self.list(),
            Some(path) => format!("{}/{}", self.list(), self.fill(path)),
            None => self.base(),
        }
    }

    fn fill(&self, path: &str) -> String {
        let segments = path.split('/').map(|segment| match segment {
            "{machine}" => percent_encode(self.machine.as_deref().unwrap_or_default()),
            "{alias}" | "{name}" => percent_encode(self.name.as_deref().unwrap_or_default()),
            word => word.to_owned(),
        });
        segments.collect::<Vec<String>>().join("/")
    }
}

/// The path of the certificates of a machine below its directory.
pub(crate) fn certificates_of(machine: &str) -> String {
    format!("machines/{}/sslCertificates", percent_encode(machine))
}

/// The path of the certificates of a portal on one machine below its directory.
pub(crate) const CERTIFICATES_OF_SITE: &str = "security/sslCertificates";

impl Bound {
    /// The words behind `path`, with its placeholders bound; `None` if they do not begin with it.
    fn begin<'w, 's>(&mut self, path: &str, words: &'w [&'s str]) -> Option<&'w [&'s str]> {
        let mut rest = words;
        for segment in path.split('/').filter(|segment| !segment.is_empty()) {
            let (word, tail) = rest.split_first()?;
            match segment {
                "{machine}" => self.machine = Some((*word).to_owned()),
                "{alias}" | "{name}" => self.name = Some((*word).to_owned()),
                _ if segment.eq_ignore_ascii_case(word) => {}
                _ => return None,
            }
            rest = tail;
        }
        Some(rest)
    }
}

#[cfg(test)]
mod tests {
    use super::{super::table::Operation, *};

    #[track_caller]
    fn check(path: &str, context: &str, root: Root, operation: Operation) -> Address {
        let got = Address::parse(path);
        assert_eq!((got.context.as_str(), got.root, got.row.operation), (context, root, operation), "{path}");
        got
    }

    #[test]
    fn operations_are_found_in_every_spelling() {
        for path in [
            "/arcgis/portaladmin/machines/M.test/sslCertificates/importExistingServerCertificate",
            "/arcgis/portaladmin/machines/M.test/sslcertificates/importexistingservercertificate/",
            "/arcgis//PortalAdmin/Machines/M.test/SSLCERTIFICATES/importExistingServerCertificates",
            "/arcgis/portaladmin/machines/M%2Etest/ssl%43ertificates/importExistingServerCertificate",
        ] {
            let got = check(path, "/arcgis", Root::PortalMachine, Operation::ImportServerCertificate);
            assert_eq!(got.machine.as_deref(), Some("M.test"));
        }
        let security = "/portaladmin/security/sslCertificates";
        for (path, operation) in [
            ("ImportRootOrIntermediate", Operation::ImportAuthority),
            ("generate", Operation::Generate),
            ("GENERATECERTIFICATE", Operation::Generate),
            ("update", Operation::Update),
            ("www/generateCSR", Operation::GenerateCsr),
            ("www/generateCsr", Operation::GenerateCsr),
            ("www/importSignedCertificate", Operation::ImportSignedCertificate),
            ("www/importCASignedCertificate", Operation::ImportSignedCertificate),
            ("importCASignedCertificate", Operation::ImportSignedCertificate),
            ("www/export", Operation::Export),
            ("www/Delete/", Operation::Delete),
        ] {
            check(&format!("{security}/{path}"), "", Root::PortalSecurity, operation);
        }
    }

    #[test]
    fn server_flavour_has_its_own_directory_under_any_context() {
        let machine = "/notebook/admin/machines/m/sslCertificates";
        check(machine, "/notebook", Root::ServerMachine, Operation::Certificates);
        // Only a portal has it; here it is nobody's alias either, since no entry can have that name.
        check(&format!("{machine}/update"), "/notebook", Root::ServerMachine, Operation::Certificate);
        let server = Root::ServerDirectory;
        check("/arcgis/admin", "/arcgis", server, Operation::Directory);
        check("/arcgis/admin/machines/m/edit", "/arcgis", server, Operation::EditMachine);
        check("/arcgis/admin/security/config/update", "/arcgis", server, Operation::UpdateSecurityConfig);
        check("/arcgis/admin/local", "/arcgis", server, Operation::LocalMachine);
        check("/arcgis/admin/generateToken", "/arcgis", server, Operation::GenerateToken);
        check("/arcgis/tokens/", "/arcgis", Root::Tokens, Operation::GenerateToken);
        check("/arcgis/rest/info", "/arcgis", Root::Rest, Operation::RestInfo);
    }

    #[test]
    fn context_is_whatever_stands_before_and_is_encoded_again() {
        let root = Root::PortalDirectory;
        check("/portaladmin", "", root, Operation::Directory);
        check("/a/b/portaladmin/", "/a/b", root, Operation::Directory);
        check(
            "/%22%3E%3Cscript%3E/sharing/rest",
            "/%22%3E%3Cscript%3E",
            Root::Sharing,
            Operation::SharingRoot,
        );
        check("//evil.test/portaladmin", "/evil.test", root, Operation::Directory);
    }

    #[test]
    fn resources_are_found() {
        let portal = Root::PortalDirectory;
        let machine = check("/portaladmin/machines/m", "", portal, Operation::Machine).machine;
        assert_eq!(machine.as_deref(), Some("m"));
        check("/portaladmin/machines/m/sslCertificates", "", Root::PortalMachine, Operation::Certificates);
        let path = "/portaladmin/machines/m/sslCertificates/Www";
        assert_eq!(check(path, "", Root::PortalMachine, Operation::Certificate).name.as_deref(), Some("Www"));
        check("/portaladmin/healthCheck/", "", portal, Operation::HealthCheck);
        for path in ["/arcgis/sharing/generateToken", "/arcgis/sharing/rest/generateToken"] {
            check(path, "/arcgis", Root::Sharing, Operation::GenerateToken);
        }
        let user = "/arcgis/sharing/rest/community/users/Joe";
        let user = check(user, "/arcgis", Root::Sharing, Operation::CommunityUser);
        assert_eq!(user.name.as_deref(), Some("Joe"));
        check("/arcgis/sharing/rest/community/self", "/arcgis", Root::Sharing, Operation::CommunitySelf);
        check("/arcgis/sharing/oauth2/signin", "/arcgis", Root::Sharing, Operation::OAuthSignIn);
        check(
            "/portaladmin/security/sslCertificates/www/other",
            "",
            Root::PortalSecurity,
            Operation::NotOffered,
        );
        check("/portaladmin/logs", "", portal, Operation::NotOffered);
    }

    #[test]
    fn paths_outside_the_api_are_known_as_such() {
        for path in [
            "/",
            "",
            "/arcgis/info",
            "/arcgis/rest/services",
            "/favicon.ico",
            "/portaladmins",
            "/%ff/portaladmin",
        ] {
            check(path, "", Root::Outside, Operation::Outside);
        }
    }

    #[test]
    fn links_lead_back_to_the_same_route() {
        for path in [
            "/arcgis/portaladmin",
            "/arcgis/portaladmin/machines/m%20m/sslCertificates/a%2Fb",
            "/arcgis/portaladmin/machines/m/sslCertificates/importExistingServerCertificate",
            "/arcgis/admin/machines/m/sslCertificates/www/export",
            "/portaladmin/security/sslCertificates/importRootOrIntermediate",
            "/portaladmin/security/sslCertificates",
            "/arcgis/sharing/rest/community/users/j%C3%B6rg",
            "/arcgis/sharing/rest/portals/self",
            "/x/portaladmin/healthCheck",
            "/x/tokens",
        ] {
            assert_eq!(Address::parse(path).link(), path);
        }
    }

    #[test]
    fn every_spelling_of_every_row_leads_to_that_row() {
        for row in ROWS {
            for root in row.roots {
                for path in row.paths {
                    let path = format!("/arcgis/{}/{path}", root.path());
                    let got = Address::parse(&path);
                    assert!(std::ptr::eq(got.row, row) && got.root == *root, "{path}: {got:?}");
                }
            }
        }
    }
}
