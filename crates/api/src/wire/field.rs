//! Names of fields. Clients of one flavour call on the other's paths too, so every spelling holds everywhere.

use super::Flavour;

/// A field under all the names that clients give it: the portal's documented one first, the server's second where it
/// has its own, then what else is sent. They are compared without regard to case.
pub(crate) type Names = &'static [&'static str];

/// The documented name.
pub(crate) fn documented(names: Names, flavour: Flavour) -> &'static str {
    let first = names.first().copied().unwrap_or_default();
    match flavour {
        Flavour::Portal => first,
        Flavour::Server => names.get(1).copied().unwrap_or(first),
    }
}

/// A field of an operation, as the table of routes has it.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) struct Field {
    pub(crate) names: Names,
    pub(crate) kind: Kind,
    pub(crate) required: bool,
}

/// What a field holds.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Kind {
    Boolean,
    File,
    Number,
    Password,
    Text,
}

impl Field {
    pub(crate) const fn new(names: Names, kind: Kind) -> Self {
        Self { names, kind, required: false }
    }

    pub(crate) const fn text(names: Names) -> Self {
        Self::new(names, Kind::Text)
    }

    pub(crate) const fn required(mut self) -> Self {
        self.required = true;
        self
    }
}

pub(crate) const ADMIN_URL: Names = &["adminURL"];
pub(crate) const AFTER: Names = &["after"];
pub(crate) const ALIAS: Names = &["alias"];
pub(crate) const CHAIN: Names = &["importCertificateChain"];
pub(crate) const CHECKED: Names = &["checked"];
pub(crate) const CIPHER_SUITES: Names = &["cipherSuites"];
pub(crate) const CITY: Names = &["city"];
/// The second is what an old client mistypes.
pub(crate) const CA_CERTIFICATE: Names = &["file", "rootCACertificate", "rootCSCertificate"];
pub(crate) const COMMON_NAME: Names = &["cn", "commonName"];
pub(crate) const CONFIGURED_STATE: Names = &["configuredState"];
pub(crate) const COUNTRY: Names = &["country"];
pub(crate) const CSRF: Names = &["csrfPreventToken"];
pub(crate) const CURRENT_PASSWORD: Names = &["currentPassword"];
/// Ours: a page gives its content as a file.
pub(crate) const DOWNLOAD: Names = &["download"];
pub(crate) const DRY_RUN: Names = &["dryRun"];
pub(crate) const ENTRY: Names = &["entry"];
pub(crate) const EXPIRATION: Names = &["expiration"];
pub(crate) const FILE: Names = &["file", "certFile"];
/// Ours: to delete also what is in use.
pub(crate) const FORCE: Names = &["force"];
pub(crate) const FORM: Names = &["form"];
pub(crate) const FORMAT: Names = &["f"];
pub(crate) const HSTS: Names = &["HSTSEnabled"];
pub(crate) const KEY_ALGORITHM: Names = &["keyAlg"];
pub(crate) const KEY_SIZE: Names = &["keySize"];
pub(crate) const MACHINE_NAME: Names = &["machineName"];
pub(crate) const NEXT: Names = &["next"];
pub(crate) const NO_RESTART: Names = &["norestart"];
pub(crate) const OAUTH_STATE: Names = &["oauth_state"];
pub(crate) const ORGANIZATION: Names = &["org", "organization"];
pub(crate) const ORGANIZATIONAL_UNIT: Names = &["orgUnit", "organizationalUnit"];
pub(crate) const PASSWORD: Names = &["password", "certPassword"];
pub(crate) const PLATFORM: Names = &["platform"];
pub(crate) const PORTS: Names = &["ports"];
pub(crate) const PROTOCOL: Names = &["Protocol"];
pub(crate) const REDIRECT_URI: Names = &["redirect_uri"];
pub(crate) const REPLACE: Names = &["replace"];
pub(crate) const RESPONSE_TYPE: Names = &["response_type"];
pub(crate) const SAN: Names = &["san"];
pub(crate) const SIGNATURE_ALGORITHM: Names = &["sigAlg"];
pub(crate) const SIGNED_CERTIFICATE: Names = &["file", "caSignedCertificate"];
pub(crate) const SSL_PROTOCOLS: Names = &["sslProtocols", "httpsProtocols"];
pub(crate) const SOC_MAX_HEAP_SIZE: Names = &["socMaxHeapSize"];
/// Of an address, and of a request of OAuth.
pub(crate) const STATE: Names = &["state"];
pub(crate) const SYNCHRONIZE: Names = &["synchronize"];
pub(crate) const TOKEN: Names = &["token"];
pub(crate) const UNDER_MAINTENANCE: Names = &["underMaintenance"];
pub(crate) const USERNAME: Names = &["username"];
pub(crate) const VALIDITY: Names = &["validity"];
pub(crate) const VERSION: Names = &["version"];
pub(crate) const WEB_SERVER_ALIAS: Names = &["webServerCertificateAlias"];
pub(crate) const WEB_SERVER_MAX_HEAP_SIZE: Names = &["webServerMaxHeapSize"];
pub(crate) const WEB_SERVER_SSL_ENABLED: Names = &["webServerSSLEnabled"];

// What people ask of the list.
pub(crate) const ORDER: Names = &["order"];
pub(crate) const PAGE: Names = &["page"];
pub(crate) const SEARCH: Names = &["q"];
pub(crate) const SORT: Names = &["sort"];
pub(crate) const TYPE: Names = &["type"];
