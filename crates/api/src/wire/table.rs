//! The table of routes: every operation and resource with its roots, spellings, methods, access and fields.
//!
//! The router, the check of privileges and the tests read this table, and so does whatever describes the API.
//! What is not in it is not offered.

use super::{
    access::{Access, Privilege},
    field::{self, Field, Kind},
};

pub(crate) use super::root::Root;

/// A resource or an operation.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Operation {
    Certificate,
    Certificates,
    CommunitySelf,
    CommunityUser,
    Delete,
    Directory,
    EditMachine,
    Export,
    ExportPkcs12,
    Generate,
    GenerateCsr,
    GenerateToken,
    HealthCheck,
    ImportAuthority,
    ImportServerCertificate,
    ImportSignedCertificate,
    LocalMachine,
    LogSettings,
    Machine,
    Machines,
    Metrics,
    /// Below a root, but not in the table: ArcGIS may have it, this server does not.
    NotOffered,
    OAuthAuthorize,
    OAuthSignIn,
    OpenApi,
    /// Below no root.
    Outside,
    PortalSelf,
    PortalServers,
    RestInfo,
    RollBack,
    Script,
    Security,
    SecurityConfig,
    SecurityTokens,
    SharingInfo,
    SharingRoot,
    SignIn,
    SignOut,
    Style,
    System,
    Update,
    UpdateSecurityConfig,
}

/// What a method does.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Methods {
    /// GET, HEAD and POST read.
    Read,
    /// POST changes something; GET gives a person the form.
    Change,
}

/// A row of the table.
#[derive(Debug)]
pub(crate) struct Row {
    pub(crate) operation: Operation,
    pub(crate) roots: &'static [Root],
    /// Paths below the root: the documented one first, then the other spellings. Case never matters.
    pub(crate) paths: &'static [&'static str],
    pub(crate) methods: Methods,
    pub(crate) access: Access,
    /// Beside `f` and `token`, which every request may have.
    pub(crate) fields: &'static [Field],
}

impl Row {
    const fn new(operation: Operation, roots: &'static [Root], paths: &'static [&'static str]) -> Self {
        let access = Access::SignedIn;
        Self { operation, roots, paths, methods: Methods::Read, access, fields: &[] }
    }

    const fn public(mut self) -> Self {
        self.access = Access::Public;
        self
    }

    const fn needs(mut self, privilege: Privilege) -> Self {
        self.access = Access::Needs(privilege);
        self
    }

    const fn changes(mut self) -> Self {
        self.methods = Methods::Change;
        self
    }

    const fn with(mut self, fields: &'static [Field]) -> Self {
        self.fields = fields;
        self
    }

    /// Whether a file is among its fields; no other request is large.
    pub(crate) fn takes_file(&self) -> bool {
        self.fields.iter().any(|field| field.kind == Kind::File)
    }
}

const CERTIFICATES: &[Root] = &[Root::PortalMachine, Root::PortalSecurity, Root::ServerMachine];
const PORTAL_CERTIFICATES: &[Root] = &[Root::PortalMachine, Root::PortalSecurity];
const DIRECTORIES: &[Root] = &[Root::PortalDirectory, Root::ServerDirectory];
const SERVER: &[Root] = &[Root::ServerDirectory];
const SHARING: &[Root] = &[Root::Sharing];

const ALIAS: Field = Field::text(field::ALIAS).required();
const PASSWORD: Field = Field::new(field::PASSWORD, Kind::Password);
const WEB_SERVER_ALIAS: Field = Field::text(field::WEB_SERVER_ALIAS);
const HSTS: Field = Field::new(field::HSTS, Kind::Boolean);
const SIGN_IN: &[Field] = &[
    Field::text(field::USERNAME).required(),
    PASSWORD.required(),
    Field::new(field::EXPIRATION, Kind::Number),
];

/// The table. Of two rows that fit a path the first counts: `{alias}` stands behind the names of operations.
pub(crate) static ROWS: &[Row] = &[
    // Certificates.
    Row::new(Operation::Certificates, CERTIFICATES, &[""]).needs(Privilege::List).with(&[
        Field::text(field::AFTER),
        Field::text(field::SEARCH),
        Field::text(field::STATE),
        Field::text(field::TYPE),
        Field::text(field::SORT),
        Field::text(field::ORDER),
        Field::new(field::PAGE, Kind::Number),
    ]),
    Row::new(
        Operation::ImportServerCertificate,
        CERTIFICATES,
        &["importExistingServerCertificate", "importExistingServerCertificates"],
    )
    .changes()
    .needs(Privilege::Import)
    .with(&[
        ALIAS,
        PASSWORD,
        Field::new(field::FILE, Kind::File).required(),
        Field::new(field::CHAIN, Kind::Boolean),
        Field::text(field::ENTRY),
        Field::new(field::REPLACE, Kind::Boolean),
        Field::new(field::DRY_RUN, Kind::Boolean),
    ]),
    Row::new(Operation::ImportAuthority, CERTIFICATES, &["importRootOrIntermediate"])
        .changes()
        .needs(Privilege::Import)
        .with(&[
            ALIAS,
            Field::new(field::CA_CERTIFICATE, Kind::File).required(),
            PASSWORD,
            Field::new(field::NO_RESTART, Kind::Boolean),
        ]),
    Row::new(Operation::Generate, CERTIFICATES, &["generate", "generateCertificate"])
        .changes()
        .needs(Privilege::Import)
        .with(&[
            ALIAS,
            Field::text(field::KEY_ALGORITHM),
            Field::new(field::KEY_SIZE, Kind::Number),
            Field::text(field::SIGNATURE_ALGORITHM),
            Field::text(field::COMMON_NAME).required(),
            Field::text(field::ORGANIZATIONAL_UNIT),
            Field::text(field::ORGANIZATION),
            Field::text(field::CITY),
            Field::text(field::STATE),
            Field::text(field::COUNTRY),
            Field::new(field::VALIDITY, Kind::Number),
            Field::text(field::SAN),
            Field::new(field::REPLACE, Kind::Boolean),
        ]),
    Row::new(Operation::Update, PORTAL_CERTIFICATES, &["update"])
        .changes()
        .needs(Privilege::Administer)
        .with(&[
            WEB_SERVER_ALIAS.required(),
            Field::text(field::SSL_PROTOCOLS),
            Field::text(field::CIPHER_SUITES),
            HSTS,
        ]),
    Row::new(
        Operation::ImportSignedCertificate,
        CERTIFICATES,
        &[
            "{alias}/importSignedCertificate",
            "{alias}/importCASignedCertificate",
            // Without the alias: an old client sends it so, and the reply says itself to which key it belongs.
            "importSignedCertificate",
            "importCASignedCertificate",
        ],
    )
    .changes()
    .needs(Privilege::Import)
    .with(&[Field::new(field::SIGNED_CERTIFICATE, Kind::File).required(), Field::text(field::ALIAS)]),
    // Clients read the request with GET and with POST.
    Row::new(Operation::GenerateCsr, CERTIFICATES, &["{alias}/generateCsr"])
        .needs(Privilege::Import)
        .with(&[Field::new(field::DOWNLOAD, Kind::Boolean)]),
    Row::new(Operation::Export, CERTIFICATES, &["{alias}/export"]).needs(Privilege::Export),
    Row::new(Operation::ExportPkcs12, CERTIFICATES, &["{alias}/exportPkcs12"])
        .changes()
        .needs(Privilege::Export)
        .with(&[
            Field::new(field::PASSWORD, Kind::Password).required(),
            Field::new(field::CURRENT_PASSWORD, Kind::Password).required(),
        ]),
    Row::new(Operation::RollBack, CERTIFICATES, &["{alias}/rollBack"])
        .changes()
        .needs(Privilege::Import)
        .with(&[Field::new(field::VERSION, Kind::Number)]),
    Row::new(Operation::Delete, CERTIFICATES, &["{alias}/delete"])
        .changes()
        .needs(Privilege::Delete)
        .with(&[Field::new(field::FORCE, Kind::Boolean)]),
    Row::new(Operation::Certificate, CERTIFICATES, &["{alias}"]).needs(Privilege::List),
    // The directories.
    Row::new(Operation::Directory, DIRECTORIES, &[""]),
    Row::new(Operation::HealthCheck, DIRECTORIES, &["healthCheck"]).public(),
    Row::new(Operation::SignIn, DIRECTORIES, &["login"]).public().changes().with(SIGN_IN),
    Row::new(Operation::SignOut, DIRECTORIES, &["logout"]).changes(),
    Row::new(Operation::Script, DIRECTORIES, &["script.js"]).public(),
    Row::new(Operation::Style, DIRECTORIES, &["style.css"]).public(),
    Row::new(Operation::Machines, DIRECTORIES, &["machines"]),
    Row::new(Operation::Machine, DIRECTORIES, &["machines/{machine}"]),
    Row::new(Operation::EditMachine, SERVER, &["machines/{machine}/edit"])
        .changes()
        .needs(Privilege::Administer)
        .with(&[
            WEB_SERVER_ALIAS,
            Field::text(field::ADMIN_URL),
            Field::new(field::WEB_SERVER_MAX_HEAP_SIZE, Kind::Number),
            Field::new(field::SOC_MAX_HEAP_SIZE, Kind::Number),
            // Clients send the others back as they are.
            Field::text(field::MACHINE_NAME),
            Field::text(field::PLATFORM),
            Field::text(field::PORTS),
            Field::new(field::WEB_SERVER_SSL_ENABLED, Kind::Boolean),
            Field::text(field::CONFIGURED_STATE),
            Field::new(field::SYNCHRONIZE, Kind::Boolean),
            Field::new(field::UNDER_MAINTENANCE, Kind::Boolean),
        ]),
    Row::new(Operation::LocalMachine, SERVER, &["local"]),
    Row::new(Operation::Security, DIRECTORIES, &["security"]),
    Row::new(Operation::SecurityConfig, DIRECTORIES, &["security/config"]),
    Row::new(Operation::UpdateSecurityConfig, SERVER, &["security/config/update"])
        .changes()
        .needs(Privilege::Administer)
        .with(&[
            Field::text(field::SSL_PROTOCOLS),
            Field::text(field::CIPHER_SUITES),
            Field::text(field::PROTOCOL),
            HSTS,
        ]),
    Row::new(Operation::SecurityTokens, DIRECTORIES, &["security/tokens"]),
    Row::new(Operation::LogSettings, DIRECTORIES, &["logs/settings"]).needs(Privilege::Audit),
    Row::new(Operation::System, DIRECTORIES, &["system"]),
    // Signing in.
    Row::new(Operation::GenerateToken, &[Root::Sharing, Root::ServerDirectory], &["generateToken"])
        .public()
        .changes()
        .with(SIGN_IN),
    Row::new(Operation::GenerateToken, &[Root::Tokens], &["", "generateToken"])
        .public()
        .changes()
        .with(SIGN_IN),
    Row::new(Operation::OAuthAuthorize, SHARING, &["oauth2/authorize"]).public().with(&[
        Field::text(field::RESPONSE_TYPE),
        Field::text(field::REDIRECT_URI).required(),
        Field::text(field::STATE),
    ]),
    Row::new(Operation::OAuthSignIn, SHARING, &["oauth2/signin"]).public().changes().with(&[
        Field::text(field::OAUTH_STATE).required(),
        Field::text(field::USERNAME).required(),
        PASSWORD.required(),
        Field::new(field::EXPIRATION, Kind::Number),
    ]),
    Row::new(Operation::OpenApi, &[Root::OpenApi], &[""]).public(),
    Row::new(Operation::Metrics, &[Root::Metrics], &[""]).needs(Privilege::Audit),
    // What clients ask first.
    Row::new(Operation::SharingRoot, SHARING, &[""]).public(),
    Row::new(Operation::SharingInfo, SHARING, &["info"]).public(),
    Row::new(Operation::RestInfo, &[Root::Rest], &["info"]).public(),
    Row::new(Operation::PortalSelf, SHARING, &["portals/self"]),
    Row::new(Operation::PortalServers, SHARING, &["portals/self/servers"]),
    Row::new(Operation::CommunitySelf, SHARING, &["community/self"]),
    Row::new(Operation::CommunityUser, SHARING, &["community/users/{name}"]),
];

/// A path below a root that is in no row. It asks for a token first: a stranger learns nothing of what there is.
pub(crate) static NOT_OFFERED: &Row = &Row::new(Operation::NotOffered, &Root::ALL, &[]);

/// A path below no root.
pub(crate) static OUTSIDE: &Row = &Row::new(Operation::Outside, &[Root::Outside], &[]).public();

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_operation_below_the_certificates_says_who_may_ask_for_it() {
        for row in ROWS.iter().filter(|row| row.roots.contains(&Root::PortalMachine)) {
            assert!(matches!(row.access, Access::Needs(_)), "{row:?}");
        }
    }

    #[test]
    fn whatever_changes_something_behind_a_token_needs_a_privilege_or_ends_the_session() {
        for row in ROWS.iter().filter(|row| row.methods == Methods::Change && row.access != Access::Public) {
            assert!(matches!(row.access, Access::Needs(_)) || row.operation == Operation::SignOut, "{row:?}");
        }
    }

    #[test]
    fn no_alias_can_be_the_name_of_an_operation() {
        let below = ROWS.iter().filter(|row| row.roots.contains(&Root::PortalMachine));
        let words = below.flat_map(|row| row.paths).filter_map(|path| path.rsplit('/').next());
        let mut checked = 0;
        for word in words.filter(|word| !word.is_empty() && !word.starts_with('{')) {
            let upper = word.to_ascii_uppercase();
            for name in [word, &upper] {
                let refused = name.parse::<strongroom::Alias>().unwrap_err();
                assert!(matches!(refused, strongroom::alias::InvalidAlias::Reserved { .. }), "{name}");
                checked += 1;
            }
        }
        assert!(checked > 20, "{checked}");
    }

    #[test]
    fn documentation_names_every_address_and_field() {
        let page = std::fs::read_to_string("../../docs/api.md").unwrap();
        let names = |name: &str| page.contains(&format!("`{name}`")) || page.contains(&format!("/{name}`"));
        for row in ROWS.iter().filter(|row| row.access != Access::Public) {
            for path in row.paths.iter().filter(|path| !path.is_empty() && **path != "logout") {
                assert!(names(path), "{path} is not in docs/api.md");
            }
            // The fields of the list are of its page for people.
            let fields = row.fields.iter().filter(|_| row.operation != Operation::Certificates);
            for name in fields.flat_map(|field| field.names) {
                assert!(names(name), "the field {name} is not in docs/api.md");
            }
        }
    }

    #[test]
    fn no_spelling_belongs_to_two_rows_of_one_root() {
        let mut seen = Vec::new();
        for (row, root) in ROWS.iter().flat_map(|row| row.roots.iter().map(move |root| (row, root))) {
            for path in row.paths {
                let spelling = (root, path.to_ascii_lowercase());
                assert!(!seen.contains(&spelling), "{spelling:?}");
                seen.push(spelling);
            }
        }
    }

    #[test]
    fn no_two_fields_of_an_operation_share_a_name() {
        for row in ROWS {
            let names = || row.fields.iter().flat_map(|field| field.names);
            for name in names() {
                let same = names().filter(|other| other.eq_ignore_ascii_case(name)).count();
                assert_eq!(same, 1, "{name} of {:?}", row.operation);
            }
        }
    }
}
